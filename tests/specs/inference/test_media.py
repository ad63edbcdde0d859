"""Media that are no plain images open to a picture, facts, and what they hold."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightloop.errors import InvalidMedia
from sightloop.inference import Decoded, DecodePool, DecodeRequest
from sightloop.inference.modalities.opened import needs
from tests import media_files as media

from .images import encoded

CLOUDS = {
    "a.las": media.las(media.street()),
    "a.laz": media.las(media.street(), packed=True),
    "a.pcd": media.pcd(media.street()),
    "a.bin": media.kitti(media.street()),
    "a.npy": media.npy(media.street()),
}
CELSIUS = {"quantity": "temperature", "unit": "°C", "scale": 0.04, "offset": -273.15}


def opened(pool: DecodePool, name: str, data: bytes, **want: Any) -> Decoded:
    suffix = PurePath(name).suffix
    return pool.decode(data, DecodeRequest(anything=True, suffix=suffix, points=10_000, values=True, text=True, **want))


@pytest.mark.parametrize("name", CLOUDS)
def test_a_point_cloud_gives_its_points_in_metres(pool: DecodePool, name: str) -> None:
    found = opened(pool, name, CLOUDS[name])
    assert found.kind == "sweep"
    assert found.points is not None
    least = [found.facts[f"min_{axis}"] for axis in "xyz"]
    assert np.allclose(found.points[:, :3] + least, media.street(), atol=0.002)


def test_fewer_points_are_chosen_evenly_where_fewer_are_asked_for(pool: DecodePool) -> None:
    found = pool.decode(CLOUDS["a.las"], DecodeRequest(anything=True, points=100)).points
    assert found is not None
    assert (len(found), found[0, 3], found[-1, 3]) == (100, 0.0, 1.0)


def test_a_point_cloud_is_shown_from_above_with_what_stands_out(pool: DecodePool) -> None:
    pixels = opened(pool, "a.las", CLOUDS["a.las"]).pixels
    assert pixels is not None
    wall, road = pixels[: len(pixels) // 12].max(axis=2), pixels[len(pixels) // 2 :].max(axis=2)
    assert wall[wall > 0].mean() > 1.3 * road[road > 0].mean()


def test_temperatures_keep_their_degrees_per_count(pool: DecodePool) -> None:
    counts = np.arange(7000, 8200, dtype=np.uint16).reshape(30, 40)
    values = opened(pool, "a.tiff", media.tiff(counts), declared=CELSIUS).values
    assert values is not None
    assert np.allclose(values, counts * 0.04 - 273.15, atol=1e-4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_all_sixteen_bits_of_a_depth_image_come_back(pool: DecodePool, kind: str) -> None:
    counts = np.random.default_rng(0).integers(0, 65536, (30, 40)).astype(np.uint16)
    values = opened(pool, "a", encoded(kind, counts), declared={"quantity": "depth"}).values
    assert values is not None
    assert np.array_equal(values, counts)


def test_a_count_that_means_nothing_is_not_measured(pool: DecodePool) -> None:
    counts = np.array([[0, 500], [1000, 0]], np.uint16)
    declared = {"quantity": "depth", "unit": "m", "scale": 0.001, "nothing": 0}
    values = opened(pool, "a.png", encoded("PNG", counts), declared=declared).values
    assert values is not None
    assert np.array_equal(np.isnan(values), counts == 0)
    assert np.nanmax(values) == 1.0


def test_a_palette_and_a_range_colour_measurements(pool: DecodePool) -> None:
    counts = np.array([[7000, 8000]], np.uint16)
    view = {"low": 10.0, "high": 40.0, "palette": "iron"}
    pixels = opened(pool, "a.tiff", media.tiff(counts), declared=CELSIUS, view=view).pixels
    assert pixels is not None
    assert pixels[0].tolist() == [[0, 0, 10], [255, 255, 240]]


def test_colour_cannot_be_declared_a_measurement(pool: DecodePool) -> None:
    with pytest.raises(InvalidMedia) as refused:
        opened(pool, "a.png", encoded("PNG"), declared=CELSIUS)
    assert refused.value.facts["reason"] == "not_measured"


def test_thirty_two_bit_heights_are_measurements_without_being_declared(pool: DecodePool) -> None:
    heights = np.linspace(-3, 9, 48, dtype=np.float32).reshape(6, 8)
    found = opened(pool, "a.tif", media.tiff(heights))
    assert found.values is not None
    assert np.array_equal(found.values, heights)
    assert (found.facts["lowest"], found.facts["highest"]) == (-3.0, 9.0)


def test_an_exr_gives_its_depth_in_metres(pool: DecodePool) -> None:
    depth = np.linspace(0.5, 8, 64, dtype=np.float32).reshape(8, 8)
    found = opened(pool, "a.exr", media.exr(depth))
    assert found.values is not None
    assert np.array_equal(found.values, depth)
    assert found.reading == {"quantity": "depth", "unit": "m"}


def test_a_ct_slice_is_in_hounsfield_units_and_shown_by_its_window(pool: DecodePool) -> None:
    found = opened(pool, "a.dcm", media.dicom(np.array([[420, 520, 620]], np.int16)))
    assert found.values is not None
    assert found.values.tolist() == [[-160.0, 40.0, 240.0]]
    assert found.pixels is not None
    assert found.pixels[0, :, 0].tolist() == [0, 128, 255]


def test_monochrome1_shows_its_lowest_value_white(pool: DecodePool) -> None:
    data = media.dicom(np.array([[420, 620]], np.int16), PhotometricInterpretation="MONOCHROME1")
    pixels = opened(pool, "a.dcm", data).pixels
    assert pixels is not None
    assert pixels[0, :, 0].tolist() == [255, 0]


def test_a_dicom_file_that_begins_like_a_tiff_is_dicom(pool: DecodePool) -> None:
    assert opened(pool, "a.dcm", b"II*\0" + media.dicom()[4:]).format == "DICOM"


def test_a_geotiff_tells_where_it_lies(pool: DecodePool) -> None:
    tags = {33550: (0.5, 0.5, 0.0), 33922: (0.0, 0.0, 0.0, 400_000.0, 3_300_000.0, 0.0),
            34735: (1, 1, 0, 1, 3072, 0, 1, 32617)}  # fmt: skip
    facts = opened(pool, "a.tif", media.tiff(np.zeros((20, 10), np.uint8), tags)).facts
    assert facts["crs"] == "EPSG:32617"
    ends = [facts[name] for name in ("west", "south", "east", "north")]
    assert ends == [400_000.0, 3_299_990.0, 400_005.0, 3_300_000.0]


def test_a_photograph_tells_camera_and_place(pool: DecodePool) -> None:
    exif = Image.Exif()
    exif[271], exif[272] = "Acme", "Eye 3"
    exif[0x8825] = {1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (151.0, 15.0, 0.0)}
    facts = opened(pool, "a.jpg", encoded("JPEG", exif=exif)).facts
    assert facts == {"camera_model": "Acme Eye 3", "latitude": -33.5, "longitude": 151.25}


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG"])
def test_a_tone_stands_at_its_height_in_the_spectrogram(pool: DecodePool, format: str) -> None:
    found = opened(pool, f"a.{format.lower()}", media.sound(format, hertz=4000, seconds=0.5, rate=16_000))
    assert (found.kind, found.format, found.facts["duration_s"]) == ("audio", format, 0.5)
    loudest = int(found.gray32.mean(axis=1).argmax())
    assert loudest in (15, 16)  # 4 kHz is half of the 8 kHz that 32 rows show


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_series_tells_what_was_measured_when_and_in_which_unit(pool: DecodePool, name: str) -> None:
    data = media.csv(media.readings()) if name == "a.csv" else media.parquet(media.readings())
    found = opened(pool, name, data)
    assert (found.kind, found.facts["rows"], found.facts["duration_s"]) == ("series", 50, 98.0)
    assert (found.facts["measured"], found.facts["units"]) == ("vibration, bearing", "g, °C")
    assert found.captured_at is not None
    assert found.captured_at.isoformat() == "2026-03-01T08:00:00"


def test_a_text_comes_back_as_it_is_written(pool: DecodePool) -> None:
    found = opened(pool, "a.txt", "Riß in Zelle 14\n".encode())
    assert (found.kind, found.text, found.facts["words"]) == ("document", "Riß in Zelle 14\n", 4)


def test_only_images_are_opened_where_an_image_is_asked_for(pool: DecodePool) -> None:
    with pytest.raises(InvalidMedia) as refused:
        pool.decode(CLOUDS["a.las"])
    assert refused.value.facts["reason"] == "unsupported_format"


def test_a_format_whose_package_is_missing_names_the_extra() -> None:
    with pytest.raises(InvalidMedia, match=r"pip install 'sightloop\[lidar\]'"):
        needs("no_such_package", "lidar")


BROKEN = {
    "half a LAS": ("a.las", CLOUDS["a.las"][:300], {"corrupt", "truncated"}),
    "a LAS of four billion points": ("a.las", media.claiming_points(CLOUDS["a.las"], 2**32 - 1), {"too_many_pixels"}),
    "a sweep of odd length": ("a.bin", CLOUDS["a.bin"][:-3], {"truncated"}),
    "a sweep of noise": ("a.bin", np.random.default_rng(0).bytes(1600), {"not_an_image"}),
    "an array of objects": ("a.npy", media.npy(np.array([{}, {}]), pickled=True), {"corrupt"}),
    "an array of another shape": ("a.npy", media.npy(np.zeros(7)), {"corrupt"}),
    "a PCD without coordinates": ("a.pcd", media.pcd(media.street(5)).replace(b"x y z", b"u v w"), {"corrupt"}),
    "half a DICOM": ("a.dcm", media.dicom()[:400], {"corrupt", "truncated", "unsupported_format"}),
    "half an EXR": ("a.exr", media.exr(np.ones((8, 8), np.float32))[:200], {"corrupt"}),
    "half a Parquet": ("a.parquet", media.parquet(media.readings())[:500], {"corrupt"}),
    "a table without time": ("a.csv", b"a,b\n1,2\n", {"not_a_series"}),
    "a text that is none": ("a.txt", b"\xff\xfe\0\1", {"not_text"}),
    "a recording without sound": ("a.wav", media.sound(seconds=0), {"truncated", "corrupt"}),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_medium_is_refused_with_its_reason(pool: DecodePool, case: str) -> None:
    name, data, reasons = BROKEN[case]
    with pytest.raises(InvalidMedia) as refused:
        opened(pool, name, data)
    assert refused.value.facts["reason"] in reasons


@pytest.mark.parametrize("name", media.everything())
def test_a_mutant_is_opened_or_refused_and_nothing_else(pool: DecodePool, name: str) -> None:
    rng = np.random.default_rng(7)
    whole = media.everything()[name]
    for _ in range(8):
        mutant = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 2000), 3):
            mutant[at] = int(rng.integers(0, 256))
        try:
            opened(pool, name, bytes(mutant))
        except InvalidMedia as refused:
            assert refused.facts["reason"]  # noqa: PT017
