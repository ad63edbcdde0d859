"""KITTI: `<split>/label_2/*.txt` beside `<split>/image_2/`; a line an object, its box from the left top on in pixels.

After the readme of KITTI's object development kit (Geiger et al.): type, truncated, occluded, alpha, left, top, right,
bottom, height, width, length, x, y, z, rotation_y, and for results a score. All but type and box are attributes of
those names; what is not known has the value that the kit gives to DontCare. A class name is percent-encoded where a
column cannot bear it. A cuboid of a sweep is told on the images of its group by their calibration, and left out of the
sweep's own file. Kept: boxes, and those attributes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, unquote

from sightloop.datasets.formats.rows import (
    Content,
    Drawn,
    ExportItem,
    FormatObject,
    Items,
    LabelRow,
    Losses,
    by_file,
    numbered,
    unpack,
    unreadable,
)
from sightloop.domain import LabelSchema
from sightloop.vision import bounds_of

TITLE: Final = "KITTI"
ON_IMAGES: Final = True  # cuboids of a sweep come as attributes of boxes on the images of its group
_HINT: Final = "It needs label_2/*.txt, each line a type and 14 numbers, or 15 with a score."
_UNKNOWN: Final[Mapping[str, float]] = {
    "truncated": -1, "occluded": -1, "alpha": -10, "height": -1, "width": -1, "length": -1,
    "x": -1000, "y": -1000, "z": -1000, "rotation_y": -10,
}  # fmt: skip
_BEFORE: Final = ("truncated", "occluded", "alpha")
_AFTER: Final = ("height", "width", "length", "x", "y", "z", "rotation_y")
_PLACELESS: Final = ("class", "polyline", "cuboid")


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each file in a folder "label_2", or for the one bare file; the folder above is the split."""
    unpacked = unpack(data, ".txt")
    digests = by_file(unpacked.digests)
    images = {PurePosixPath(name).stem: PurePosixPath(name).name for name in unpacked.digests}
    rows = []
    for name, text in sorted(unpacked.texts.items()):
        folders = PurePosixPath(name).parts[:-1]
        if name and (not folders or folders[-1] != "label_2"):
            continue
        line = 0
        try:
            found = []
            for line, content in numbered(text):  # noqa: B007  the error tells the line
                words = content.split()
                if len(words) not in (15, 16):
                    raise ValueError("a line of other columns")
                numbers = [float(one) for one in words[1:]]
                if not all(map(math.isfinite, numbers)):
                    raise ValueError("not finite")
                found.append((unquote(words[0]), numbers))
        except ValueError as error:
            raise unreadable("KITTI", name, _HINT, error, line) from error
        stem = PurePosixPath(name).stem
        split = folders[-2] if len(folders) > 1 else ""
        drawn = _maker(found, losses)
        rows.append(LabelRow("", digest=digests.get(stem, ""), name=images.get(stem, stem), split=split, objects=drawn))
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """A file for each image, which is empty where it has no objects; and the classes, where Datumaro looks for them."""
    names = {str(i): quote(name, safe="") for i, name in enumerate(schema.classes)}
    yield "dataset_meta.json", json.dumps({"label_map": names}).encode()
    for item in items:
        losses["the class of an image is left out"] += bool(item.label)
        losses["the metadata of an image are left out"] += bool(item.metadata)
        lines = [line for one in item.objects if (line := _line(one, losses))]
        yield f"{item.split}/label_2/{item.stem}.txt", "".join(f"{line}\n" for line in lines).encode()


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"{item.split}/image_2/{item.file}"


def _line(one: FormatObject, losses: Losses) -> str:
    if one.geometry_type in _PLACELESS:
        losses[f"a {one.geometry_type} is left out: KITTI has none"] += 1
        return ""
    if one.geometry_type != "box":
        losses[f"a {one.geometry_type} is written as its bounds"] += 1
    told = {name: one.attributes.get(name) for name in (*_BEFORE, *_AFTER, "score")}
    numbers = {name: value for name, value in told.items() if isinstance(value, int | float) and value is not True}
    losses["an attribute of an object is left out"] += len(one.attributes) - len(numbers)
    x, y, width, height = bounds_of(one.geometry_type, one.geometry)
    before, after = ([numbers.get(name, _UNKNOWN[name]) for name in names] for names in (_BEFORE, _AFTER))
    score = [numbers["score"]] if "score" in numbers else []
    values = [*before, x, y, x + width, y + height, *after, *score]
    return " ".join([quote(one.label, safe=""), *(f"{value:.12g}" for value in values)])


def _maker(lines: Sequence[tuple[str, Sequence[float]]], losses: Losses) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for label, numbers in lines:
            if label == "DontCare":
                losses["a region DontCare is left out"] += 1
                continue
            left, top, right, bottom = numbers[3:7]
            told = zip((*_BEFORE, *_AFTER), [*numbers[:3], *numbers[7:14]], strict=True)
            known: dict[str, Any] = {name: value for name, value in told if value != _UNKNOWN[name]}
            if len(numbers) > 14:
                known["score"] = numbers[14]
            box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
            yield FormatObject(label, "box", box, known)

    return draw
