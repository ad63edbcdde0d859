"""CVAT XML: `<subset>.xml` ("CVAT for images 1.1") beside `images/<subset>/`; tracks of "for video 1.1" are read too.

After CVAT's page "XML annotation format" (docs.cvat.ai): box (with rotation), polygon, polyline, mask (runs of the
rows inside its bounds), skeleton, tag. `sha256` is added to each image. A shape of a track belongs to the image of its
frame, "frame_000012", with the attribute `track_id`. Kept: the class of the image, boxes, rotated boxes, polygons
without holes, polylines, masks, keypoints, attributes.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

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
from sightloop.datasets.formats.voc import xml_text
from sightloop.domain import LabelSchema
from sightloop.errors import InvalidInput
from sightloop.vision import decode_mask, encode_mask

TITLE: Final = "CVAT"
_HINT: Final = "It needs annotations with images or tracks, as CVAT for images 1.1 or for video 1.1, no document type."
_SHAPES: Final = ("box", "polygon", "polyline", "points", "mask", "skeleton", "ellipse", "cuboid")
_INPUTS: Final = {"bool": "checkbox", "number": "number", "text": "text", "choice": "select"}


@dataclass(slots=True)
class _Shape:
    """One shape as it stands in the file."""

    tag: str
    told: Mapping[str, str]
    label: str
    attributes: dict[str, Any]
    points: Sequence[Mapping[str, str]] = ()


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each image, or for each frame in which a track has a shape; `subset` is the split."""
    unpacked = unpack(data, ".xml")
    digests = by_file(unpacked.digests)
    rows: list[LabelRow] = []
    for name, text in sorted(unpacked.texts.items()):
        try:
            found = list(_rows(text, digests, losses))
            if not found and b"<annotations" not in text[:1000]:
                raise ValueError("no annotations")
            rows += found
        except (ValueError, KeyError, ParseError, DefusedXmlException, RecursionError) as error:
            raise unreadable("CVAT", name, _HINT, error) from error
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """One file for each split, which is a subset."""
    for split, chosen in items.by_split():
        yield f"{split}.xml", _document(chosen, schema, losses)


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"images/{item.split}/{item.file}"


def _document(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[bytes]:
    task = Element("task")
    labels = SubElement(task, "labels")
    for name in schema.classes:
        _label(labels, schema, name)
    if "keypoints" in schema.geometry_types:
        for name in schema.skeleton.get("points", ()):
            point = SubElement(labels, "label")
            for tag, text in (("name", name), ("type", "points"), ("attributes", None)):
                SubElement(point, tag).text = text and xml_text(text)
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta>'
    yield tostring(task) + b"</meta>\n"
    names = schema.skeleton.get("points", ())
    for i, item in enumerate(items):
        losses["the metadata of an image are left out"] += bool(item.metadata)
        told = {"id": str(i), "name": item.file, "subset": xml_text(item.split)}
        size = {"width": str(item.width), "height": str(item.height), "sha256": item.digest}
        image = Element("image", told | size)
        if item.label:
            SubElement(image, "tag", label=xml_text(item.label), source="manual")
        for one in item.objects:
            losses["a character that XML cannot hold is replaced"] += xml_text(one.label) != one.label
            _shape(image, one, item, names, losses)
        yield tostring(image) + b"\n"
    yield b"</annotations>\n"


def _label(labels: Element, schema: LabelSchema, name: str) -> None:
    label = SubElement(labels, "label")
    SubElement(label, "name").text = xml_text(name)
    if colour := schema.colours.get(name):
        SubElement(label, "color").text = colour
    SubElement(label, "type").text = "any"
    attributes = SubElement(label, "attributes")
    for key, told in schema.attributes.items():
        one = SubElement(attributes, "attribute")
        values = "\n".join(map(str, told.get("choices", ())))
        for tag, text in (("name", key), ("mutable", "False"), ("input_type", _INPUTS[told["type"]]),
                          ("default_value", ""), ("values", values)):  # fmt: skip
            SubElement(one, tag).text = xml_text(text)


def _shape(image: Element, one: FormatObject, item: ExportItem, names: Sequence[str], losses: Losses) -> None:
    kind, geometry = one.geometry_type, one.geometry
    told = {"label": xml_text(one.label), "source": "manual", "occluded": "0", "z_order": "0"}
    if kind == "box":
        x, y = geometry["x"], geometry["y"]
        made = SubElement(image, "box", told | _corners(x, y, x + geometry["width"], y + geometry["height"]))
    elif kind == "rotated_box":
        a, b = geometry["width"] / 2, geometry["height"] / 2
        corners = _corners(geometry["cx"] - a, geometry["cy"] - b, geometry["cx"] + a, geometry["cy"] + b)
        made = SubElement(image, "box", told | corners | {"rotation": _number(geometry["angle_deg"] % 360)})
    elif kind in ("polygon", "polyline"):
        losses["the holes of a polygon are filled"] += kind == "polygon" and len(geometry["rings"]) > 1
        points = geometry["rings"][0] if kind == "polygon" else geometry["points"]
        text = ";".join(f"{_number(x)},{_number(y)}" for x, y in points)
        made = SubElement(image, kind, told | {"points": text})
    elif kind == "mask":
        made = SubElement(image, "mask", told | _pack_mask(decode_mask(geometry["counts"], item.height, item.width)))
    elif kind == "keypoints":
        made = SubElement(image, "skeleton", told)
        for name, (x, y, seen) in zip(names, geometry["points"], strict=False):
            place = f"{_number(x)},{_number(y)}"
            seen_as = {"outside": str(int(seen == 0)), "occluded": str(int(seen == 1))}
            SubElement(made, "points", told | seen_as | {"label": xml_text(name), "points": place})
    else:
        losses[f"a {kind} is left out: CVAT has none"] += 1
        return
    for name, value in one.attributes.items():
        text = ("false", "true")[value] if isinstance(value, bool) else str(value)
        losses["a character that XML cannot hold is replaced"] += xml_text(text) != text
        SubElement(made, "attribute", name=xml_text(name)).text = xml_text(text)


def _rows(text: bytes, digests: Mapping[str, str], losses: Losses) -> Iterator[LabelRow]:
    """The rows of a file, of which no more than one image is held as XML."""
    root: Any = None
    frames: dict[int, list[_Shape]] = defaultdict(list)
    splits: dict[int, str] = {}
    for event, one in iterparse(io.BytesIO(text), events=("start", "end"), forbid_dtd=True):
        if event == "start":
            root = one if root is None else root
        elif one.tag == "image":
            yield _image(one, digests, losses)
            root.clear()
        elif one.tag == "track":
            for shape in one:
                if shape.tag in _SHAPES and shape.get("outside") != "1":
                    number = int(shape.attrib["frame"])
                    frames[number].append(_shape_of(shape, one.attrib["label"], {"track_id": int(one.get("id", -1))}))
                    splits[number] = one.get("subset", "")
            root.clear()
    for number, shapes in sorted(frames.items()):
        name = f"frame_{number:06d}"
        drawn = _maker(shapes, losses)
        yield LabelRow("", digest=digests.get(name, ""), name=name, split=splits[number], objects=drawn)


def _image(one: Any, digests: Mapping[str, str], losses: Losses) -> LabelRow:
    tags = [tag.attrib["label"] for tag in one.iter("tag")]
    losses["a second class of one image is left out"] += max(len(tags) - 1, 0)
    file = one.attrib["name"]
    shapes = [_shape_of(shape, shape.attrib["label"], {}) for shape in one if shape.tag in _SHAPES]
    return LabelRow(
        tags[0] if tags else "",
        digest=one.get("sha256") or digests.get(PurePosixPath(file).name, ""),
        name=file,
        split=one.get("subset", ""),
        objects=_maker(shapes, losses),
    )


def _shape_of(one: Any, label: str, attributes: Mapping[str, Any]) -> _Shape:
    told = {child.attrib["name"]: child.text or "" for child in one if child.tag == "attribute"}
    points = [dict(child.attrib) for child in one if child.tag == "points"]
    return _Shape(one.tag, dict(one.attrib), label, {**attributes, **told}, points)


def _maker(shapes: Sequence[_Shape], losses: Losses) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for one in shapes:
            try:
                found = _geometry(one, width, height)
            except (ValueError, KeyError, IndexError, OverflowError, InvalidInput):
                losses["a shape that cannot be read is left out"] += 1
                continue
            if found is None:
                losses[f"a {one.tag} is left out"] += 1
            else:
                yield FormatObject(one.label, *found, one.attributes)

    return draw


def _geometry(one: _Shape, width: int, height: int) -> tuple[str, dict[str, Any]] | None:
    told = one.told
    if one.tag == "box":
        left, top, right, bottom = (float(told[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        w, h = right - left, bottom - top
        if "rotation" not in told:
            return "box", {"x": left, "y": top, "width": w, "height": h}
        turn = float(told["rotation"])
        angle = turn - 360 if turn > 180 else turn
        return "rotated_box", {"cx": left + w / 2, "cy": top + h / 2, "width": w, "height": h, "angle_deg": angle}
    if one.tag in ("polygon", "polyline"):
        points = [[float(value) for value in pair.split(",")] for pair in told["points"].split(";")]
        return (one.tag, {"rings": [points]}) if one.tag == "polygon" else (one.tag, {"points": points})
    if one.tag == "mask":
        mask = _unpack_mask(told, width, height)
        return "mask", {"size": [height, width], "counts": encode_mask(mask)}
    if one.tag == "skeleton":
        found = []
        for point in one.points:
            x, y = (float(value) for value in point["points"].split(";")[0].split(","))
            seen = 0 if point.get("outside") == "1" else 1 if point.get("occluded") == "1" else 2
            found.append([x, y, seen])
        return "keypoints", {"points": found}
    return None


def _corners(left: float, top: float, right: float, bottom: float) -> dict[str, str]:
    return {"xtl": _number(left), "ytl": _number(top), "xbr": _number(right), "ybr": _number(bottom)}


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _pack_mask(mask: Any) -> dict[str, str]:
    """Runs along the rows of the part of a boolean mask that is not empty, the first of pixels outside."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    part = mask[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    ends = np.flatnonzero(np.diff(part.ravel().astype(np.int8), prepend=0)).tolist()
    runs = np.diff([0, *ends, part.size])
    return {
        "rle": ", ".join(map(str, runs.tolist())),
        "left": str(xs[0]), "top": str(ys[0]), "width": str(part.shape[1]), "height": str(part.shape[0]),
    }  # fmt: skip


def _unpack_mask(told: Mapping[str, str], width: int, height: int) -> Any:
    """bool (height, width); raises ValueError where the runs do not fill their bounds, or these leave the image."""
    left, top, w, h = (int(told[name]) for name in ("left", "top", "width", "height"))
    runs = np.array([int(one) for one in told["rle"].split(",")], np.int64)
    inside = left >= 0 and top >= 0 and 0 < w <= width - left and 0 < h <= height - top
    if not inside or (runs < 0).any() or (runs > w * h).any() or int(runs.sum()) != w * h:
        raise ValueError("no mask of this image")
    mask = np.zeros((height, width), bool)
    mask[top : top + h, left : left + w] = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(h, w)
    return mask
