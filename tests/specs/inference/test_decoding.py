from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from sightloop.inference import DecodePool, DecodeRequest

from .images import encoded, noise


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_a_lossless_image_comes_back_pixel_by_pixel(pool: DecodePool, kind: str) -> None:
    decoded = pool.decode(encoded(kind))
    assert decoded.format == kind
    assert decoded.pixels is not None
    assert np.array_equal(decoded.pixels, noise())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_a_lossy_image_comes_back_with_its_format_and_size(pool: DecodePool, kind: str) -> None:
    decoded = pool.decode(encoded(kind))
    assert (decoded.format, decoded.width, decoded.height, decoded.bit_depth) == (kind, 80, 60, 8)


def test_only_the_parts_that_were_asked_for_come_back(pool: DecodePool) -> None:
    decoded = pool.decode(encoded("PNG"), DecodeRequest(pixels=False))
    assert (decoded.pixels, decoded.thumbnail, decoded.measures) == (None, None, None)


def test_the_grey_reduction_for_the_hash_is_always_there(pool: DecodePool) -> None:
    grey = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    decoded = pool.decode(encoded("PNG", grey), DecodeRequest(pixels=False))
    assert decoded.gray32.shape == (32, 32)
    assert np.array_equal(decoded.gray32, np.asarray(Image.fromarray(grey).resize((32, 32), Image.Resampling.BOX)))


def test_pixels_come_in_the_size_that_was_asked_for(pool: DecodePool) -> None:
    decoded = pool.decode(encoded("PNG"), DecodeRequest(size=(40, 30)))
    assert decoded.pixels is not None
    assert decoded.pixels.shape == (30, 40, 3)
    assert (decoded.width, decoded.height) == (80, 60)


def test_a_thumbnail_is_a_jpeg_of_at_most_256_pixels_a_side(pool: DecodePool) -> None:
    small = pool.decode(encoded("PNG", noise(300, 600)), DecodeRequest(thumbnail=True)).thumbnail
    assert small is not None
    thumbnail = pool.decode(small)
    assert (thumbnail.format, thumbnail.width, thumbnail.height) == ("JPEG", 256, 128)


def test_a_sharp_image_measures_less_blur_than_a_flat_one(pool: DecodePool) -> None:
    flat = np.full((60, 80, 3), 128, np.uint8)
    wants = DecodeRequest(pixels=False, measures=True)
    sharp, dull = (pool.decode(encoded("PNG", pixels), wants).measures for pixels in (noise(), flat))
    assert sharp is not None
    assert dull is not None
    assert sharp.blur > dull.blur
    assert dull.contrast == 0


def test_sixteen_bits_are_cut_to_the_upper_eight_and_stated(pool: DecodePool) -> None:
    deep = np.array([[0, 255, 256, 65535]], np.uint16)
    decoded = pool.decode(encoded("PNG", deep))
    assert (decoded.bit_depth, decoded.channels) == (16, 1)
    assert decoded.pixels is not None
    assert decoded.pixels[0, :, 0].tolist() == [0, 0, 1, 255]


def test_the_exif_orientation_and_time_are_applied(pool: DecodePool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[306] = "2026:03:04 05:06:07"
    decoded = pool.decode(encoded("JPEG", exif=exif))
    assert (decoded.width, decoded.height) == (60, 80)
    assert decoded.captured_at == datetime(2026, 3, 4, 5, 6, 7)  # noqa: DTZ001


def test_a_map_keeps_the_order_and_goes_on_after_a_bad_file() -> None:
    files = [encoded("PNG", noise(seed=seed)) for seed in range(6)]
    files[2] = b""
    with DecodePool(workers=2) as pool:
        results = list(pool.map(files))
    good = [seed for seed, result in enumerate(results) if not isinstance(result, Exception)]
    assert good == [0, 1, 3, 4, 5]
    assert all(np.array_equal(results[seed].pixels, noise(seed=seed)) for seed in good)  # type: ignore[union-attr, arg-type]
