"""What finds duplicates and damage, how well and at what cost, side by side: `python -m benchmarks.curation`.

One folder of JPEG pictures of 640 x 480 (a lit background and twelve things before it, drawn), among them: copies byte
by byte, near-copies (75 % quality and 90 % of the size; 3 % cropped off; 10 % brighter), files that are cut off, dark
ones and blurred ones. The same folder through a whole ingest of ours (every check, blobs, thumbnails, tables) with and
without embedding, and through CleanVision, imagededup (PHash) and fastdup with their defaults, each in a process and an
environment of its own (made under ~/.cache/sightloop-curation), one after the other on the same cores.

Of pairs: recall and precision over pairs of an image and its copy, copies of one image counting as pairs too. Of what
cannot be read: recall and precision. Of dark and blurred: how many of the injected are among the as many that a tool
ranks worst (ours: by `brightness`, and by `blur` over the square of `contrast`). Cost: CPU-seconds of the process and
its children, imports left out. What is not told, a tool does not do. A tool that fails on the folder gets it without
what cannot be read.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from benchmarks.ingest import ME, Free, _children_cpu_s, photographs
from benchmarks.results import keep
from sightloop.datasets import Datasets
from sightloop.events import Events
from sightloop.inference import DecodePool, load_embedder
from sightloop.runs import Runs
from sightloop.storage import Records, Stores

ENVIRONMENTS: Final = Path.home() / ".cache" / "sightloop-curation"
PEERS: Final = {
    "cleanvision": "cleanvision==0.3.7",
    "imagededup": "imagededup==0.3.3.post2",
    "fastdup": "fastdup==2.54",
}


def main() -> None:
    """Keeps the figures under "curation"."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000, help="Before copies and damage.")
    parser.add_argument("--each", type=int, default=40, help="Injected of each kind.")
    given = parser.parse_args()
    figures: dict[str, Any] = {"images": given.images, "each": given.each, "versions": PEERS}
    with tempfile.TemporaryDirectory(prefix="sightloop-curation-") as place:
        folder = Path(place, "media")
        photographs(folder, given.images)
        furnished(folder)
        truth = injected(folder, given.each)
        count = len(list(folder.iterdir()))
        figures["load"] = {}
        for tool in ("sightloop", "sightloop without embedding", *PEERS):
            figures["load"][tool] = round(psutil.getloadavg()[0], 1)
            found = ours(folder, Path(place), tool == "sightloop") if "sightloop" in tool else theirs(tool, folder)
            figures[tool] = {"failed_on_damage": found["failed"]} if "failed" in found else {}
            if "failed" in found:
                whole = Path(place, "whole")
                shutil.copytree(folder, whole, ignore=lambda _, names: set(truth["corrupt"]))
                found = theirs(tool, whole)
            figures[tool] |= found if "failed" in found else judged(found, truth, count)
            print(tool, json.dumps(figures[tool]), file=sys.stderr)
    keep("curation", figures)


def furnished(folder: Path) -> None:
    """Puts twelve things of random shape, place and colour before each photograph, so that no two are alike."""
    for number, path in enumerate(sorted(folder.iterdir())):
        draw, image = np.random.default_rng(number), Image.open(path).convert("RGB")
        brush = ImageDraw.Draw(image)
        for shape in (brush.rectangle, brush.ellipse) * 6:
            x, y, width, height = draw.integers((0, 0, 30, 30), (600, 440, 240, 240)).tolist()
            shape((x, y, x + width, y + height), fill=tuple(draw.integers(0, 256, 3).tolist()))
        image.save(path, quality=85)


def injected(folder: Path, each: int) -> dict[str, Any]:
    """Adds copies and damage to the folder; the groups of copies, and the names of what is damaged, by kind."""
    names = iter(sorted(path.name for path in folder.iterdir()))
    groups = []
    for name in itertools.islice(names, each):
        group, data = [name], (folder / name).read_bytes()
        (folder / f"same-{name}").write_bytes(data)
        image = Image.open(io.BytesIO(data))
        smaller = image.resize((576, 432), Image.Resampling.LANCZOS)
        copies = {
            "small": smaller,
            "crop": image.crop((10, 8, 630, 472)),
            "light": ImageEnhance.Brightness(image).enhance(1.1),
        }
        for kind, copy in copies.items():
            copy.save(folder / f"{kind}-{name}", quality=75)
            group.append(f"{kind}-{name}")
        groups.append([*group, f"same-{name}"])
    damage: dict[str, list[str]] = {"corrupt": [], "dark": [], "blurred": []}
    for kind, told in damage.items():
        for name in itertools.islice(names, each):
            data = (folder / name).read_bytes()
            image = Image.open(io.BytesIO(data))
            if kind == "corrupt":
                (folder / name).write_bytes(data[: len(data) // 3])
            elif kind == "dark":
                ImageEnhance.Brightness(image).enhance(0.06).save(folder / name, quality=85)
            else:
                image.filter(ImageFilter.GaussianBlur(8)).save(folder / name, quality=85)
            told.append(name)
    return {"groups": groups, **damage}


def ours(media: Path, place: Path, embed: bool) -> dict[str, Any]:
    """A whole ingest run."""
    folder = place / f"installation-{embed}"
    folder.mkdir()
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores, events = Stores(folder, records), Events(records)
    runs = Runs(records, events, folder / "runs.db")
    with DecodePool() as decoder:
        datasets = Datasets(records, stores, events, runs, decoder, load_embedder(threads=1) if embed else Free())
        runs.launch()
        own, children = psutil.Process().cpu_times(), _children_cpu_s()
        run = datasets.ingest(ME, {"kind": "folder", "path": str(media), "trust_content": True})
        runs.wait(ME, run.id, timeout_s=3600)
        now = psutil.Process().cpu_times()
        cpu = now.user + now.system - own.user - own.system + _children_cpu_s() - children
        samples = {one.id: one for page in _pages(datasets) for one in page}
        waiting = [one.name for one in datasets.quarantine(ME)]
        groups = [[samples[one].name for one in group] for group in datasets.near_duplicates(ME).groups]
        runs.close()
    records.close()
    known = {one.name for one in samples.values()} | set(waiting)
    same = [path.name for path in media.iterdir() if path.name not in known]  # one content, one sample
    pairs = [*itertools.chain.from_iterable(itertools.combinations(group, 2) for group in groups)]
    of = {tuple(sorted(pair)) for pair in pairs} | {tuple(sorted((one, one.removeprefix("same-")))) for one in same}
    for one in same:
        first = one.removeprefix("same-")
        of |= {tuple(sorted((one, other))) for pair in pairs if first in pair for other in pair if other != first}
    ranked = sorted(samples.values(), key=lambda one: one.brightness)
    sharp = sorted(samples.values(), key=lambda one: one.blur / max(one.contrast, 1e-6) ** 2)  # dark is not blurred
    return {
        "cpu_s": cpu,
        "pairs": sorted(of) if embed else None,
        "corrupt": waiting,
        "dark": [one.name for one in ranked],
        "blurred": [one.name for one in sharp],
    }


def _pages(datasets: Datasets) -> Iterable[Any]:
    cursor = ""
    while True:
        page = datasets.samples(ME, limit=500, cursor=cursor)
        yield page.items
        cursor = page.cursor or ""
        if not cursor:
            return


def theirs(tool: str, folder: Path) -> dict[str, Any]:
    """What a peer found, or how it failed."""
    python = ENVIRONMENTS / tool / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENTS / tool)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", PEERS[tool]], check=True)
    script = Path(__file__).parent / "peers" / f"curate_{tool}.py"
    done = subprocess.run(
        [str(python), str(script), str(folder)], capture_output=True, text=True, check=False, timeout=3600,
        env={**os.environ, "FASTDUP_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no reason"])[-1][-300:]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def judged(found: Mapping[str, Any], truth: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Recall and precision of what was found, and the cost of an image."""
    told: dict[str, Any] = {"images_per_cpu_s": round(count / found["cpu_s"], 1), "cpu_s": round(found["cpu_s"], 1)}
    if found.get("pairs") is not None:
        true = {tuple(sorted(pair)) for group in truth["groups"] for pair in itertools.combinations(group, 2)}
        said = {tuple(sorted(pair)) for pair in found["pairs"]}
        told["pairs"] = _quality(said, true)
    if found.get("corrupt") is not None:
        told["corrupt"] = _quality(set(found["corrupt"]), set(truth["corrupt"]))
    for kind in ("dark", "blurred"):
        if found.get(kind) is not None:
            worst = set(found[kind][: len(truth[kind])])
            told[kind] = round(len(worst & set(truth[kind])) / len(truth[kind]), 3)
    return told


def _quality(said: set[Any], true: set[Any]) -> dict[str, float]:
    right = len(said & true)
    return {"recall": round(right / len(true), 3), "precision": round(right / max(1, len(said)), 3)}


if __name__ == "__main__":
    main()
