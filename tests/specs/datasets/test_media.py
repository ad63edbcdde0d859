"""Media of every kind become samples through the same door, and are measured and read where they lie."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from sightloop.domain import SampleKind
from sightloop.errors import InvalidInput
from tests import media_files as media
from tests.specs.datasets.world import World, picture

CELSIUS = {"quantity": "temperature", "unit": "°C", "scale": 0.04, "offset": -273.15}


def put(world: World, **files: bytes) -> None:
    for name, data in files.items():
        (world.folder / name.replace("_", ".")).write_bytes(data)


def test_one_folder_of_every_kind_becomes_samples(world: World) -> None:
    everything = media.everything()
    for name, data in everything.items():
        (world.folder / name).write_bytes(data)
    output = world.ingest(include=[".csv", ".txt"])
    assert (output["ingested"], output["quarantined"]) == (len(everything), 0)
    kinds = {one.name: one.kind for one in world.datasets.samples(world.caller).items}
    assert kinds["street.laz"] is SampleKind.SWEEP
    assert kinds["pump.csv"] is SampleKind.SERIES
    assert kinds["report.txt"] is SampleKind.DOCUMENT
    assert kinds["pump.ogg"] is SampleKind.AUDIO
    again = world.ingest(include=[".csv", ".txt"])
    assert (again["ingested"], again["known"]) == (0, len(everything))


def test_sidecars_are_passed_over_unless_they_are_included(world: World) -> None:
    put(world, pump_csv=media.csv(media.readings()), a_png=picture(1))
    assert world.ingest()["skipped"] == 1
    assert world.ingest(include=[".csv"])["ingested"] == 1


def test_facts_of_a_medium_are_facets_and_what_is_said_of_it_wins(world: World) -> None:
    put(world, street_las=media.las(media.street(300)))
    world.ingest({"street.las": {"mean_intensity": "unknown", "site": "north"}})
    sample = world.datasets.samples(world.caller, {"points": 300}).items[0]
    assert (sample.metadata["mean_intensity"], sample.metadata["site"]) == ("unknown", "north")


def test_a_region_of_a_thermal_image_is_measured_in_degrees(world: World) -> None:
    counts = np.full((40, 60), 7454, np.uint16)
    counts[10:20, 30:40] = 8704
    put(world, panel_tiff=media.tiff(counts))
    world.ingest(reading=CELSIUS)
    box = {"x": 30, "y": 10, "width": 10, "height": 10}
    found = world.datasets.opened.measure(world.caller, world.ids()[0], "box", box)
    assert (found.unit, found.pixels, found.lowest, found.highest) == ("°C", 100, 75.01, 75.01)
    assert world.datasets.opened.measure(world.caller, world.ids()[0]).lowest == pytest.approx(25.01)


@pytest.mark.parametrize(
    ("kind", "geometry", "pixels"),
    [
        ("polygon", {"rings": [[[0, 0], [10, 0], [10, 10], [0, 10]], [[2, 2], [4, 2], [4, 4], [2, 4]]]}, 96),
        ("rotated_box", {"cx": 20, "cy": 20, "width": 10, "height": 4, "angle_deg": 90}, 40),
    ],
)
def test_a_region_counts_the_pixels_whose_centre_it_holds(
    world: World, kind: str, geometry: dict[str, object], pixels: int
) -> None:
    put(world, panel_tiff=media.tiff(np.full((40, 60), 7454, np.uint16)))
    world.ingest(reading=CELSIUS)
    assert world.datasets.opened.measure(world.caller, world.ids()[0], kind, geometry).pixels == pixels


def test_what_was_not_measured_is_counted_apart(world: World) -> None:
    depth = np.array([[0, 1000], [2000, 0]], np.uint16)
    put(world, depth_tiff=media.tiff(depth))
    world.ingest(reading={"quantity": "depth", "unit": "m", "scale": 0.001, "nothing": 0})
    found = world.datasets.opened.measure(world.caller, world.ids()[0])
    assert (found.pixels, found.outside, found.mean) == (2, 2, 1.5)


def test_an_image_of_colours_measures_nothing_and_says_so(world: World) -> None:
    sample = world.with_pictures(1).ids()[0]
    with pytest.raises(InvalidInput, match="no measurements"):
        world.datasets.opened.measure(world.caller, sample)


def test_points_and_text_are_read_again_from_the_medium(world: World) -> None:
    put(world, street_bin=media.kitti(media.street(300)), report_txt=b"Crack in cell 14")
    world.ingest(include=[".txt"])
    assert world.datasets.opened.points(world.caller, world.named("street.bin"), 1000).shape == (300, 4)
    assert world.datasets.opened.text(world.caller, world.named("report.txt")) == "Crack in cell 14"


def test_a_range_and_a_palette_change_the_picture_and_not_the_sample(world: World) -> None:
    put(world, panel_tiff=media.tiff(np.linspace(7000, 9000, 600).astype(np.uint16).reshape(20, 30)))
    world.ingest(reading=CELSIUS)
    grey, iron = (
        world.datasets.opened.picture(world.caller, world.ids()[0], view={"palette": palette})
        for palette in ("grey", "iron")
    )
    assert grey != iron
    assert world.datasets.opened.picture(world.caller, world.ids()[0]) == grey


@pytest.mark.parametrize(
    "reading",
    [{}, {"quantity": "heat", "scale": 0}, {"quantity": "heat", "scale": "much"}, {"quantity": "heat", "colour": 1},
     {"quantity": "heat", "low": 2, "high": 1}, {"quantity": "heat", "palette": "neon"}],
)  # fmt: skip
def test_a_reading_that_cannot_be_one_is_refused_before_anything_is_read(
    world: World, reading: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput):
        world.ingest(reading=reading)


def test_a_patient_is_nowhere_in_what_is_stored(world: World) -> None:
    put(world, slice_dcm=media.dicom(name="Doe^Jane"))
    world.ingest()
    assert len(world.stored()) > 1
    assert not [one for one in world.stored() if b"Doe" in one]


def test_an_uploaded_patient_is_nowhere_in_what_is_stored(world: World) -> None:
    digest = world.datasets.upload(world.caller, "slice.dcm", media.dicom(name="Doe^Jane"))
    world.ingest(kind="upload", files=[{"name": "slice.dcm", "digest": digest}])
    assert not [one for one in world.stored() if b"Doe" in one]


def test_a_patient_in_an_archive_on_the_server_is_nowhere_in_what_is_stored(world: World, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("slice.dcm", media.dicom(name="Doe^Jane"))
    output = world.ingest(kind="archive", path=str(tmp_path / "study.zip"))
    assert (output["ingested"], output["quarantined"]) == (1, 0)
    assert not [one for one in world.stored() if b"Doe" in one]


def test_identities_are_kept_where_the_source_says_so(world: World) -> None:
    put(world, slice_dcm=media.dicom(name="Doe^Jane"))
    world.ingest(identity="keep")
    kept = pydicom.dcmread(BytesIO(world.datasets.media(world.caller, world.ids()[0])))
    assert str(kept.PatientName) == "Doe^Jane"


def test_dicom_that_names_somebody_and_would_stay_in_its_folder_is_refused(world: World) -> None:
    put(world, slice_dcm=media.dicom())
    assert world.ingest(copy=False)["quarantined"] == 1
    assert world.datasets.quarantine(world.caller)[0].reason == "identity"


def test_two_recordings_that_look_alike_are_no_near_duplicates(world: World) -> None:
    put(world, a_wav=media.sound(hertz=4000), b_wav=media.sound(hertz=4001))
    assert world.ingest()["near_duplicate_groups"] == 0
