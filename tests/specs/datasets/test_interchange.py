"""Labels come in from other tools, versions go out to them, and come back the same."""

from __future__ import annotations

import io
import zipfile

import pytest

from sightloop.datasets import Operation
from sightloop.datasets.exports import FORMATS
from sightloop.domain import DatasetVersion, new_id
from sightloop.errors import InvalidInput, NotFound
from tests.specs.datasets.world import World, picture

SAME = ["folder", "csv", "coco", "cvat", "datumaro", "label-studio", "parquet", "croissant"]


@pytest.mark.parametrize("format", SAME)
def test_an_export_comes_back_the_same_elsewhere(world: World, format: str) -> None:
    ids = world.with_pictures(4, cell_type=["mono", "poly"]).ids()
    world.schema()
    world.label(dict(zip(ids, ("ok", "defect", "ok"), strict=False)))
    version = world.commit(where={}, splits={"train": 0.5, "test": 0.5})
    archive = world.datasets.export(world.caller, version.id, format).read()

    other = world.elsewhere(new_id("wsp"), world.folder)
    other.schema()
    other.ingest(kind="archive", upload=other.datasets.upload(other.caller, "export.zip", archive))
    report = other.datasets.import_labels(other.caller, "states", archive, format=format)
    back = other.commit(add=report.splits)
    assert content(other, back.id) == content(world, version.id)
    assert (report.written, report.unknown) == (3, ())


@pytest.mark.parametrize("format", SAME)
def test_the_same_version_gives_the_same_bytes(world: World, format: str) -> None:
    version = world.with_pictures(2).commit(where={})
    exports = [world.datasets.export(world.caller, version.id, format).read() for _ in range(2)]
    assert exports[0] == exports[1]


def test_importing_again_writes_nothing(world: World) -> None:
    world.with_pictures(2).schema()
    labels = b"file,label\n000.png,ok\n001.png,defect\nmissing.png,ok\n"
    first = world.datasets.import_labels(world.caller, "states", labels)
    again = world.datasets.import_labels(world.caller, "states", labels)
    assert (first.written, first.unknown) == (2, ("missing.png",))
    assert (again.written, again.unchanged) == (0, 2)


def test_the_folders_of_ingested_samples_can_be_their_labels(world: World) -> None:
    for name in ("ok", "defect"):
        (world.folder / name).mkdir()
        (world.folder / name / "a.png").write_bytes(picture(len(name)))
    world.ingest()
    world.schema()
    assert world.datasets.import_labels(world.caller, "states", format="folder").written == 2
    heads = world.datasets.annotations.heads(world.caller, "states")
    assert heads[world.named("ok/a.png")].label == "ok"


def test_a_name_that_fits_two_samples_labels_neither(world: World) -> None:
    for folder in ("x", "y"):
        (world.folder / folder).mkdir()
        (world.folder / folder / "a.png").write_bytes(picture(ord(folder)))
    world.ingest()
    world.schema()
    report = world.datasets.import_labels(world.caller, "states", [{"name": "a.png", "label": "ok"}])
    assert report.unknown == ("a.png",)


LOSSLESS = ("parquet", "croissant")
LINES = (*LOSSLESS, "cvat", "datumaro")
DRAWN = [name for name in FORMATS if name not in ("folder", "csv")]
BOX = {"x": 1.0, "y": 2.0, "width": 30.0, "height": 40.0}


def with_a_box(world: World) -> DatasetVersion:
    """A version of two pictures; on the first a box was drawn."""
    world.with_pictures(2)
    world.datasets.create_schema(world.caller, "states", ["ok", "defect"], ["class", "box", "polyline"])
    line = Operation("put", "line", 0, "ok", "polyline", {"points": [[1, 1], [9, 9]]})
    drawn = Operation("put", "drawn", 0, "defect", "box", BOX)
    world.datasets.objects.write(world.caller, world.named("000.png"), "states", [drawn, line])
    world.datasets.create(world.caller, "boxed", "states")
    return world.datasets.commit(world.caller, "boxed", where={})


@pytest.mark.parametrize("format", DRAWN)
def test_objects_survive_a_round_trip_and_losses_are_told(world: World, format: str) -> None:
    version = with_a_box(world)
    archive = world.datasets.export(world.caller, version.id, format).read()
    losses = world.datasets.losses(world.caller, version.id, format)
    kept = format in LINES
    assert ["polyline" in loss["what"] for loss in losses] == ([] if kept else [True])
    assert kept or b"polyline" in zipfile.ZipFile(io.BytesIO(archive)).read("losses.txt")

    again = world.datasets.import_labels(world.caller, "states", archive, format=format)
    assert (again.written, again.unchanged, again.unknown) == (0, 2 if kept else 1, ())
    other = world.elsewhere(new_id("wsp"), world.folder)
    other.datasets.create_schema(other.caller, "states", ["ok", "defect"], ["class", "box"])
    taken = other.ingest(kind="archive", upload=other.datasets.upload(other.caller, "export.zip", archive))
    other.datasets.import_labels(other.caller, "states", archive, format=format)
    found = other.datasets.annotations.objects(other.caller, "states")
    (box,) = [one for heads in found.values() for one in heads]
    assert (taken["quarantined"], box.label, str(box.basis), box.geometry) == (0, "defect", "imported", BOX)


def test_what_does_not_fit_the_schema_or_the_image_is_left_out_and_told(world: World) -> None:
    world.with_pictures(1)
    world.datasets.create_schema(world.caller, "states", ["ok"], ["box"])
    rows = [
        {
            "name": "000",
            "objects": [
                {"label": "ok", "geometry_type": "box", "geometry": BOX, "attributes": {"deep": True}},
                {"label": "ok", "geometry_type": "box", "geometry": {**BOX, "x": 500}},
                {"label": "ok", "geometry_type": "polyline", "geometry": {"points": [[1, 1], [2, 2]]}},
            ],
        }
    ]
    report = world.datasets.import_labels(world.caller, "states", rows)
    assert (report.written, sorted(one["count"] for one in report.losses)) == (1, [1, 1, 1])


def test_a_cell_that_a_spreadsheet_would_run_is_made_inert(world: World) -> None:
    version = world.with_pictures(1, note=["=1+1"]).commit(where={})
    archive = world.datasets.export(world.caller, version.id, "csv", media=False).read()
    assert b"'=1+1" in archive


@pytest.mark.parametrize(
    ("labels", "format"),
    [
        (b"file;label\na.png;ok\n", "csv"),
        (b"\xff\xfe\x00", "csv"),
        (b"{}", "coco"),
        (b"not json", "coco"),
        (b"not an archive", "folder"),
        (None, "csv"),
        ([{"name": "a.png"}], "csv"),
        ([{"label": "ok", "nmae": "a.png"}], "csv"),
        ([{"label": "ok", "name": "000.png", "objects": 3}], "csv"),
        ([{"name": "000.png", "objects": [{"label": 3}]}], "csv"),
        (b"file,label\n000.png,unheard\n", "csv"),
    ],
)
def test_labels_that_cannot_be_read_are_an_error(world: World, labels: bytes, format: str) -> None:
    world.with_pictures(1).schema()
    with pytest.raises(InvalidInput):
        world.datasets.import_labels(world.caller, "states", labels, format=format)


def test_an_unknown_format_names_the_known(world: World) -> None:
    world.schema()
    with pytest.raises(NotFound, match="coco"):
        world.datasets.import_labels(world.caller, "states", b"", format="cocoa")


def content(world: World, version: str) -> list[tuple[str, str, str]]:
    return sorted((one.media_digest, one.split, one.label) for one in world.datasets.entries(world.caller, version))
