"""What decoding in a killable child costs, and how soon a lost one is replaced: `python -m benchmarks.containment`.

Overhead: the same files decoded through `DecodePool` (one child) and by the child's own function in this process, in
turns: milliseconds by the wall and of processor time (ours and the child's), for the pixels alone and for what ingest
asks for (pixels, thumbnail, measures). Goal: at most 15 ms more by the wall for a JPEG of one megapixel.

Recovery: a child that crashes, loops for ever, allocates 10 GB or babbles, with the limits of the product. Measured:
seconds until the file is refused, seconds from then until the next file is decoded (the pool is whole; goal 2 s), and
the longest that a file beside it took in a second child meanwhile.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from statistics import median
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.results import keep
from examples.solar_cells import elpv
from sightloop.errors import InvalidMedia
from sightloop.inference import DecodePool, DecodeRequest
from sightloop.inference.decode_child import handle

ROUNDS, TRIALS = 9, 5
EVIL = "tests.specs.inference.evil_child"
WANTED = {"pixels": DecodeRequest(), "ingest": DecodeRequest(thumbnail=True, measures=True)}


def main() -> int:
    """Exit status 0."""
    load = os.getloadavg()[0]
    with DecodePool(workers=1) as pool:
        pool.decode(cell())
        overhead = {
            f"{name}, {what}": compared(pool, data, want, count)
            for name, (data, count) in files().items()
            for what, want in WANTED.items()
        }
    recovery = {sin: recovered(sin.encode()) for sin in ("abort", "hoard", "babble", "hang")}
    figures = {"overhead": overhead, "recovery": recovery, "load_average": [load, os.getloadavg()[0]]}
    print(json.dumps(figures, indent=2))
    keep("containment", {"rounds": ROUNDS, "trials": TRIALS, **figures})
    return 0


def files() -> dict[str, tuple[bytes, int]]:
    """Real cells as files of several sizes, and how often each is decoded in a round."""
    return {
        "PNG 300 x 300": (cell(), 100),
        "JPEG 640 x 480": (mosaic(640, 480), 50),
        "JPEG 1000 x 1000": (mosaic(1000, 1000), 20),
        "JPEG 4000 x 3000": (mosaic(4000, 3000), 3),
    }


def cell() -> bytes:
    """A cell as its package has it: PNG, 300 x 300, grey."""
    return sorted(elpv.image_folder().glob("*.png"))[0].read_bytes()


def mosaic(width: int, height: int) -> bytes:
    """Cells side by side in slightly different tints, as a colour JPEG of quality 90."""
    paths, whole = sorted(elpv.image_folder().glob("*.png")), Image.new("RGB", (width, height))
    for n, (x, y) in enumerate(np.ndindex(-(-width // 300), -(-height // 300))):
        with Image.open(paths[n]) as one:
            tinted = Image.merge("RGB", [one.convert("L").point(lambda v, f=f: int(v * f)) for f in (1.0, 0.95, 0.9)])
        whole.paste(tinted, (300 * x, 300 * y))
    out = BytesIO()
    whole.save(out, "JPEG", quality=90)
    return out.getvalue()


def compared(pool: DecodePool, data: bytes, want: DecodeRequest, count: int) -> dict[str, Any]:
    """Median milliseconds for each way, and their ratios."""
    request = {"pixels": want.pixels, "size": want.size, "thumbnail": want.thumbnail, "measures": want.measures}
    ways: Mapping[str, Callable[[], Any]] = {
        "in_process": lambda: handle(request, [data]),
        "in_child": lambda: pool.decode(data, want),
    }
    wall: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, decode in ways.items():
            began, spent = time.perf_counter(), _cpu_s()
            for _ in range(count):
                decode()
            wall[way].append(1000 * (time.perf_counter() - began) / count)
            cpu[way].append(1000 * (_cpu_s() - spent) / count)
    ms = {way: {"wall": round(median(wall[way]), 2), "cpu": round(median(cpu[way]), 2)} for way in ways}
    ratio = {kind: round(ms["in_child"][kind] / ms["in_process"][kind], 2) for kind in ("wall", "cpu")}
    more = round(ms["in_child"]["wall"] - ms["in_process"]["wall"], 2)
    return {"bytes": len(data), "ms": ms, "ratio": ratio, "more_by_the_wall_ms": more}


def recovered(sin: bytes) -> dict[str, Any]:
    """Seconds of each trial: until refused, from then until the next file is decoded, and of the slowest neighbour."""
    good, refused, whole, beside = cell(), [], [], []
    for _ in range(TRIALS):
        with DecodePool(workers=1, module=EVIL) as pool, DecodePool(workers=1, module=EVIL) as neighbour:
            pool.decode(good)
            neighbour.decode(good)
            with _Neighbour(neighbour, good) as watched:
                began = time.perf_counter()
                try:
                    pool.decode(sin)
                except InvalidMedia as refusal:
                    reason = str(refusal.facts["reason"])
                at = time.perf_counter()
                pool.decode(good)
                refused.append(at - began)
                whole.append(time.perf_counter() - at)
            beside.append(max(watched.took_s))
    return {
        "reason": reason,
        "refused_s": _told(refused),
        "whole_again_s": _told(whole),
        "neighbour_longest_s": _told(beside),
    }


class _Neighbour:
    """Decodes good files one after another in another child, as long as the block lasts."""

    def __init__(self, pool: DecodePool, data: bytes) -> None:
        self.took_s: list[float] = []
        self._pool, self._data = pool, data
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> _Neighbour:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            began = time.perf_counter()
            self._pool.decode(self._data)
            self.took_s.append(time.perf_counter() - began)


def _cpu_s() -> float:
    """Processor seconds of this process and its children; those of children come in hundredths."""
    return time.process_time() + sum(sum(one.cpu_times()[:2]) for one in psutil.Process().children())


def _told(seconds: list[float]) -> dict[str, float]:
    return {"median": round(median(seconds), 3), "most": round(max(seconds), 3)}


if __name__ == "__main__":
    raise SystemExit(main())
