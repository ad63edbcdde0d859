"""COCO: `annotations/<split>.json` beside `images/`; the class of a whole image is an annotation without geometry.

Fields after the COCO data format (cocodataset.org, "Data format"), with `sha256` and `metadata` added to each image and
`attributes` to each annotation, where CVAT looks for them. Kept: boxes, polygons without holes, masks, keypoints.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from sightloop.datasets.formats.rows import Drawn, ExportItem, FormatObject, LabelRow, Losses, unpack
from sightloop.domain import LabelSchema
from sightloop.errors import InvalidInput, SightloopError
from sightloop.vision import bounds_of, outline_of, ring_area, write_runs

_HINT = "It needs images (id, file_name), categories (id, name) and annotations (image_id, category_id)."


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each image of a COCO file, or of all COCO files in an archive; its file's name is the split."""
    unpacked = unpack(data, ".json")
    by_file = {PurePosixPath(name).name: digest for name, digest in unpacked.digests.items()}
    rows: list[LabelRow] = []
    for name, text in sorted(unpacked.texts.items()):
        try:
            rows += _rows(json.loads(text), PurePosixPath(name).stem, by_file, losses)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise InvalidInput("The COCO file cannot be read.", hint=_HINT) from error
    return rows


def write(items: Sequence[ExportItem], schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, bytes]]:
    """One annotation file for each split."""
    number = {name: i for i, name in enumerate(schema.classes, start=1)}
    categories: list[dict[str, Any]] = [{"id": i, "name": name} for name, i in number.items()]
    if schema.skeleton:
        edges = [[i + 1, j + 1] for i, j in schema.skeleton["edges"]]
        categories = [{**one, "keypoints": schema.skeleton["points"], "skeleton": edges} for one in categories]
    for split in sorted({item.split for item in items}):
        chosen = [item for item in items if item.split == split]
        images = [
            {
                "id": i,
                "file_name": item.file,
                "width": item.width,
                "height": item.height,
                "sha256": item.digest,
                "metadata": dict(item.metadata),
            }
            for i, item in enumerate(chosen, start=1)
        ]
        found = [
            {"image_id": i, "category_id": number[label], "iscrowd": 0, **fields}
            for i, item in enumerate(chosen, start=1)
            for label, fields in _annotations(item, losses)
        ]
        content = {
            "images": images,
            "categories": categories,
            "annotations": [{"id": i, **one} for i, one in enumerate(found, start=1)],
        }
        yield f"annotations/{split}.json", json.dumps(content, indent=1).encode()


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"images/{item.file}"


def _annotations(item: ExportItem, losses: Losses) -> Iterator[tuple[str, dict[str, Any]]]:
    if item.label:
        yield item.label, {}
    for one in item.objects:
        kind, geometry = one.geometry_type, one.geometry
        if kind in ("polyline", "class"):
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


def _rows(content: Mapping[str, Any], split: str, by_file: Mapping[str, str], losses: Losses) -> Iterator[LabelRow]:
    names = {one["id"]: str(one["name"]) for one in content["categories"]}
    found: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for one in content["annotations"]:
        found[one["image_id"]].append(one)
    for image in content["images"]:
        of_image = [one for one in found[image["id"]] if not _drawn(one)]
        labels = [names[one["category_id"]] for one in of_image]
        losses["a second class of one image is left out"] += max(len(labels) - 1, 0)
        objects = [(names[one["category_id"]], one) for one in found[image["id"]] if _drawn(one)]
        file = str(image["file_name"])
        yield LabelRow(
            labels[0] if labels else "",
            digest=str(image.get("sha256", "")) or by_file.get(PurePosixPath(file).name, ""),
            name=file,
            split=split,
            objects=_maker(objects, losses),
        )


def _drawn(one: Mapping[str, Any]) -> bool:
    return any(one.get(name) for name in ("bbox", "segmentation", "keypoints"))


def _maker(objects: Sequence[tuple[str, Mapping[str, Any]]], losses: Losses) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for label, one in objects:
            try:
                for kind, geometry in _geometries(one, losses):
                    yield FormatObject(label, kind, geometry, dict(one.get("attributes") or {}))
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
