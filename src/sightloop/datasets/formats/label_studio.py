"""Label Studio JSON: `tasks.json` beside `media/`; coordinates in per cent of the image.

After Label Studio's "Export annotations" and "Tags" pages (labelstud.io/guide/export, labelstud.io/tags): rectangle
(turned about its top left corner), polygon, brush with RLE (see brushes.py), keypoint, choices. `sightloop` is added to
a result where it would not come back the same otherwise. Kept: the class of the image, boxes, rotated boxes, polygons
without holes, masks, keypoints that are placed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

import orjson

from sightloop.datasets.formats.brushes import pack_brush, unpack_brush
from sightloop.datasets.formats.json_stream import parts
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
from sightloop.errors import InvalidInput
from sightloop.vision import decode_mask, encode_mask

TITLE: Final = "Label Studio"
_HINT: Final = 'It needs a list of tasks, each with "data" that names the image and "annotations" with their "result".'
_IMAGE: Final = "image"
_OURS: Final = "sightloop"
Result = Mapping[str, Any]


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each task; of several annotations of one task the first that was not cancelled counts."""
    unpacked = unpack(data, ".json")
    digests = by_file(unpacked.digests)
    rows = []
    for name, text in sorted(unpacked.texts.items()):
        try:
            document = text.decode("utf-8-sig")
            if document.lstrip()[:1] == "{":
                raise ValueError("no list")
            for part in parts(document, ("",)):
                rows.append(_row(part.value, digests, losses))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise unreadable("Label Studio", name, _HINT, error) from error
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """One file of tasks for all splits, which stand in each task's data."""
    yield "tasks.json", _tasks(items, losses)


def _tasks(items: Items, losses: Losses) -> Iterator[bytes]:
    yield b"["
    for i, item in enumerate(items, start=1):
        results: list[dict[str, Any]] = []
        if item.label:
            results.append({"id": "class", "type": "choices", "from_name": "class", "value": {"choices": [item.label]}})
        for number, one in enumerate(item.objects):
            results += _results(one, f"o{number}", item, losses)
        whole = {"to_name": _IMAGE, "original_width": item.width, "original_height": item.height, "image_rotation": 0}
        told = {_IMAGE: item.file, "sha256": item.digest, "split": item.split, "metadata": dict(item.metadata)}
        task = {
            "id": i,
            "data": told,
            "annotations": [{"id": i, "result": [{**whole, **one} for one in results]}],
        }
        yield (b",\n" if i > 1 else b"\n") + orjson.dumps(task)
    yield b"\n]\n"


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"media/{item.file}"


def _results(one: FormatObject, name: str, item: ExportItem, losses: Losses) -> Iterator[dict[str, Any]]:
    kind, geometry = one.geometry_type, one.geometry
    sx, sy = 100 / item.width, 100 / item.height
    losses["the attributes of an object are left out"] += bool(one.attributes)

    def result(tag: str, value: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        labels = {f"{tag}labels": [one.label]}
        return {"id": name, "type": f"{tag}labels", "from_name": tag, "value": {**value, **labels}, **more}

    if kind == "box":
        sides = {"width": geometry["width"] * sx, "height": geometry["height"] * sy, "rotation": 0}
        yield result("rectangle", {"x": geometry["x"] * sx, "y": geometry["y"] * sy, **sides})
    elif kind == "rotated_box":
        x, y = _turned(geometry, -1)
        sides = {"width": geometry["width"] * sx, "height": geometry["height"] * sy}
        value = {"x": x * sx, "y": y * sy, **sides, "rotation": geometry["angle_deg"]}
        yield result("rectangle", value, **{_OURS: {"rotated": True}})
    elif kind == "polygon":
        losses["the holes of a polygon are filled"] += len(geometry["rings"]) > 1
        points = [[x * sx, y * sy] for x, y in geometry["rings"][0]]
        yield result("polygon", {"points": points, "closed": True})
    elif kind == "mask":
        mask = decode_mask(geometry["counts"], item.height, item.width)
        yield result("brush", {"format": "rle", "rle": pack_brush(mask)})
    elif kind == "keypoints":
        for i, (x, y, seen) in enumerate(geometry["points"]):
            ours = {"object": name, "point": i, "of": len(geometry["points"]), "visibility": seen}
            if seen:
                value = {"x": x * sx, "y": y * sy, "width": 0.5}
                yield {**result("keypoint", value), "id": f"{name}p{i}", "parentID": name, _OURS: ours}
    else:
        losses[f"a {kind} is left out: Label Studio has none"] += 1


def _row(task: Mapping[str, Any], digests: Mapping[str, str], losses: Losses) -> LabelRow:
    told = task["data"]
    address = next((told[key] for key in (_IMAGE, "img", "image_url", "url") if isinstance(told.get(key), str)), "")
    file = PurePosixPath(address.partition("?")[0]).name
    said = [one for one in task.get("annotations") or task.get("completions") or [] if not one.get("was_cancelled")]
    losses["a second annotation of one task is left out"] += max(len(said) - 1, 0)
    results: list[Result] = list(said[0]["result"]) if said else []
    choices = [one["value"]["choices"] for one in results if one["type"] == "choices"]
    losses["a second choice for one image is left out"] += max(sum(map(len, choices)) - 1, 0)
    return LabelRow(
        str(choices[0][0]) if choices and choices[0] else "",
        digest=str(told.get("sha256") or "") or digests.get(file, ""),
        name=file,
        split=str(told.get("split") or ""),
        objects=_maker([one for one in results if one["type"] != "choices"], losses),
    )


def _maker(results: Sequence[Result], losses: Losses) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        posed: dict[str, list[Result]] = {}
        for one in results:
            posed.setdefault(_pose_of(one), []).append(one)
        for one in results:
            try:
                if pose := _pose_of(one):
                    if points := posed.pop(pose, None):
                        yield _pose(points, width, height)
                    continue
                found = _geometry(one, _ours(one).get("rotated") is True, width, height)
                if found is None:
                    losses[f"a {str(one['type'])[:40]} is left out"] += 1
                else:
                    yield FormatObject(_label(one["value"]), *found)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, InvalidInput):
                losses["a result that cannot be read is left out"] += 1

    return draw


def _ours(one: Result) -> Mapping[str, Any]:
    """What we added to a result, if we made it."""
    found = one.get(_OURS)
    return found if isinstance(found, Mapping) else {}


def _pose_of(one: Result) -> str:
    """The object that a keypoint belongs to; empty for all else."""
    return str(_ours(one).get("object", ""))


def _geometry(one: Result, rotated: bool, width: int, height: int) -> tuple[str, dict[str, Any]] | None:
    value = one["value"]
    sx, sy = width / 100, height / 100
    if "points" in value:
        return "polygon", {"rings": [[[x * sx, y * sy] for x, y in value["points"]]]}
    if "rle" in value:
        mask = unpack_brush(value["rle"], width, height)
        return "mask", {"size": [height, width], "counts": encode_mask(mask)}
    if "height" not in value or "width" not in value:
        return None
    x, y = value["x"] * sx, value["y"] * sy
    sides = {"width": value["width"] * sx, "height": value["height"] * sy}
    angle = float(value.get("rotation") or 0)
    if not rotated and not angle:
        return "box", {"x": x, "y": y, **sides}
    cx, cy = _turned({"cx": x, "cy": y, **sides, "angle_deg": angle}, 1)
    return "rotated_box", {"cx": cx, "cy": cy, **sides, "angle_deg": angle}


def _turned(box: Mapping[str, float], sign: int) -> tuple[float, float]:
    """From the centre to the top left corner (-1), or from that corner, given as cx and cy, to the centre (1)."""
    turn = math.radians(box["angle_deg"])
    a, b = sign * box["width"] / 2, sign * box["height"] / 2
    return (
        box["cx"] + a * math.cos(turn) - b * math.sin(turn),
        box["cy"] + a * math.sin(turn) + b * math.cos(turn),
    )


def _pose(points: Sequence[Result], width: int, height: int) -> FormatObject:
    many = int(points[0][_OURS]["of"])
    if not 0 < many <= 1000:
        raise ValueError("no skeleton")
    found: list[list[float]] = [[0.0, 0.0, 0] for _ in range(many)]
    for one in points:
        value, ours = one["value"], one[_OURS]
        found[int(ours["point"])] = [value["x"] * width / 100, value["y"] * height / 100, int(ours["visibility"])]
    return FormatObject(_label(points[0]["value"]), "keypoints", {"points": found})


def _label(value: Mapping[str, Any]) -> str:
    return str(next(names for key, names in [*value.items(), ("labels", [])] if key.endswith("labels"))[0])
