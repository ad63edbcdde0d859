"""Files of other tools: what they hold is taken, what is no such file is refused by name and line."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sightloop.datasets.exports import FORMATS
from sightloop.datasets.formats import (
    coco,
    croissant,
    cvat,
    datumaro,
    kitti,
    label_studio,
    mot,
    parquet,
    table,
    voc,
    yolo,
)
from sightloop.datasets.formats.rows import FormatObject, LabelRow, Losses, pack_into
from sightloop.errors import SightloopError
from tests.specs.datasets.world import World

BOX = {"x": 1.0, "y": 2.0, "width": 30.0, "height": 40.0}


def pack(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    pack_into(buffer, files.items())
    return buffer.getvalue()


def objects(row: LabelRow) -> list[FormatObject]:
    return list(row.objects(64, 48)) if row.objects else []


def parquet_of(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


TRACK = b"""<annotations><version>1.1</version><track id="7" label="bolt" source="manual">
<box frame="3" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="31" ybr="42"/>
<box frame="4" outside="1" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="31" ybr="42"/>
<box frame="5" outside="0" occluded="0" keyframe="0" xtl="2" ytl="2" xbr="32" ybr="42">
<attribute name="deep">true</attribute></box></track></annotations>"""


def test_a_track_of_cvat_has_a_shape_in_each_frame_where_it_is_inside() -> None:
    rows = cvat.read(pack({"annotations.xml": TRACK, "images/frame_000003.png": b"x"}), Losses())
    assert [(row.name, bool(row.digest)) for row in rows] == [("frame_000003", True), ("frame_000005", False)]
    assert [dict(one.attributes) for row in rows for one in objects(row)] == [
        {"track_id": 7},
        {"track_id": 7, "deep": "true"},
    ]
    assert objects(rows[0])[0].geometry == BOX


def test_the_fields_of_kitti_become_attributes_where_they_are_known() -> None:
    car = b"Car 0.5 2 -1.57 1 2 31 42 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
    region = b"DontCare -1 -1 -10 5 5 9 9 -1 -1 -1 -1000 -1000 -1000 -10\n"
    losses = Losses()
    (row,) = kitti.read(pack({"training/label_2/000007.txt": car + region}), losses)
    (one,) = objects(row)
    assert (row.name, row.split, one.label, one.geometry) == ("000007", "training", "Car", BOX)
    assert dict(one.attributes) == {
        "truncated": 0.5, "occluded": 2, "alpha": -1.57, "height": 1.65, "width": 1.67, "length": 3.64,
        "x": -0.65, "y": 1.71, "z": 46.7, "rotation_y": -1.59,
    }  # fmt: skip
    assert losses.report() == [{"what": "a region DontCare is left out", "count": 1}]


def test_truth_of_mot_leaves_out_what_is_not_to_be_considered() -> None:
    truth = b"1,4,1,2,30,40,1,1,0.5\n1,5,1,2,30,40,0,1,1\n2,-1,1,2,30,40,1,3,1\n"
    losses = Losses()
    rows = mot.read(pack({"MOT16-02/gt/gt.txt": truth, "MOT16-02/det/det.txt": b"1,-1,1,2,3,4,0.7"}), losses)
    assert [(row.name, row.split) for row in rows] == [("000001", "MOT16-02"), ("000002", "MOT16-02")]
    assert [(one.label, dict(one.attributes)) for row in rows for one in objects(row)] == [
        ("pedestrian", {"track_id": 4, "visibility": 0.5}),
        ("car", {}),
    ]
    assert [one["count"] for one in losses.report()] == [1]


def test_detections_of_mot_are_taken_with_their_score() -> None:
    (row,) = mot.read(pack({"a/det/det.txt": b"1,-1,1,2,30,40,0.7,-1,-1,-1\n"}), Losses())
    assert [(one.geometry, dict(one.attributes)) for one in objects(row)] == [(BOX, {"score": 0.7})]


def test_tables_that_another_program_wrote_are_read() -> None:
    samples = parquet_of(file=["a.jpg", "b.jpg"], label=["", "ok"])
    boxes = parquet_of(
        file=["b.jpg", "a.jpg"], label=["crack", "bolt"], x=[1, 2], y=[2, 2], width=[30, 3], height=[40, 4]
    )
    rows = parquet.read(pack({"samples.parquet": samples, "objects.parquet": boxes}), Losses())
    assert [(row.name, row.label, [one.label for one in objects(row)]) for row in rows] == [
        ("a.jpg", "", ["bolt"]),
        ("b.jpg", "ok", ["crack"]),
    ]
    assert objects(rows[1])[0].geometry == BOX


ATTRIBUTES = {"deep": True, "size_mm": 2.5, "note": "a & <b>", "grade": "A"}


@pytest.mark.parametrize("format", ["coco", "cvat", "datumaro", "parquet", "croissant"])
def test_attributes_come_back_as_the_schema_has_them(world: World, format: str) -> None:
    declared = {"deep": {"type": "bool"}, "size_mm": {"type": "number"}, "note": {"type": "text"}}
    grade = {"grade": {"type": "choice", "choices": ["A", "B"]}}
    world.with_pictures(1)
    data = world.datasets
    data.create_schema(world.caller, "states", ["ok"], ["box"], attributes={**declared, **grade})
    data.create(world.caller, "boxed", "states")
    one = {"label": "ok", "geometry_type": "box", "geometry": BOX, "attributes": ATTRIBUTES}
    data.import_labels(world.caller, "states", [{"name": "000.png", "objects": [one]}])
    version = data.commit(world.caller, "boxed", where={})
    archive = data.export(world.caller, version.id, format, media=False).read()
    again = data.import_labels(world.caller, "states", archive, format=format)
    assert (again.unchanged, again.written, again.losses) == (1, 0, ())


def test_a_class_that_the_schema_has_not_is_refused_before_anything_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sightloop.datasets.interchange._WRITTEN", 1)
    world.with_pictures(3).schema()
    rows = [{"name": f"00{i}.png", "label": label} for i, label in enumerate(["ok", "ok", "unheard"])]
    with pytest.raises(SightloopError, match="unheard"):
        world.datasets.import_labels(world.caller, "states", rows)
    assert world.datasets.annotations.heads(world.caller, "states") == {}


def test_an_import_in_several_units_of_work_counts_as_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightloop.datasets.interchange._WRITTEN", 1)
    monkeypatch.setattr("sightloop.datasets.interchange._SAMPLES", 1)
    world.with_pictures(3).schema()
    rows = [{"name": f"00{i}.png", "label": "ok"} for i in range(3)]
    assert world.datasets.import_labels(world.caller, "states", rows).written == 3
    rows[1]["label"] = "defect"
    assert world.datasets.import_labels(world.caller, "states", rows).unchanged == 2
    heads = world.datasets.annotations.heads(world.caller, "states")
    assert sorted(one.label for one in heads.values()) == ["defect", "ok", "ok"]


@pytest.mark.parametrize(
    ("label", "geometry", "left_out"),
    [
        ("", BOX, "without a class"),
        ("ok", {**BOX, "width": 1e-9}, "millionth"),
        ("ok", {**BOX, "x": float("nan")}, "not finite"),
    ],
)
def test_what_cannot_stand_is_left_out_and_told(
    world: World, label: str, geometry: dict[str, float], left_out: str
) -> None:
    world.with_pictures(1)
    world.datasets.create_schema(world.caller, "states", ["ok"], ["box"])
    drawn = [{"label": label, "geometry_type": "box", "geometry": geometry}]
    rows = [{"name": "000.png", "label": "ok", "objects": drawn}]
    report = world.datasets.import_labels(world.caller, "states", rows)
    told = [one["what"] for one in report.losses]
    assert report.written == 0
    assert [left_out in one or "class of an image" in one for one in told] == [True, True]


def test_every_format_says_what_it_is_and_keeps(world: World) -> None:
    told = world.datasets.formats()
    assert [one.name for one in told] == list(FORMATS)
    assert all(one.title and one.about and one.keeps for one in told)


DEEP = b'{"items": ' + b"[" * 100_000
BOMB = b'<!DOCTYPE a [<!ENTITY b "xxxxxxxx"><!ENTITY c "&b;&b;&b;&b;">]><annotations>&c;</annotations>'
FOREIGN = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>'
TABLE = parquet_of(label=["a"], file=["b"])
KITTI_LINE = b"Car 0 0 0 1 2 31 42 1 1 1 1 1 1 1\n"


@pytest.mark.parametrize(
    ("format", "files", "told"),
    [
        (cvat, {"a.xml": BOMB}, '"a.xml"'),
        (cvat, {"a.xml": FOREIGN}, '"a.xml"'),
        (cvat, {"a.xml": b"<annotations>\n\n<image>"}, "line 3"),
        (cvat, {"a.xml": b"<other/>"}, '"a.xml"'),
        (cvat, {"a.xml": b'<annotations><image id="1"><box/></image></annotations>'}, '"a.xml"'),
        (cvat, {"a.xml": b"<a>" * 100_000}, '"a.xml"'),
        (datumaro, {"b.json": DEEP}, '"b.json"'),
        (datumaro, {"b.json": b'{"items": [\n{"id": 1},\n'}, "line 3"),
        (datumaro, {"b.json": b"{}"}, '"b.json"'),
        (coco, {"c.json": b'{"images": [],\n"categories": nought}'}, "line 2"),
        (coco, {"c.json": b'{"images": [{"id": 1, "file_name": "a"},]}'}, "line 1"),
        (coco, {"c.json": b'{"images" []}'}, "line 1"),
        (coco, {"c.json": b'{"images": []'}, "line 1"),
        (label_studio, {"d.json": b"[\n\n{]"}, "line 3"),
        (kitti, {"t/label_2/1.txt": KITTI_LINE + b"Car 1 2\n"}, "line 2"),
        (kitti, {"t/label_2/1.txt": KITTI_LINE.replace(b"31", b"nan")}, "line 1"),
        (kitti, {"t/label_2/1.txt": b"x" * 5000}, '"t/label_2/1.txt"'),
        (mot, {"t/gt/gt.txt": b"1,1,1,1,1,1,1,1,1\n1,1\n"}, "line 2"),
        (mot, {"t/gt/gt.txt": b"1,1,1,1,1,1,1,99,1\n"}, "line 1"),
        (mot, {"t/gt/gt.txt": b"1e999,1,1,1,1,1,1,1,1\n"}, "line 1"),
        (mot, {"t/gt/gt.txt": b"", "t/gt/frames.csv": b"frame\nx\n"}, "frames.csv"),
        (mot, {"t/other.txt": b""}, "gt.txt"),
        (table, {"labels.csv": b"file,label\na,b\nb," + b"x" * 200_000}, "line 3"),
        (table, {"labels.csv": b'file,label\na,"b\n'}, '"labels.csv"'),
        (voc, {"Annotations/a.xml": b"<annotation>\n<filename>"}, "line 2"),
        (yolo, {"data.yaml": b"names: [a]", "labels/a.txt": b"0 0 0 1 1\n0 x 0 1 1\n"}, "line 2"),
        (parquet, {"samples.parquet": b"PAR1" + b"\0" * 100}, '"samples.parquet"'),
        (parquet, {"samples.parquet": TABLE[:-20] + b"\xff" * 20}, "samples"),
        (parquet, {"samples.parquet": parquet_of(other=["a"])}, '"samples.parquet"'),
        (parquet, {"other.txt": b""}, "Parquet"),
        (parquet, {"samples.parquet": TABLE, "objects.parquet": parquet_of(x=[1])}, "objects"),
        (croissant, {"croissant.json": b"{}"}, '"croissant.json"'),
        (croissant, {"croissant.json": b'{"distribution": [{"contentUrl": "http://a.org/a.parquet"}]}'}, "croissant"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_by_name_and_line(format: Any, files: dict[str, bytes], told: str) -> None:
    with pytest.raises(SightloopError) as caught:
        format.read(pack(files), Losses())
    assert told in caught.value.message


@pytest.mark.parametrize("format", FORMATS.values())
def test_an_archive_with_a_name_that_leads_outside_is_refused(format: Any) -> None:
    with pytest.raises(SightloopError, match="outside"):
        format.read(pack({"../../etc/label_2/a.txt": b"", "annotations.json": b"{}"}), Losses())


@pytest.mark.parametrize(
    "told",
    [
        {"left": "0", "top": "0", "width": "9999999999", "height": "9999999999", "rle": "1"},
        {"left": "60", "top": "0", "width": "10", "height": "1", "rle": "5, 5"},
        {"left": "0", "top": "0", "width": "2", "height": "2", "rle": "-4, 8"},
        {"left": "0", "top": "0", "width": "2", "height": "2", "rle": "1, 1"},
    ],
)
def test_a_mask_of_cvat_that_does_not_fit_its_image_costs_itself_only(told: dict[str, str]) -> None:
    fields = " ".join(f'{key}="{value}"' for key, value in told.items())
    box = '<box label="bolt" xtl="1" ytl="2" xbr="31" ybr="42"/>'
    text = f'<annotations><image id="0" name="a.png"><mask label="bolt" {fields}/>{box}</image></annotations>'
    losses = Losses()
    (row,) = cvat.read(text.encode(), losses)
    assert [one.geometry_type for one in objects(row)] == ["box"]
    assert [one["count"] for one in losses.report()] == [1]


def test_a_damaged_annotation_of_datumaro_costs_itself_only() -> None:
    labels = {"label": {"labels": [{"name": "bolt", "parent": ""}]}}
    damaged: list[Any] = [
        {"type": "bbox", "label_id": 0, "bbox": [1]}, {"type": "bbox", "label_id": 9, "bbox": [1, 2, 3, 4]},
        {"type": "polygon", "label_id": 0, "points": [1, 2, 3]}, {"type": "mask", "label_id": 0, "rle": 3},
        {"type": "ellipse", "label_id": 0, "points": [1, 2, 3, 4]},
    ]  # fmt: skip
    whole = {"type": "bbox", "label_id": 0, "bbox": [1, 2, 30, 40]}
    items = [{"id": "a", "annotations": [*damaged, whole]}]
    losses = Losses()
    (row,) = datumaro.read(json.dumps({"items": items, "categories": labels}).encode(), losses)
    assert [one.geometry for one in objects(row)] == [BOX]
    assert losses.total() == len(damaged)
