"""COCO: `annotations/<split>.json` beside `images/`; a class is an annotation without a box.

Fields after the COCO data format (cocodataset.org, "Data format"), with `sha256` added to each image.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from sightloop.datasets.formats.rows import ExportItem, LabelRow, unpack
from sightloop.errors import InvalidInput

_HINT = "It needs images (id, file_name), categories (id, name) and annotations (image_id, category_id)."


def read(data: bytes) -> list[LabelRow]:
    """A row for each image of a COCO file, or of all COCO files in an archive; its file's name is the split.

    Boxes become geometry {"boxes": [[x, y, width, height], ...], "labels": [...]} in pixels of the image. The label
    of an image with several annotations is its most frequent class, the first in category order among equals.
    """
    unpacked = unpack(data, ".json")
    by_file = {PurePosixPath(name).name: digest for name, digest in unpacked.digests.items()}
    rows: list[LabelRow] = []
    for name, text in sorted(unpacked.texts.items()):
        try:
            rows += _rows(json.loads(text), PurePosixPath(name).stem, by_file)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InvalidInput("The COCO file cannot be read.", hint=_HINT) from error
    return rows


def write(items: Sequence[ExportItem], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """One annotation file for each split."""
    categories = [{"id": i, "name": name} for i, name in enumerate(classes, start=1)]
    number = {name: i for i, name in enumerate(classes, start=1)}
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
            {"image_id": i, "category_id": number[label], "iscrowd": 0, **box}
            for i, item in enumerate(chosen, start=1)
            for label, box in _annotations(item)
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


def _annotations(item: ExportItem) -> Iterator[tuple[str, dict[str, Any]]]:
    if item.geometry_type == "boxes":
        for label, box in zip(item.geometry["labels"], item.geometry["boxes"], strict=True):
            yield label, {"bbox": box, "area": box[2] * box[3]}
    elif item.label:
        yield item.label, {}


def _rows(content: Mapping[str, Any], split: str, by_file: Mapping[str, str]) -> Iterator[LabelRow]:
    names = {one["id"]: str(one["name"]) for one in content["categories"]}
    order = {name: i for i, name in enumerate(names.values())}
    found: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for one in content["annotations"]:
        found[one["image_id"]].append(one)
    for image in content["images"]:
        labels = [names[one["category_id"]] for one in found[image["id"]]]
        boxed = [one for one in found[image["id"]] if one.get("bbox")]
        counts = Counter(labels)
        label = min(counts, key=lambda name: (-counts[name], order[name])) if counts else ""
        geometry: dict[str, Any] = {
            "boxes": [_box(one["bbox"]) for one in boxed],
            "labels": [names[one["category_id"]] for one in boxed],
        }
        file = str(image["file_name"])
        yield LabelRow(
            label,
            digest=str(image.get("sha256", "")) or by_file.get(PurePosixPath(file).name, ""),
            name=file,
            split=split,
            geometry_type="boxes" if boxed else "class",
            geometry=geometry if boxed else {},
        )


def _box(values: Sequence[Any]) -> list[float]:
    box = [float(value) for value in values]
    if len(box) != 4 or min(box[2:]) < 0:
        raise ValueError("not a box")
    return box
