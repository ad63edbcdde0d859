"""YOLO: `data.yaml`, `images/<split>/`, `labels/<split>/*.txt`; a line an object, coordinates as shares of the image.

After Ultralytics' dataset pages (docs.ultralytics.com/datasets: detect, segment, pose, obb). All files are of one task,
which `task` in data.yaml names; where it does not, five numbers are a box, `kpt_shape` says keypoints, all else is a
polygon. The task is that of the most frequent geometry. Kept: boxes (detect, pose), polygons without holes (segment),
keypoints (pose), rotated boxes (obb).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

import yaml

from sightloop.datasets.formats.rows import (
    Content,
    Drawn,
    ExportItem,
    FormatObject,
    Items,
    LabelRow,
    Losses,
    numbered,
    unpack,
    unreadable,
)
from sightloop.domain import LabelSchema
from sightloop.vision import bounds_of, outline_of

TITLE: Final = "YOLO"
_TASKS: Final = {"box": "detect", "polygon": "segment", "mask": "segment", "keypoints": "pose", "rotated_box": "obb"}
_KEEPS: Final = {"detect": "box", "segment": "polygon", "pose": "keypoints", "obb": "rotated_box"}
_HINT: Final = (
    'It needs a data.yaml with "names" and labels/<split>/<image>.txt with "class x y width height" in shares.'
)
_MAX_YAML: Final = 1 << 20
_MAX_TEXT: Final = 16 << 20


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each label file in the archive; the folder that holds it is the split."""
    unpacked = unpack(data, ".txt", ".yaml", ".yml")
    plain = {name: text for name, text in unpacked.texts.items() if name.lower().endswith(".txt")}
    settings = [text for name, text in unpacked.texts.items() if name not in plain]
    images = {_place(name, "images"): (name, digest) for name, digest in unpacked.digests.items()}
    name, line = "data.yaml", 0
    try:
        if len(settings) != 1 or len(settings[0]) > _MAX_YAML:
            raise ValueError("no settings")
        told = yaml.safe_load(settings[0])
        names = told["names"]
        classes = dict(enumerate(names)) if isinstance(names, list) else {int(key): one for key, one in names.items()}
        classes = {key: one for key, one in classes.items() if isinstance(one, str | int)}
        shape = told.get("kpt_shape")
        task = str(told.get("task") or ("pose" if shape else ""))
        rows = []
        for name, text in sorted(plain.items()):
            if "labels" not in PurePosixPath(name).parts:
                continue
            line = 0
            if len(text) > _MAX_TEXT:
                raise ValueError("too long")
            lines = []
            for line, content in numbered(text, _MAX_TEXT):  # noqa: B007  the error tells the line
                number, *values = content.split()
                lines.append((str(classes[int(number)]), [float(one) for one in values]))
            place = _place(name, "labels")
            image, digest = images.get(place, (PurePosixPath(name).stem, ""))
            split = PurePosixPath(name).parent.name
            drawn = _maker(lines, task, int(shape[1]) if shape else 0, losses)
            rows.append(
                LabelRow("", digest=digest, name=image, split="" if split == "labels" else split, objects=drawn)
            )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, yaml.YAMLError, RecursionError) as error:
        raise unreadable("YOLO", name, _HINT, error, line) from error
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """data.yaml, and a file for each image, which is empty where it has no objects."""
    kinds = Counter(_TASKS[one.geometry_type] for item in items for one in item.objects if one.geometry_type in _TASKS)
    task = kinds.most_common(1)[0][0] if kinds else "detect"
    splits = [split for split, _ in items.by_split()]
    settings: dict[str, Any] = {
        "path": ".",
        **{split: f"images/{split}" for split in splits},
        "names": dict(enumerate(schema.classes)),
        "task": task,
    }
    if task == "pose":
        settings["kpt_shape"] = [len(schema.skeleton["points"]), 3]
    yield "data.yaml", yaml.safe_dump(settings, sort_keys=False, allow_unicode=True).encode()
    number = {name: i for i, name in enumerate(schema.classes)}
    for item in items:
        losses["the class of an image is left out"] += bool(item.label)
        losses["the metadata of an image are left out"] += bool(item.metadata)
        lines = []
        for one in item.objects:
            values = _values(one, task, item, len(schema.skeleton.get("points", ())), losses)
            if values is not None:
                lines.append(" ".join([str(number[one.label]), *(f"{value:.12g}" for value in values)]))
        yield f"labels/{item.split}/{item.stem}.txt", "".join(f"{line}\n" for line in lines).encode()


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"images/{item.split}/{item.file}"


def _values(one: FormatObject, task: str, item: ExportItem, skeleton: int, losses: Losses) -> list[float] | None:
    kind, w, h = one.geometry_type, item.width, item.height
    losses["the attributes of an object are left out"] += bool(one.attributes)
    if kind not in _TASKS:
        losses[f"a {kind} is left out: YOLO has none"] += 1
        return None
    if kind != _KEEPS[task] and not (task == "pose" and kind == "box"):
        losses[f"a {kind} is written as its {'bounds' if kind != 'box' else 'corners'}: the files are of one task"] += 1
    x, y, width, height = bounds_of(kind, one.geometry)
    centre = [(x + width / 2) / w, (y + height / 2) / h, width / w, height / h]
    if task == "detect":
        return centre
    if task == "pose":
        points = one.geometry["points"] if kind == "keypoints" else [[0, 0, 0]] * skeleton
        return centre + [value for px, py, seen in points for value in (px / w, py / h, seen)]
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    outline = outline_of(kind, one.geometry) if kind == _KEEPS[task] else corners
    if kind == "polygon" and len(one.geometry["rings"]) > 1:
        losses["the holes of a polygon are filled"] += 1
    return [value for px, py in outline for value in (px / w, py / h)]


def _maker(lines: Sequence[tuple[str, list[float]]], task: str, dimensions: int, losses: Losses) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for label, values in lines:
            found = _geometry(values, task, dimensions, width, height)
            if found is None:
                losses["a line that cannot be read is left out"] += 1
            else:
                yield FormatObject(label, *found)

    return draw


def _geometry(
    values: Sequence[float], task: str, dimensions: int, width: int, height: int
) -> tuple[str, Mapping[str, Any]] | None:
    points = [[x * width, y * height] for x, y in zip(values[::2], values[1::2], strict=False)]
    if task == "pose" and dimensions in (2, 3) and len(values) > 4:
        rest = values[4:]
        found = [
            [rest[i] * width, rest[i + 1] * height, rest[i + 2] if dimensions == 3 else 2]
            for i in range(0, len(rest) - dimensions + 1, dimensions)
        ]
        if any(seen for _, _, seen in found):
            return "keypoints", {"points": found}
    if len(values) == 4 or (task in ("pose", "detect") and len(values) > 4):
        (cx, cy), (w, h) = points[:2]
        return "box", {"x": cx - w / 2, "y": cy - h / 2, "width": w, "height": h}
    if task == "obb" and len(values) == 8:
        return "rotated_box", _rotated(points)
    return ("polygon", {"rings": [points]}) if len(values) >= 6 and len(values) % 2 == 0 else None


def _rotated(corners: Sequence[Sequence[float]]) -> dict[str, float]:
    """The box whose corners these are; its angle is that of the first side."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    return {
        "cx": (ax + bx + cx + dx) / 4,
        "cy": (ay + by + cy + dy) / 4,
        "width": math.hypot(bx - ax, by - ay),
        "height": math.hypot(dx - ax, dy - ay),
        "angle_deg": math.degrees(math.atan2(by - ay, bx - ax)),
    }


def _place(name: str, folder: str) -> str:
    """What an image and its label file share: the path below `folder`, without the ending."""
    path = PurePosixPath(name)
    parts = path.with_suffix("").parts
    return "/".join(parts[len(parts) - parts[::-1].index(folder) :]) if folder in parts else path.stem
