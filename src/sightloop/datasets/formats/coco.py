"""COCO: `annotations/instances_<split>.json` beside `images/`; an image's class is an annotation without geometry.

Fields after the COCO data format (cocodataset.org, "Data format"), with `sha256` and `metadata` added to each image and
`attributes` to each annotation, where CVAT looks for them. Kept: boxes, polygons without holes, masks, keypoints.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
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
    pieces,
    unpack,
    unreadable,
)
from sightloop.domain import LabelSchema
from sightloop.errors import SightloopError
from sightloop.vision import bounds_of, outline_of, ring_area, write_runs

TITLE: Final = "COCO"
_HINT: Final = "It needs images (id, file_name), categories (id, name) and annotations (image_id, category_id)."
_LISTS: Final = ("images", "categories", "annotations")
_PREFIX: Final = "instances_"
_SPOOL: Final = 8 << 20


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each image of a COCO file, or of all COCO files in an archive; its file's name tells the split."""
    unpacked = unpack(data, ".json")
    digests = by_file(unpacked.digests)
    rows: list[LabelRow] = []
    for name, text in sorted(unpacked.texts.items()):
        try:
            rows += _rows(text.decode("utf-8-sig"), PurePosixPath(name).stem.removeprefix(_PREFIX), digests, losses)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise unreadable("COCO", name, _HINT, error) from error
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """One annotation file for each split."""
    for split, chosen in items.by_split():
        yield f"annotations/{_PREFIX}{split}.json", _document(chosen, schema, losses)


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"images/{item.file}"


def _document(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[bytes]:
    """The file, whose images come last: they are kept aside while the annotations are written."""
    number = {name: i for i, name in enumerate(schema.classes, start=1)}
    categories: list[dict[str, Any]] = [{"id": i, "name": name} for name, i in number.items()]
    if schema.skeleton:
        edges = [[i + 1, j + 1] for i, j in schema.skeleton["edges"]]
        categories = [{**one, "keypoints": schema.skeleton["points"], "skeleton": edges} for one in categories]
    yield b'{"categories":' + orjson.dumps(categories) + b',\n"annotations":['
    images = SpooledTemporaryFile(_SPOOL)  # noqa: SIM115
    count, comma = 0, b"\n"
    for item in items:
        lines = []
        for label, fields in _annotations(item, losses):
            count += 1
            whole = {"id": count, "image_id": item.number, "category_id": number[label], "iscrowd": 0, **fields}
            lines.append(orjson.dumps(whole))
        if lines:
            yield comma + b",\n".join(lines)
            comma = b",\n"
        image = {
            "id": item.number, "file_name": item.file, "width": item.width, "height": item.height,
            "sha256": item.digest, "metadata": dict(item.metadata),
        }  # fmt: skip
        images.write((b",\n" if images.tell() else b"\n") + orjson.dumps(image))
    yield b'\n],\n"images":['
    yield from pieces(images)
    yield b"\n]}\n"


def _annotations(item: ExportItem, losses: Losses) -> Iterator[tuple[str, dict[str, Any]]]:
    if item.label:
        yield item.label, {}
    for one in item.objects:
        kind, geometry = one.geometry_type, one.geometry
        if kind in ("polyline", "class", "cuboid"):
            losses[f"a {kind} is left out: COCO has none"] += 1
            continue
        x, y, width, height = bounds_of(kind, geometry)
        fields: dict[str, Any] = {"bbox": [x, y, width, height], "area": width * height}
        if kind == "mask":
            fields["segmentation"] = dict(geometry)
        elif kind == "keypoints":
            points = geometry["points"]
            fields["keypoints"] = [value for point in points for value in point]
            fields["num_keypoints"] = sum(point[2] > 0 for point in points)
        elif kind != "box":
            ring = outline_of(kind, geometry)
            fields |= {"segmentation": [[value for point in ring for value in point]], "area": ring_area(ring)}
            if kind == "rotated_box":
                losses["a rotated_box becomes a polygon"] += 1
            elif len(geometry["rings"]) > 1:
                losses["the holes of a polygon are filled"] += 1
        if one.attributes:
            fields["attributes"] = dict(one.attributes)
        yield one.label, fields


def _rows(text: str, split: str, digests: Mapping[str, str], losses: Losses) -> Iterator[LabelRow]:
    """The rows of a document, of which the text is held, and of each annotation where in it it stands."""
    names: dict[Any, str] = {}
    images: list[tuple[Any, str, str]] = []
    place: dict[Any, int] = {}
    said: dict[int, list[Any]] = {}
    starts, owners = array("q"), array("q")
    used = set()
    for name, value, start in parts(text, _LISTS):
        if name == "categories":
            names[value["id"]] = str(value["name"])
        elif name == "images":
            images.append((value["id"], str(value["file_name"]), str(value.get("sha256", ""))))
        elif name == "annotations":
            image = place.setdefault(value["image_id"], len(place))
            used.add(value["category_id"])
            if _drawn(value):
                starts.append(start)
                owners.append(image)
            else:
                said.setdefault(image, []).append(value["category_id"])
    if not used <= set(names) or not (images or names):
        raise ValueError("a category that is not there, or nothing at all")
    owner = np.array(owners, np.int64)
    order = np.argsort(owner, kind="stable")
    placed = np.array(starts, np.int64)[order]
    bounds = np.searchsorted(owner[order], range(len(place) + 1))
    told = {one for one, _, _ in images}
    losses["an annotation of an image that is not in the file is left out"] += sum(
        int(bounds[i + 1] - bounds[i]) + len(said.get(i, ())) for one, i in place.items() if one not in told
    )
    for image_id, file, digest in images:
        i = place.get(image_id, -1)
        labels = [names[one] for one in said.get(i, ())]
        losses["a second class of one image is left out"] += max(len(labels) - 1, 0)
        mine = placed[bounds[i] : bounds[i + 1]] if i >= 0 else placed[:0]
        yield LabelRow(
            labels[0] if labels else "",
            digest=digest or digests.get(PurePosixPath(file).name, ""),
            name=file,
            split=split,
            objects=_maker(text, mine, names, losses),
        )


def _drawn(one: Mapping[str, Any]) -> bool:
    return any(one.get(name) for name in ("bbox", "segmentation", "keypoints"))


def _maker(text: str, starts: Any, names: Mapping[Any, str], losses: Losses) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for start in starts:
            one = part_at(text, int(start))
            try:
                for kind, geometry in _geometries(one, losses):
                    yield FormatObject(names[one["category_id"]], kind, geometry, dict(one.get("attributes") or {}))
            except SightloopError as error:
                losses[error.message] += 1
            except (ValueError, KeyError, TypeError, OverflowError):
                losses["an annotation that cannot be read is left out"] += 1

    return draw


def _geometries(one: Mapping[str, Any], losses: Losses) -> Iterator[tuple[str, dict[str, Any]]]:
    points, segments = one.get("keypoints"), one.get("segmentation")
    if points and any(points[2::3]):
        yield "keypoints", {"points": _groups(points, 3)}
    elif isinstance(segments, Mapping):
        counts = segments["counts"]
        if isinstance(counts, list):
            counts = write_runs(np.array(counts, np.int64))
        yield "mask", {"size": list(segments["size"]), "counts": counts}
    elif segments:
        losses["an object of several parts becomes several"] += len(segments) > 1
        for ring in segments:
            yield "polygon", {"rings": [_groups(ring, 2)]}
    else:
        x, y, width, height = (float(value) for value in one["bbox"])
        yield "box", {"x": x, "y": y, "width": width, "height": height}


def _groups(values: Sequence[Any], size: int) -> list[list[float]]:
    return [[float(value) for value in values[i : i + size]] for i in range(0, len(values), size)]
