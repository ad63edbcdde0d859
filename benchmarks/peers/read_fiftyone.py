"""What FiftyOne finds in an export: `python read_fiftyone.py FORMAT FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any

import fiftyone as fo

TYPES = {
    "coco": fo.types.COCODetectionDataset, "yolo": fo.types.YOLOv5Dataset, "voc": fo.types.VOCDetectionDataset,
    "cvat": fo.types.CVATImageDataset, "kitti": fo.types.KITTIDetectionDataset,
    "folder": fo.types.ImageClassificationDirectoryTree,
}  # fmt: skip


def main(format: str, folder: Path) -> None:
    found: list[dict[str, Any]] = []
    items = 0
    for split in ("test", "train"):
        told: dict[str, Any] = {"dataset_type": TYPES[format]}
        if format == "coco":
            told |= {
                "data_path": str(folder / "images"),
                "labels_path": str(folder / "annotations" / f"instances_{split}.json"),
            }
            told |= {"label_types": ["detections", "segmentations", "keypoints"]}
        elif format == "yolo":
            told |= {"dataset_dir": str(folder), "split": split, "yaml_path": str(folder / "data.yaml")}
        elif format == "kitti":
            told |= {"data_path": str(folder / split / "image_2"), "labels_path": str(folder / split / "label_2")}
        elif format == "folder":
            told |= {"dataset_dir": str(folder / split)}
        elif format == "voc":
            told |= {"data_path": str(folder / "JPEGImages"), "labels_path": str(folder / "Annotations")}
        else:
            told |= {"data_path": str(folder / "images"), "labels_path": str(folder / f"{split}.xml")}
        dataset = fo.Dataset.from_dir(**told)
        dataset.compute_metadata(num_workers=1, progress=False)
        for sample in dataset:
            items += 1
            size = (sample.metadata.width, sample.metadata.height)
            for field in dataset.get_field_schema():
                if field not in ("id", "filepath", "tags", "metadata", "created_at", "last_modified_at"):
                    found += [{"item": Path(sample.filepath).stem, **one} for one in _objects(sample[field], *size)]
        if format == "voc":  # all splits lie together
            break
    print(json.dumps({"items": items, "objects": found}))


def _objects(value: Any, width: int, height: int) -> Any:
    scale = [width, height, width, height]
    if isinstance(value, fo.Classification):
        yield {"kind": "class", "label": value.label}
    elif isinstance(value, fo.Classifications):
        for one in value.classifications:
            yield {"kind": "class", "label": one.label}
    elif isinstance(value, fo.Detections):
        for one in value.detections:
            bounds = [a * b for a, b in zip(one.bounding_box, scale, strict=True)]
            mask = {"kind": "mask", "area": int(one.mask.sum())} if one.mask is not None else {"kind": "box"}
            yield {"label": one.label, "bounds": bounds, **mask}
    elif isinstance(value, fo.Polylines):
        for one in value.polylines:
            points = [(x * width, y * height) for x, y in one.points[0]]
            xs, ys = [x for x, _ in points], [y for _, y in points]
            yield {
                "kind": "polygon" if one.closed else "polyline", "label": one.label,
                "bounds": [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)],
                "points": [part for point in points for part in point],
            }  # fmt: skip
    elif isinstance(value, fo.Keypoints):
        for one in value.keypoints:
            yield {"kind": "keypoints", "label": one.label, "count": len(one.points)}


main(sys.argv[1], Path(sys.argv[2]))
