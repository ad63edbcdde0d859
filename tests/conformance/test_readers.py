"""Tools that others wrote read what we write, and find the same objects in the same places."""

from __future__ import annotations

import io
import itertools
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import mlcroissant
import numpy as np
import polars
import pytest
import supervision
from PIL import Image
from pycocotools.coco import COCO

from benchmarks.labelled import HEIGHT, WIDTH, labelled
from sightloop.datasets.exports import FORMATS
from sightloop.datasets.formats.rows import FormatObject, Items, Losses, pack_into
from sightloop.vision import bounds_of, decode_mask

QUERY: Any = duckdb.sql
SCHEMA, ITEMS = labelled(images=12, objects=5, splits=("train",))
_, BOXES = labelled(images=12, objects=5, kinds=("box",), splits=("train",))


def unpacked(folder: Path, format: str, items: Items = ITEMS) -> Path:
    """The folder, which now holds an export."""
    buffer = io.BytesIO()
    module: Any = FORMATS[format]
    picture = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(picture, "PNG")
    files = module.write(items, SCHEMA, Losses())
    media = ((module.media_path(item), picture.getvalue()) for item in items)
    pack_into(buffer, itertools.chain(files, media))
    zipfile.ZipFile(buffer).extractall(folder)
    return folder


def drawn(items: Items, *kinds: str) -> list[tuple[str, FormatObject]]:
    """File and object, of those kinds or all."""
    return [(item.file, one) for item in items for one in item.objects if not kinds or one.geometry_type in kinds]


def bounds(one: FormatObject) -> tuple[float, ...]:
    return tuple(bounds_of(one.geometry_type, one.geometry))


def test_pycocotools_reads_every_object_of_coco(tmp_path: Path) -> None:
    coco = COCO(str(unpacked(tmp_path, "coco") / "annotations" / "instances_train.json"))
    found = [one for one in coco.anns.values() if "bbox" in one]
    kept = [one for _, one in drawn(ITEMS) if one.geometry_type != "polyline"]
    assert [one["bbox"] for one in found] == [pytest.approx(bounds(one)) for one in kept]
    for one, ours in zip(found, kept, strict=True):
        if ours.geometry_type == "mask":
            height, width = ours.geometry["size"]
            assert (coco.annToMask(one) == decode_mask(ours.geometry["counts"], height, width)).all()
        if ours.geometry_type == "keypoints":
            assert one["keypoints"] == [value for point in ours.geometry["points"] for value in point]


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_supervision_finds_the_boxes(tmp_path: Path, format: str) -> None:
    root = unpacked(tmp_path, format, BOXES)
    kind = supervision.DetectionDataset
    read = {
        "coco": lambda: kind.from_coco(str(root / "images"), str(root / "annotations" / "instances_train.json")),
        "yolo": lambda: kind.from_yolo(
            str(root / "images" / "train"), str(root / "labels" / "train"), str(root / "data.yaml")
        ),
        "voc": lambda: kind.from_pascal_voc(str(root / "JPEGImages"), str(root / "Annotations")),
    }[format]()
    annotations: dict[str, Any] = read.annotations
    found = {
        Path(path).name: [
            (read.classes[number], *corners)
            for corners, number in zip(one.xyxy.tolist(), one.class_id.tolist(), strict=True)
        ]
        for path, one in annotations.items()
    }
    for item in BOXES:
        expected = [(one.label, *_corners(bounds(one))) for one in item.objects]
        assert [one[0] for one in found[item.file]] == [one[0] for one in expected]
        away = np.array([one[1:] for one in found[item.file]]) - [one[1:] for one in expected]
        first = (-1, -1, 0, 0) if format == "voc" else 0  # supervision takes VOC's first pixel for 1
        assert np.abs(away - first).max() <= 1e-3


def test_mlcroissant_validates_the_card_and_reads_its_records(tmp_path: Path) -> None:
    root = unpacked(tmp_path, "croissant")
    card = mlcroissant.Dataset(jsonld=str(root / "croissant.json"))
    assert list(card.metadata.ctx.issues.errors) == []
    found = [one["objects/label"].decode() for one in card.records("objects")]
    assert found == [one.label for _, one in drawn(ITEMS)]


def test_duckdb_and_polars_read_the_tables(tmp_path: Path) -> None:
    root = unpacked(tmp_path, "parquet")
    expected = [(file, one.label, *bounds(one)) for file, one in drawn(ITEMS)]
    columns = "file, label, x, y, width, height"
    rows = QUERY(f"select {columns} from '{root / 'objects.parquet'}'").fetchall()
    assert rows == expected
    assert polars.read_parquet(root / "objects.parquet").select(columns.split(", ")).rows() == expected
    joined = f"select count(*) from '{root / 'objects.parquet'}' join '{root / 'samples.parquet'}' using (file)"
    assert QUERY(joined).fetchall() == [(len(expected),)]


def _corners(box: tuple[float, ...]) -> tuple[float, ...]:
    x, y, width, height = box
    return (x, y, x + width, y + height)
