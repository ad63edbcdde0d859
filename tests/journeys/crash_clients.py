"""Four clients of a server that dies now and then: each keeps a ledger of what it was told is done.

A client sends each request under an idempotency key until it is acknowledged, whoever answers by then.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import sightloop
from sightloop.errors import SightloopError
from tests.journeys.crash_operations import Place, opened


def ingest(ws: Any, place: Place, number: int) -> Any:
    folder = place.folder.parent / f"incoming-{number}"
    folder.mkdir(exist_ok=True)
    for at in range(3):
        noise = np.random.default_rng(1000 * number + at)
        Image.fromarray(noise.integers(0, 255, (48, 48, 3), dtype=np.uint8)).save(folder / f"{number}-{at}.png")
    run = ws.ingest(folder, key=f"ingest-{number}")
    return [run.id, sorted(path.name for path in folder.iterdir())]


def label(ws: Any, place: Place, number: int) -> Any:
    sample = place.free()[number % 4]
    chosen = ("ok", "defect")[number // 4 % 2]
    ws.labels.import_("cells", {sample: chosen}, key=f"label-{number}")
    return [sample, chosen]


def predict(ws: Any, place: Place, number: int) -> Any:
    image = place.image("poly", number % 20)
    return ws.deployments.predict("line-1", image, request_id=f"predict-{number}").prediction_id


def read(ws: Any, place: Place, number: int) -> Any:
    return [ws.samples.count(), ws.status().models]


WORK: dict[str, Callable[[Any, Place, int], Any]] = {
    "ingest": ingest, "label": label, "predict": predict, "read": read,
}  # fmt: skip


def make_key(place: Place) -> str:
    """A key of the installation, which is not served yet."""
    with opened(place) as ws:
        return str(ws.keys.create("admin").secret)


def main(work: str, folder: str, images: str, url: str, key: str, ledger: str, stop: str) -> None:
    place, number = Place(Path(folder), Path(images), url), 0
    ws = sightloop.connect(url, key=key)
    with open(ledger, "w") as kept:
        while not Path(stop).exists():
            told = until_told(partial(WORK[work], ws, place, number))
            kept.write(json.dumps(told) + "\n")
            kept.flush()
            number += 1


def until_told(ask: Callable[[], Any]) -> Any:
    """The answer, however often the server dies before it gives one; raises what no retry mends."""
    until = time.monotonic() + 300
    while True:
        try:
            return ask()
        except SightloopError as error:
            if not error.retryable or time.monotonic() > until:
                raise
            time.sleep(0.1)


def verify(place: Place, told: dict[str, list[Any]]) -> list[str]:
    """What the clients were told is done and is not, or is there twice."""
    with opened(place) as ws:
        names = Counter(sample.name for sample in ws.samples.list())
        predictions = Counter(one.id for one in ws.predictions.list())
        lost = [f"sample {name}" for _, listed in told["ingest"] for name in listed if names[name] != 1]
        lost += [f"prediction {one}" for one in told["predict"] if predictions[one] != 1]
        lost += [f"twice: {one}" for one, count in predictions.items() if count > 1]
        for sample in place.free():
            said = [label for one, label in told["label"] if one == sample]
            history = [(one.revision, one.label) for one in ws.samples.annotations(sample)]
            revisions = [label for _, label in sorted(history)]
            if revisions[: len(said)] != said or len(revisions) > len(said) + 1:
                lost.append(f"labels of {sample}: {said} became {revisions}")
        counts = [count for count, _ in told["read"]]
        lost += ["samples became fewer"] if counts != sorted(counts) else []
        lost += list(ws.fsck(deep=True).problems)
        lost += [] if ws.audit.verify().ok else ["the audit chain is broken"]
    return lost


if __name__ == "__main__":
    main(*sys.argv[1:])
