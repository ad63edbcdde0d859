"""What Datumaro finds in an export: `python read_datumaro.py FORMAT FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any

from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset

NAMES = {
    "coco": "coco", "yolo": "yolo", "voc": "voc", "cvat": "cvat", "datumaro": "datumaro",
    "kitti": "kitti_detection", "mot": "mot_seq", "folder": "imagenet_with_subset_dirs",
}  # fmt: skip
KINDS = {
    AnnotationType.bbox: "box", AnnotationType.polygon: "polygon", AnnotationType.polyline: "polyline",
    AnnotationType.mask: "mask", AnnotationType.points: "keypoints", AnnotationType.label: "class",
    AnnotationType.rotated_bbox: "rotated_box",
}  # fmt: skip


def main(format: str, folder: Path) -> None:
    roots = {"mot": lambda: sorted(one for one in folder.iterdir() if one.is_dir())}.get(format, lambda: [folder])()
    found: list[dict[str, Any]] = []
    items = 0
    for root in roots:
        dataset = Dataset.import_from(str(root), NAMES[format])
        names = [one.name for one in dataset.categories()[AnnotationType.label].items]
        for item in dataset:
            items += 1
            for one in item.annotations:
                told: dict[str, Any] = {"item": str(item.id), "kind": KINDS.get(one.type, one.type.name), "points": []}
                told["label"] = names[one.label] if one.label is not None else ""
                if one.type == AnnotationType.mask:
                    told["area"] = int(one.image.sum())
                if one.type not in (AnnotationType.label, AnnotationType.caption):
                    told["bounds"] = [float(value) for value in one.get_bbox()]
                if one.type in (AnnotationType.polygon, AnnotationType.polyline):
                    told["points"] = [float(value) for value in one.points]
                if one.type == AnnotationType.rotated_bbox:
                    told["points"] = [float(value) for value in (one.cx, one.cy, one.w, one.h, one.r)]
                found.append(told)
    print(json.dumps({"items": items, "objects": found}))


main(sys.argv[1], Path(sys.argv[2]))
