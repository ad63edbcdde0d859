"""How fast labels come in and versions go out: `python -m benchmarks.formats [SIZE ...]`.

For 1,000 to 1,000,000 boxes, 20 an image, of samples that are only rows (nothing is decoded), each size in a process of
its own: a COCO file is imported, up to 100,000 boxes the same file again, a version is committed and exported without
media, up to 100,000 boxes in each format, beyond as COCO and Parquet.
Told are seconds of CPU and by the clock, objects a second of CPU, and the peak of the process' memory (RSS) before and
after each step.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

import sightloop.storage.places
from benchmarks.results import keep
from sightloop.app import Installation, open_installation
from sightloop.datasets import ImportReport
from sightloop.datasets.catalogue import SAMPLES_TABLE, sample_id
from sightloop.datasets.rows import sample_row, samples_table, vectors_table
from sightloop.domain import Caller, Role, Sample, digest_of
from sightloop.settings import load_settings
from sightloop.storage import move_pointer

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
EACH: Final = 20
CLASSES: Final = ("bolt", "crack", "loose wire")
CALLER: Final = Caller("default", "usr_bench", Role.ADMIN)
OUT: Final = ("coco", "yolo", "voc", "cvat", "label-studio", "datumaro", "kitti", "mot", "parquet", "croissant")
FEW: Final = 100_000
MANY_OUT: Final = ("coco", "parquet")
PEERS: Final = 100_000
_CHUNK: Final = 2_000


def main() -> None:
    """Keeps the figures under "formats"."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--one", type=int, help="measure this size here, and print it")
    parser.add_argument("--save", type=Path, help="leave the COCO export in this folder")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.one, asked.save)))
        return
    load = os.getloadavg()[0]
    figures: dict[str, Any] = {"sizes": {}, "boxes_an_image": EACH, "load_average": load}
    for size in asked.sizes:
        figures["sizes"][str(size)] = _apart(size, None)
        keep("formats", figures)


def measured(boxes: int, save: Path | None) -> dict[str, Any]:
    """What each step took of a workspace that is made for it."""
    sightloop.storage.places.__dict__["sync"] = lambda path: None
    with tempfile.TemporaryDirectory() as folder:
        installation = open_installation(Path(folder), load_settings(Path(folder), {}))
        try:
            return _measured(installation, boxes, save)
        finally:
            installation.close()


def _measured(installation: Installation, boxes: int, save: Path | None) -> dict[str, Any]:
    data = installation.datasets
    digests = [digest_of(f"image {i}".encode()) for i in range(max(boxes // EACH, 1))]
    ids = _samples(installation, digests)
    schema = data.create_schema(CALLER, "parts", CLASSES, ["class", "box"])
    labels = b"".join(_coco(digests, boxes))
    steps: dict[str, Any] = {"bytes_of_coco": len(labels)}

    def imported() -> ImportReport:
        return data.import_labels(CALLER, schema.id, labels, format="coco")

    report = _timed(steps, "import", boxes, imported)
    assert report.written == boxes, report
    if boxes <= FEW:
        again = _timed(steps, "import_again", boxes, imported)
        assert again.unchanged == boxes, again
    data.create(CALLER, "parts", schema.id)
    splits = {one: ("train", "test")[i % 10 == 0] for i, one in enumerate(ids)}
    version = _timed(steps, "commit", boxes, lambda: data.commit(CALLER, "parts", add=splits))
    for format in ("coco",) if save is not None else OUT if boxes <= FEW else MANY_OUT:
        write = partial(data.export, CALLER, version.id, format, media=False)
        archive = _timed(steps, f"export_{format}", boxes, write)
        with archive:
            steps[f"export_{format}"]["bytes"] = archive.seek(0, 2)
            if save is not None:
                zipfile.ZipFile(archive).extractall(save)
    return steps


def _timed(steps: dict[str, Any], name: str, boxes: int, work: Callable[[], Any]) -> Any:
    before, began, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    done = work()
    spent = time.process_time() - cpu
    steps[name] = {
        "s": round(time.perf_counter() - began, 2), "cpu_s": round(spent, 2), "a_cpu_s": round(boxes / spent),
        "rss_before_mb": before, "rss_peak_mb": _peak_mb(),
    }  # fmt: skip
    print(boxes, name, steps[name], file=sys.stderr)
    return done


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _samples(installation: Installation, digests: list[str]) -> list[str]:
    """Ids of the samples that the workspace now has, one for each digest."""
    ids = [sample_id(CALLER, digest) for digest in digests]
    rows = [
        sample_row(
            Sample(one, digest, name=f"{i:07d}.jpg", width=1920, height=1080, phash=digest[:16]), run="", location=""
        )
        for i, (one, digest) in enumerate(zip(ids, digests, strict=True))
    ]
    stores = installation.stores.workspace(CALLER.workspace)
    versions = {SAMPLES_TABLE: stores.tables.append(SAMPLES_TABLE, samples_table(rows))}
    vectors = installation.datasets._similarity.table
    noise = np.random.default_rng(0)
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        drawn = noise.standard_normal((len(some), installation.embedder.dimensions), np.float32)
        versions[vectors] = stores.tables.append(vectors, vectors_table(some, drawn.astype(np.float16)))
    with installation.events.change(CALLER, "samples.make", "bench") as change:
        for name, version in versions.items():
            move_pointer(change.connection, CALLER.workspace, name, version)
        change.emit("sightloop.samples.made", {"count": len(rows)})
    return ids


def _coco(digests: list[str], boxes: int) -> Iterator[bytes]:
    noise = np.random.default_rng(0)
    yield b'{"images":['
    lines = (f'{{"id":{i},"file_name":"{i:07d}.jpg","sha256":"{one}"}}' for i, one in enumerate(digests))
    yield ",".join(lines).encode()
    yield b'],"categories":['
    yield ",".join(f'{{"id":{i},"name":"{name}"}}' for i, name in enumerate(CLASSES)).encode()
    yield b'],"annotations":['
    for start in range(0, boxes, 10_000):
        many = min(10_000, boxes - start)
        places = np.round(noise.uniform(0, 900, (many, 2)), 2).tolist()
        sizes = np.round(noise.uniform(5, 100, (many, 2)), 2).tolist()
        lines = (
            f'{{"id":{start + i},"image_id":{(start + i) // EACH % len(digests)},"category_id":{i % 3},'
            f'"bbox":[{x},{y},{w},{h}],"area":{w * h:.2f},"iscrowd":0}}'
            for i, ((x, y), (w, h)) in enumerate(zip(places, sizes, strict=True))
        )
        yield (b"," if start else b"") + ",".join(lines).encode()
    yield b"]}"


def _apart(boxes: int, save: Path | None) -> Any:
    command = [sys.executable, "-m", "benchmarks.formats", "--one", str(boxes)]
    done = subprocess.run(command + (["--save", str(save)] if save else []), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
