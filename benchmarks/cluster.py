"""What a second Ray worker brings: `python -m benchmarks.cluster`.

The same JPEG photographs of 640 x 480, each taken in with every check and embedded by EfficientNet-Lite0, three times:
here, on a Ray cluster of this machine with one worker, and with two. The rate is images a second from the first chunk
on, when the workers have opened their graphs; efficiency is the rate with two workers over twice the rate with one.
Each way is a process of its own. Memory: the most that all processes of a way held together, shared memory left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.ingest import ME, photographs
from benchmarks.results import keep
from sightloop.datasets import Datasets
from sightloop.events import Events
from sightloop.inference import DecodePool, load_embedder
from sightloop.runs import Executor, LocalExecutor, RayExecutor, Runs
from sightloop.storage import Records, Stores

WAYS: Final = ("local", "ray-1", "ray-2")


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--way", choices=WAYS, help="Only this one, in this process; figures to standard output.")
    parser.add_argument("--media", type=Path, help="Where the photographs are, for --way.")
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measured(given.way, given.media, given.images)))
        return 0
    figures: dict[str, Any] = {"images": given.images, "load_before": psutil.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="sightloop-cluster-") as place:
        media = Path(place, "media")
        photographs(media, given.images)
        for way in WAYS:
            asked = [sys.executable, "-m", "benchmarks.cluster", "--way", way, "--images", str(given.images)]
            done = subprocess.run([*asked, "--media", str(media)], check=True, capture_output=True, text=True)
            figures[way] = json.loads(done.stdout.splitlines()[-1])
            print(way, figures[way])
    figures["efficiency_of_two"] = round(figures["ray-2"]["images_per_s"] / (2 * figures["ray-1"]["images_per_s"]), 3)
    figures["two_workers_over_local"] = round(figures["ray-2"]["images_per_s"] / figures["local"]["images_per_s"], 3)
    print(json.dumps(figures, indent=2))
    keep("cluster", figures)
    return 0


def measured(way: str, media: Path, count: int) -> dict[str, Any]:
    """Figures of one way."""
    cores = 0 if way == "local" else int(way[-1])
    executor: Executor = RayExecutor("local", cores=cores) if cores else LocalExecutor()
    with tempfile.TemporaryDirectory(prefix="sightloop-cluster-") as place, Memory() as memory:
        records = Records(f"sqlite:///{place}/sightloop.db")
        records.migrate()
        stores, events = Stores(Path(place), records), Events(records)
        runs = Runs(records, events, Path(place, "runs.db"), executor=executor)
        with DecodePool(1) as decoder:
            datasets = Datasets(records, stores, events, runs, decoder, load_embedder(threads=1))
            runs.launch()
            run = datasets.ingest(ME, {"kind": "folder", "path": str(media)})
            first, began = 0, 0.0
            while not (now := runs.get(ME, run.id)).state.terminal:
                done = int((now.progress or {}).get("done", 0))
                if done and not first:
                    first, began = done, time.perf_counter()
                time.sleep(0.02)
            wall = time.perf_counter() - began
            output = runs.wait(ME, run.id).output
            runs.close()
        executor.close()
        records.close()
    if output["ingested"] != count:
        raise SystemExit(f"Not all was taken in: {output}")
    return {"images_per_s": round((count - first) / wall, 2), "memory_mb": memory.mb, "after": first}


class Memory:
    """While the block runs: the most megabytes that this process and all below it held, shared memory once."""

    def __init__(self) -> None:
        self.mb = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._over.wait(0.5):
            held = 0
            for one in [own, *own.children(recursive=True)]:
                try:
                    info = one.memory_info()
                    held += info.rss - info.shared
                except psutil.NoSuchProcess:
                    continue
            self.mb = max(self.mb, held >> 20)


if __name__ == "__main__":
    raise SystemExit(main())
