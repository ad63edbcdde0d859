"""How many images a processor-second takes in: `python -m benchmarks.ingest`.

Two sets, each through a whole ingest run with every check (decoded in children, measured, hashed, thumbnailed, blobs,
Lance, SQL, near-duplicates): JPEG photographs of 640 x 480, made here, and ELPV's PNG of 300 x 300. Once with an
embedder that costs nothing, and once with EfficientNet-Lite0, beside its bare graph on the same decoded images in the
same run. Processor time of the process and its children, so that other work on the machine matters little.

Stages: thread time of each part in this process; the children's time is split by what its parts take in this process
on the same images. `rest` is everything else: pipes, threads, Lance's own threads, the run itself.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import psutil
import simplejpeg

from benchmarks.results import keep
from examples.solar_cells import elpv
from sightloop.datasets import Datasets, inspection
from sightloop.datasets.sources import Reader
from sightloop.domain import Caller, Role
from sightloop.events import Events
from sightloop.inference import DecodePool, Embedder, decode_child, load_embedder
from sightloop.runs import Runs
from sightloop.storage import Blobs, Records, Stores, Tables

ME: Final = Caller("default", "benchmark", Role.ADMIN)
PARTS: Final[Sequence[tuple[str, Any, str]]] = (
    ("read", Reader, "read"),
    ("hash", inspection, "digest_of"),
    ("perceptual hash", inspection, "perceptual_hash"),
    ("blobs", Blobs, "put_many"),
    ("lance", Tables, "upsert"),
    ("sql", Events, "change"),
)


class Free:
    """An embedder that costs nothing."""

    id = "free@1"
    dimensions = 4
    size = 300
    graph = b""

    def embed(self, images: Sequence[Any]) -> Any:
        return np.eye(4, dtype=np.float32)[np.arange(len(images)) % 4]


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=768, help="Of each set.")
    parser.add_argument("--embedded", type=int, default=512, help="Of those that are also embedded.")
    given = parser.parse_args()
    figures: dict[str, Any] = {"images": given.images, "embedded": given.embedded}
    with tempfile.TemporaryDirectory(prefix="sightloop-ingest-") as place:
        for name, make in (("jpeg_640x480", photographs), ("elpv_png_300", cells)):
            many, few = Path(place, f"{name}-many"), Path(place, f"{name}-few")
            make(many, given.images)
            make(few, given.embedded)
            checked, _ = ingested(Path(place, name), many, given.images, Free())
            paths = sorted(few.iterdir())
            figures[name] = {**checked, "in_child": child_parts(paths[:64])}
            embedder = load_embedder(threads=1)
            bare = embedded(embedder, paths)
            whole, inside = ingested(Path(place, f"{name}-embedded"), few, given.embedded, embedder)
            figures[name] |= {
                "with_embedding": whole,
                "bare_backbone_ms": round(1000 * bare, 3),
                "backbone_in_ingest_ms": round(1000 * inside / given.embedded, 3),
                "of_bare_backbone": round(bare * 1000 / whole["cpu_ms"], 3),
            }
            print(name, json.dumps(figures[name], indent=2))
    keep("ingest", figures)
    return 0


def photographs(folder: Path, count: int) -> None:
    """JPEGs of 640 x 480: smooth shapes with a little noise, each different; about as large as a camera's."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    y, x = np.mgrid[0:480, 0:640]
    for number in range(count):
        a, b, c = draw.uniform(8, 60, 3)
        planes = [127 + 80 * np.sin(x / (a + 3 * k) + b) * np.cos(y / (c + k)) for k in range(3)]
        noise = draw.normal(scale=5, size=(480, 640, 3)).astype(np.float32)
        image = np.clip(np.stack(planes, axis=-1) + noise, 0, 255).astype(np.uint8)
        (folder / f"{number:05d}.jpg").write_bytes(simplejpeg.encode_jpeg(image, quality=85, colorsubsampling="420"))


def cells(folder: Path, count: int) -> None:
    """Copies of ELPV's first images."""
    folder.mkdir()
    for cell in elpv.read_cells(count):
        shutil.copy(elpv.image_folder() / cell.name, folder)


def ingested(folder: Path, media: Path, count: int, embedder: Embedder) -> tuple[dict[str, Any], float]:
    """A whole ingest run: figures an image, and the seconds that the embedder took of it."""
    folder.mkdir()
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores, events = Stores(folder, records), Events(records)
    runs = Runs(records, events, folder / "runs.db")
    with DecodePool() as decoder, _timed(embedder) as spent:
        datasets = Datasets(records, stores, events, runs, decoder, embedder)
        runs.launch()
        decoder.start_one()
        began, own, children = time.perf_counter(), time.process_time(), _children_cpu_s()
        run = datasets.ingest(ME, {"kind": "folder", "path": str(media)})
        done = runs.wait(ME, run.id, timeout_s=1200).output
        wall, own = time.perf_counter() - began, time.process_time() - own
        children = _children_cpu_s() - children
        runs.close()
    records.close()
    if done["ingested"] != count:
        raise SystemExit(f"Not all was taken in: {done}")
    each = 1000 / count
    total = own + children
    stages = {name: round(seconds * each, 3) for name, seconds in spent.items()}
    stages["decode children"] = round(children * each, 3)
    stages["rest"] = round((own - sum(spent.values())) * each, 3)
    return {
        "images_per_cpu_s": round(count / total, 1),
        "images_per_s": round(count / wall, 1),
        "cpu_ms": round(total * each, 3),
        "stages_ms": stages,
        "share": {name: round(value / (total * each), 3) for name, value in stages.items()},
    }, spent["embedding"]


def embedded(embedder: Embedder, paths: Sequence[Path]) -> float:
    """Processor seconds an image of the bare graph on decoded pixels, 16 at a time as ingest does."""
    pixels = [decode(path.read_bytes(), pixels=True, thumbnail=False)[1][-1] for path in paths]
    embedder.embed(pixels[:4])
    began = time.process_time()
    for at in range(0, len(pixels), 16):
        embedder.embed(pixels[at : at + 16])
    return (time.process_time() - began) / len(pixels)


def child_parts(paths: Sequence[Path]) -> dict[str, float]:
    """Milliseconds an image of what a child does, measured here: decoding with checks, quality, pixels, thumbnail."""
    media = [path.read_bytes() for path in paths]
    asked: dict[str, dict[str, bool]] = {
        "decode and 32 x 32": {"pixels": False, "thumbnail": False},
        "quality": {"pixels": False, "thumbnail": False, "measures": True},
        "pixels": {"pixels": True, "thumbnail": False},
        "thumbnail": {"pixels": False, "thumbnail": True},
    }
    times = {name: _best_ms(media, want) for name, want in asked.items()}
    first = times["decode and 32 x 32"]
    return {name: round(value if value == first else max(0.0, value - first), 3) for name, value in times.items()}


def _best_ms(media: Sequence[bytes], want: dict[str, bool]) -> float:
    spent = []
    for _ in range(3):
        began = time.thread_time()
        for data in media:
            decode(data, **want)
        spent.append(1000 * (time.thread_time() - began) / len(media))
    return min(spent)


def decode(data: bytes, *, pixels: bool, thumbnail: bool, measures: bool = False) -> Any:
    return decode_child.handle({"pixels": pixels, "size": None, "thumbnail": thumbnail, "measures": measures}, [data])


def _children_cpu_s() -> float:
    """Of children that run and of those that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = (child.cpu_times() for child in psutil.Process().children(recursive=True))
    return ended.ru_utime + ended.ru_stime + float(sum(times.user + times.system for times in running))


@contextmanager
def _timed(embedder: Embedder) -> Iterator[defaultdict[str, float]]:
    """The thread time that each part takes within the block, by name."""
    spent: defaultdict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        for name, owner, attribute in (*PARTS, ("embedding", type(embedder), "embed")):
            timed = _timer(getattr(owner, attribute), name, spent)
            stack.enter_context(patch.object(owner, attribute, timed))
        yield spent


def _timer(function: Callable[..., Any], name: str, spent: defaultdict[str, float]) -> Callable[..., Any]:
    if name == "sql":  # a block, not a call

        @contextmanager
        def block(*args: Any, **more: Any) -> Iterator[Any]:
            began = time.thread_time()
            with function(*args, **more) as change:
                yield change
            spent[name] += time.thread_time() - began

        return block

    def call(*args: Any, **more: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*args, **more)
        finally:
            spent[name] += time.thread_time() - began

    return call


if __name__ == "__main__":
    raise SystemExit(main())
