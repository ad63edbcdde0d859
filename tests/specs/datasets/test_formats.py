"""What a format says that it keeps comes back; what it cannot keep is told; what is no such file is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightloop.datasets.exports import FORMATS
from sightloop.datasets.formats import (
    coco,
    croissant,
    cvat,
    datumaro,
    folder,
    kitti,
    label_studio,
    mot,
    parquet,
    table,
    voc,
    yolo,
)
from sightloop.datasets.formats.brushes import pack_brush, unpack_brush
from sightloop.datasets.formats.rows import Content, ExportItem, FormatObject, Items, LabelRow, Losses, pack_into
from sightloop.domain import DatasetVersion, LabelSchema
from sightloop.errors import InvalidInput, SightloopError
from sightloop.vision import check_geometry, encode_mask, ring_area

WIDTH, HEIGHT = 61, 47
POINTS = 3
TYPES = ("class", "box", "rotated_box", "polygon", "polyline", "mask", "keypoints", "cuboid")
SCHEMA = LabelSchema(
    "sch_1", "parts", 1, ("bolt", "crack", "a <b> & 'c'"), TYPES,
    skeleton={"points": ["a", "b", "c"], "edges": [[0, 1]]},
)  # fmt: skip
DIGEST = "ab" * 32
VERSION = DatasetVersion("dsv_1", "cells", 3, "cd" * 32, "", {}, {}, datetime(2026, 1, 2, tzinfo=UTC))

x = st.floats(0, WIDTH, width=32)
y = st.floats(0, HEIGHT, width=32)
span = st.floats(0.5, 20, width=32)
point = st.tuples(x, y).map(list)
box = st.builds(lambda a, b, w, h: {"x": a, "y": b, "width": w, "height": h}, st.floats(0, WIDTH - 20, width=32),
                st.floats(0, HEIGHT - 20, width=32), span, span)  # fmt: skip
rotated = st.builds(lambda a, b, w, h, t: {"cx": a, "cy": b, "width": w, "height": h, "angle_deg": t}, x, y, span, span,
                    st.floats(-179, 179, width=32))  # fmt: skip
ring = st.lists(point, min_size=3, max_size=8).filter(lambda one: ring_area(one) > 1)
polygon = ring.map(lambda one: {"rings": [one]})
holes = st.tuples(ring, ring).map(lambda both: {"rings": list(both)})
polyline = st.lists(point, min_size=2, max_size=8).map(lambda one: {"points": one})
placed = st.tuples(x, y, st.sampled_from([1, 2])).map(list)
unplaced = st.just([0.0, 0.0, 0])
keypoints = st.tuples(placed, *[st.one_of(placed, unplaced)] * (POINTS - 1)).map(lambda one: {"points": list(one)})
mask = st.integers(0, 2**32).map(
    lambda seed: {"size": [HEIGHT, WIDTH], "counts": encode_mask(_patch(np.random.default_rng(seed)))}
)
metres = st.floats(-80, 80, width=32)
cuboid = st.tuples(metres, metres, metres, span, span, span, st.floats(-3, 3, width=32)).map(
    lambda told: dict(zip(("x", "y", "z", "length", "width", "height", "yaw"), told, strict=True))
)
KINDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "box": box, "rotated_box": rotated, "polygon": polygon, "polyline": polyline, "keypoints": keypoints, "mask": mask,
    "holes": holes, "cuboid": cuboid,
}  # fmt: skip
KEPT: list[tuple[ModuleType, tuple[str, ...]]] = [
    (coco, ("box", "polygon", "mask", "keypoints")),
    (label_studio, ("box", "rotated_box", "polygon", "mask", "keypoints")),
    (cvat, ("box", "rotated_box", "polygon", "polyline", "mask", "keypoints")),
    (datumaro, ("box", "polygon", "polyline", "mask", "keypoints", "cuboid")),
    (parquet, ("box", "rotated_box", "polygon", "holes", "polyline", "mask", "keypoints", "cuboid")),
    (croissant, ("box", "rotated_box", "polygon", "holes", "polyline", "mask", "keypoints", "cuboid")),
    (kitti, ("box",)),
    (mot, ("box",)),
    (voc, ("box",)),
    (yolo, ("box",)),
    (yolo, ("polygon",)),
    (yolo, ("rotated_box",)),
    (yolo, ("keypoints",)),
]


def _patch(noise: np.random.Generator) -> np.ndarray[Any, np.dtype[np.bool_]]:
    made = np.zeros((HEIGHT, WIDTH), bool)
    top, left = noise.integers(HEIGHT - 1), noise.integers(WIDTH - 1)
    made[top : top + noise.integers(1, 20), left : left + noise.integers(1, 20)] = True
    return made


def objects(kinds: Sequence[str]) -> st.SearchStrategy[list[FormatObject]]:
    one = st.sampled_from(kinds).flatmap(
        lambda kind: st.builds(
            FormatObject, st.sampled_from(SCHEMA.classes), st.just("polygon" if kind == "holes" else kind), KINDS[kind]
        )
    )
    return st.lists(one, max_size=5)


def item(drawn: Sequence[FormatObject], label: str = "") -> ExportItem:
    return ExportItem("a/b.png", DIGEST, "train", label, WIDTH, HEIGHT, objects=drawn)


def these(*items: ExportItem) -> Items:
    splits = tuple(sorted({one.split for one in items}))
    return Items(VERSION, splits, lambda split: (one for one in items if one.split == split))


def pack(files: Iterable[tuple[str, Content]]) -> bytes:
    buffer = io.BytesIO()
    pack_into(buffer, files)
    return buffer.getvalue()


def written(format: Any, items: Items) -> tuple[dict[str, bytes], Losses]:
    """What the format writes, by name, and what it loses."""
    out = Losses()
    files = format.write(items, SCHEMA, out)
    return {name: one if isinstance(one, bytes) else b"".join(one) for name, one in files}, out


def through(format: Any, drawn: Sequence[FormatObject], label: str = "") -> tuple[LabelRow, Losses, Losses]:
    """The row that comes back, what writing lost, what reading lost; with the medium beside it."""
    out, back = Losses(), Losses()
    one = item(drawn, label)
    files = [*format.write(these(one), SCHEMA, out), (format.media_path(one), b"the image")]
    (row,) = format.read(pack(files), back)
    return row, out, back


def drawn_by(row: LabelRow) -> list[tuple[str, str, Any]]:
    found = row.objects(WIDTH, HEIGHT) if row.objects else ()
    return [
        (one.label, one.geometry_type, check_geometry(one.geometry_type, one.geometry, WIDTH, HEIGHT, POINTS))
        for one in found
    ]


def flat(value: Any) -> Any:
    """Numbers and texts in an order that does not depend on how they are nested."""
    if isinstance(value, dict):
        return [part for key in sorted(value) for part in flat(value[key])]
    return [part for one in value for part in flat(one)] if isinstance(value, list) else [value]


@pytest.mark.parametrize(("format", "kinds"), KEPT, ids=[f"{one.__name__}-{'-'.join(kinds)}" for one, kinds in KEPT])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_kept_comes_back(format: ModuleType, kinds: tuple[str, ...], data: st.DataObject) -> None:
    given = data.draw(objects(kinds))
    row, out, back = through(format, given)
    found = drawn_by(row)
    assert [(one[0], one[1]) for one in found] == [(one.label, one.geometry_type) for one in given]
    for (_, kind, geometry), one in zip(found, given, strict=True):
        expected = check_geometry(kind, one.geometry, WIDTH, HEIGHT, POINTS)
        for a, b in zip(flat(geometry), flat(expected), strict=True):
            assert a == b if isinstance(a, str) else a == pytest.approx(b, abs=1e-4)
    assert (out.report(), back.report(), row.split) == ([], [], "train")


@pytest.mark.parametrize("format", [coco, label_studio, folder, table, cvat, datumaro, parquet, croissant])
def test_the_class_of_an_image_comes_back(format: ModuleType) -> None:
    row, out, _ = through(format, [], "crack")
    assert (row.label, out.report()) == ("crack", [])


@pytest.mark.parametrize("format", [one for one in FORMATS.values() if one not in (parquet, croissant)])
def test_every_geometry_that_a_format_does_not_keep_is_told(format: ModuleType) -> None:
    kept = {kind for one, kinds in KEPT if one is format and one is not yolo for kind in kinds}
    kept |= {"box"} if format is yolo else set()  # pose files hold boxes too
    samples: dict[str, dict[str, Any]] = {
        "box": {"x": 1, "y": 1, "width": 5, "height": 5},
        "rotated_box": {"cx": 9, "cy": 9, "width": 5, "height": 5, "angle_deg": 30},
        "polygon": {"rings": [[[1, 1], [9, 1], [9, 9]], [[5, 2], [6, 2], [6, 3]]]},
        "polyline": {"points": [[1, 1], [9, 9]]},
        "mask": {"size": [HEIGHT, WIDTH], "counts": encode_mask(_patch(np.random.default_rng(0)))},
        "keypoints": {"points": [[1, 1, 2], [2, 2, 1], [0, 0, 0]]},
        "cuboid": {"x": 9, "y": 1, "z": 0, "length": 4, "width": 2, "height": 1.5, "yaw": 0.5},
    }
    for kind in set(samples) - (kept - {"polygon"}):
        pair = [FormatObject("bolt", kind, samples[kind])]
        other = "box" if kind != "box" else "keypoints"
        filler = FormatObject("bolt", other, samples[other])
        _, out = written(format, these(item([*pair, filler, filler])))
        assert out.report(), f"{format.__name__} {kind}"


def test_attributes_go_through_coco() -> None:
    one = FormatObject("bolt", "box", {"x": 1, "y": 1, "width": 5, "height": 5}, {"deep": True})
    row, _, _ = through(coco, [one])
    assert [dict(found.attributes) for found in (row.objects(WIDTH, HEIGHT) if row.objects else ())] == [{"deep": True}]


def test_masks_of_the_coco_tools_and_plain_counts_are_the_same() -> None:
    file = {
        "images": [{"id": 1, "file_name": "b.png"}],
        "categories": [{"id": 1, "name": "bolt"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "segmentation": {"size": [3, 3], "counts": counts}}
            for counts in ("013000", [0, 1, 3, 1, 3, 1])
        ],
    }
    (row,) = coco.read(json.dumps(file).encode(), Losses())
    first, second = row.objects(3, 3) if row.objects else ()
    assert first == second


def test_a_brush_comes_back_and_one_of_another_image_is_refused() -> None:
    made = _patch(np.random.default_rng(5))
    assert (unpack_brush(pack_brush(made), WIDTH, HEIGHT) == made).all()
    for wrong in (pack_brush(made[1:]), pack_brush(made)[:-3], [255] * 40, "rle", [1.5] * 9, []):
        with pytest.raises(InvalidInput):
            unpack_brush(wrong, WIDTH, HEIGHT)


def test_a_yolo_archive_of_another_tool_is_read() -> None:
    files = {
        "data.yaml": b"names: [bolt, crack]\ntrain: images/train\n",
        "labels/train/a.txt": b"1 0.5 0.5 0.25 0.5\n0 0 0 1 0 1 1\n",
        "images/train/a.jpg": b"image",
    }
    (row,) = yolo.read(pack(files.items()), Losses())
    assert (row.name, row.split) == ("images/train/a.jpg", "train")
    found = list(row.objects(100, 50)) if row.objects else []
    assert [(one.label, one.geometry_type) for one in found] == [("crack", "box"), ("bolt", "polygon")]
    assert found[0].geometry == {"x": 37.5, "y": 12.5, "width": 25.0, "height": 25.0}


BOMB = b'<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><annotation><filename>&c;</filename></annotation>'
FOREIGN = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation><filename>&b;</filename></annotation>'
ALIASES = b"a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b]\n"


@pytest.mark.parametrize(
    ("format", "data"),
    [
        (voc, BOMB),
        (voc, FOREIGN),
        (voc, b"<annotation>"),
        (voc, b"<annotation/>"),
        (voc, b"<annotation><filename>a</filename><object><name>b</name></object></annotation>"),
        (voc, b"<a>" * 100_000),
        (yolo, b"0 0.5 0.5 1 1"),
        (yolo, pack([("labels/a.txt", b"0 0.5 0.5 1 1")])),
        (yolo, pack([("data.yaml", ALIASES), ("labels/a.txt", b"0 0.5 0.5 1 1")])),
        (yolo, pack([("data.yaml", b"!!python/object/apply:os.system [id]"), ("labels/a.txt", b"0 0 0 1 1")])),
        (yolo, pack([("data.yaml", b"names: [a]"), ("labels/a.txt", b"7 0.5 0.5 1 1")])),
        (yolo, pack([("data.yaml", b"names: [a]"), ("labels/a.txt", b"0 x 0.5 1 1")])),
        (yolo, pack([("data.yaml", b"names: [a]"), ("labels/../../a.txt", b"")])),
        (label_studio, b"{}"),
        (label_studio, b'[{"data": {}, "annotations": [{"result": [{}]}]}]'),
        (label_studio, b"[" * 100_000),
        (coco, b'{"images": [], "categories": [], "annotations": {}, "x": NaN}[]'),
        (coco, b"[" * 100_000),
    ],
)
def test_what_is_no_such_file_is_refused(format: Any, data: bytes) -> None:
    with pytest.raises(SightloopError):
        format.read(data, Losses())


@pytest.mark.parametrize(
    "annotation",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": ["a", 2, 3, 4]},
        {"bbox": [1, 2, 1e400, 4]},
        {"segmentation": {"size": [1 << 40, 1 << 40], "counts": [1 << 80]}},
        {"segmentation": {"size": [3, 3], "counts": 7}},
        {"segmentation": "polygon"},
        {"segmentation": [[1]]},
        {"keypoints": [1, 2, 2, 3]},
        {"keypoints": {"a": 1}},
        {"bbox": [1, 2, 3, 4], "attributes": "deep"},
    ],
)
def test_a_damaged_annotation_costs_itself_only(annotation: dict[str, Any]) -> None:
    whole = {"bbox": [1, 2, 3, 4]}
    file = {
        "images": [{"id": 1, "file_name": "b.png"}],
        "categories": [{"id": 1, "name": "bolt"}],
        "annotations": [{"image_id": 1, "category_id": 1, **one} for one in (annotation, whole)],
    }
    losses = Losses()
    (row,) = coco.read(json.dumps(file).encode(), losses)
    kept = []
    for one in row.objects(WIDTH, HEIGHT) if row.objects else ():
        try:
            check_geometry(one.geometry_type, one.geometry, WIDTH, HEIGHT, POINTS)
        except InvalidInput:
            continue
        kept.append(one.geometry)
    assert kept == [{"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}]


def test_the_archive_holds_names_inside_only() -> None:
    one = ExportItem("../../etc/pass wd.png", DIGEST, "train", "", WIDTH, HEIGHT)
    for format in FORMATS.values():
        packed = pack([*format.write(these(one), SCHEMA, Losses()), (format.media_path(one), b"")])
        names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
        assert not [name for name in names if ".." in name or name.startswith("/")]
