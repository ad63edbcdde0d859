"""Datumaro JSON: `annotations/<subset>.json` (dm_format_version 1.0) beside `images/<subset>/`.

After the page "Datumaro" of Datumaro's format documentation and what its reader takes; `sha256` and the metadata stand
in `attr` of each item. Kept: the class of the image, boxes, polygons without holes, polylines, masks, keypoints,
cuboids, attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import orjson

from sightloop.datasets.formats.json_stream import part_at, parts
from sightloop.datasets.formats.rows import (
    Content,
    Drawn,
    ExportItem,
    FormatObject,
    Items,
    LabelRow,
    Losses,
    by_file,
    unpack,
    unreadable,
)
from sightloop.domain import LabelSchema
from sightloop.errors import SightloopError
from sightloop.vision import outline_of, write_runs

_CUBOID: Final = ("x", "y", "z", "length", "width", "height", "yaw")
TITLE: Final = "Datumaro"
_HINT: Final = "It needs categories with label.labels, and items, each with id and annotations that have a type."


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each item of a file, or of all files in an archive; a file's name is the split."""
    unpacked = unpack(data, ".json")
    digests = by_file(unpacked.digests)
    rows: list[LabelRow] = []
    for name, text in sorted(unpacked.texts.items()):
        try:
            rows += _rows(text.decode("utf-8-sig"), PurePosixPath(name).stem, digests, losses)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise unreadable("Datumaro", name, _HINT, error) from error
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """One file for each split."""
    for split, chosen in items.by_split():
        yield f"annotations/{split}.json", _document(chosen, schema, losses)


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"images/{item.split}/{item.file}"


def _document(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[bytes]:
    labels = [{"name": name, "parent": "", "attributes": sorted(schema.attributes)} for name in schema.classes]
    categories: dict[str, Any] = {"label": {"labels": labels, "label_groups": [], "attributes": []}}
    if schema.skeleton:
        points = {"labels": schema.skeleton["points"], "joints": schema.skeleton["edges"]}
        categories["points"] = {"items": [{"label_id": i, **points} for i in range(len(schema.classes))]}
    head = {"dm_format_version": "1.0", "media_type": 2, "infos": {}, "categories": categories}
    yield orjson.dumps(head)[:-1] + b',\n"items":['
    number = {name: i for i, name in enumerate(schema.classes)}
    comma = b"\n"
    for item in items:
        found: list[dict[str, Any]] = [{"type": "label", "label_id": number[item.label]}] if item.label else []
        for one in item.objects:
            if fields := _fields(one, losses):
                found.append({"label_id": number[one.label], "attributes": dict(one.attributes), **fields})
        told = {
            "id": item.stem,
            "annotations": [
                {"id": i, "group": 0, "attributes": {}, "z_order": 0, **one} for i, one in enumerate(found)
            ],
            "attr": {**item.metadata, "sha256": item.digest},
            "image": {"path": item.file, "size": [item.height, item.width]},
        }
        yield comma + orjson.dumps(told)
        comma = b",\n"
    yield b"\n]}\n"


def _fields(one: FormatObject, losses: Losses) -> dict[str, Any] | None:
    kind, geometry = one.geometry_type, one.geometry
    if kind == "box":
        return {"type": "bbox", "bbox": [geometry[name] for name in ("x", "y", "width", "height")]}
    if kind in ("polygon", "rotated_box"):
        losses["a rotated_box becomes a polygon"] += kind == "rotated_box"
        losses["the holes of a polygon are filled"] += kind == "polygon" and len(geometry["rings"]) > 1
        return {"type": "polygon", "points": [value for point in outline_of(kind, geometry) for value in point]}
    if kind == "polyline":
        return {"type": "polyline", "points": [value for point in geometry["points"] for value in point]}
    if kind == "mask":
        return {"type": "mask", "rle": dict(geometry)}
    if kind == "keypoints":
        points = [value for x, y, _ in geometry["points"] for value in (x, y)]
        return {"type": "points", "points": points, "visibility": [int(seen) for _, _, seen in geometry["points"]]}
    if kind == "cuboid":
        x, y, z, length, width, height, yaw = (geometry[name] for name in _CUBOID)
        sizes = {"position": [x, y, z], "rotation": [0.0, 0.0, yaw], "scale": [length, width, height]}
        return {"type": "cuboid_3d", **sizes}
    losses[f"a {kind} is left out: Datumaro has none"] += 1
    return None


def _rows(text: str, split: str, digests: Mapping[str, str], losses: Losses) -> Iterator[LabelRow]:
    """The rows of a document, of which the text is held, and of each item where in it it stands."""
    names: list[str] | None = None
    held: list[tuple[str, str, list[int], int]] = []
    for name, value, start in parts(text, ("items",)):
        if name == "categories":
            names = [str(one["name"]) for one in value.get("label", {}).get("labels", [])]
        elif name == "items":
            image = value.get("image") or {}
            file = str(image.get("path") or value["id"])
            tags = [int(one["label_id"]) for one in value.get("annotations", []) if one["type"] == "label"]
            digest = str((value.get("attr") or {}).get("sha256", "")) or digests.get(PurePosixPath(file).name, "")
            held.append((file, digest, tags, start))
    if names is None:
        raise ValueError("no categories")
    for file, digest, tags, start in held:
        losses["a second class of one image is left out"] += max(len(tags) - 1, 0)
        label = names[tags[0]] if tags else ""
        yield LabelRow(label, digest=digest, name=file, split=split, objects=_maker(text, start, names, losses))


def _maker(text: str, start: int, names: Sequence[str], losses: Losses) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for one in part_at(text, start).get("annotations", []):
            if one["type"] == "label":
                continue
            try:
                found = _geometry(one)
                if found is None:
                    losses[f"a {str(one['type'])[:40]} is left out"] += 1
                else:
                    yield FormatObject(names[one["label_id"]], *found, dict(one.get("attributes") or {}))
            except SightloopError as error:
                losses[error.message] += 1
            except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError):
                losses["an annotation that cannot be read is left out"] += 1

    return draw


def _geometry(one: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    kind = one["type"]
    if kind == "bbox":
        x, y, width, height = (float(value) for value in one["bbox"])
        return "box", {"x": x, "y": y, "width": width, "height": height}
    if kind == "cuboid_3d":
        turns = [float(value) for value in one["rotation"]]
        if turns[0] or turns[1]:
            return None
        told = [*one["position"], *one["scale"], turns[2]]
        return "cuboid", dict(zip(_CUBOID, map(float, told), strict=True))
    if kind == "mask":
        counts = one["rle"]["counts"]
        if isinstance(counts, list):
            counts = write_runs(np.array(counts, np.int64))
        return "mask", {"size": list(one["rle"]["size"]), "counts": counts}
    if kind not in ("polygon", "polyline", "points"):
        return None
    flat = [float(value) for value in one["points"]]
    points = [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
    if kind == "points":
        seen = one.get("visibility") or [2] * len(points)
        return "keypoints", {"points": [[*point, visible] for point, visible in zip(points, seen, strict=True)]}
    return (kind, {"rings": [points]}) if kind == "polygon" else (kind, {"points": points})
