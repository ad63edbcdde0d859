"""What a transform does to a picture, step by step."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from sightloop.errors import InvalidInput
from sightloop.inference import Transform, png_of

LENS = {"do": "rectify", "fx": 60, "fy": 60, "cx": 31.5, "cy": 23.5}


def picture(height: int = 48, width: int = 64) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def made(*steps: dict[str, object]) -> Transform:
    return Transform.model_validate({"name": "t", "steps": steps})


def test_a_crop_is_the_region_and_what_lies_beyond_is_left_out() -> None:
    image = picture()
    assert np.array_equal(made({"do": "crop", "x": 8, "y": 4, "width": 16, "height": 99}).apply(image), image[4:, 8:24])
    with pytest.raises(InvalidInput, match="lies beyond a picture of 64 x 48 px"):
        made({"do": "crop", "x": 64, "y": 0, "width": 1, "height": 1}).apply(image)


def test_a_resize_takes_the_mean_of_what_a_pixel_covers() -> None:
    image = picture()
    means = image.reshape(24, 2, 32, 2, 3).mean((1, 3))
    small = made({"do": "resize", "width": 32, "height": 24}).apply(image)
    assert np.abs(small - means).max() <= 1


def test_levels_are_stretched_and_cut() -> None:
    image = np.array([[[0, 50, 100], [150, 200, 255]]], np.uint8)
    found = made({"do": "normalise", "low": 50, "high": 200}).apply(image)
    assert found.tolist() == [[[0, 0, 85], [170, 255, 255]]]


def test_a_lens_without_distortion_changes_nothing() -> None:
    image = picture()
    assert np.array_equal(made(LENS).apply(image), image)


def test_a_barrel_is_made_straight() -> None:
    """A point at (x, y) of the straight picture is taken from where the lens shows it: Brown's radial term, by hand."""
    k1 = -0.2
    image = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 48, 0).repeat(3, 2)
    found = made(LENS | {"k1": k1}).apply(image)
    x, y = (50 - 31.5) / 60, (30 - 23.5) / 60
    column = x * (1 + k1 * (x * x + y * y)) * 60 + 31.5
    assert abs(int(found[30, 50, 0]) - column * 4) <= 0.5


def test_tiles_cover_the_picture_and_lie_against_its_edges() -> None:
    image = picture()
    split = made({"do": "split", "width": 32, "height": 32, "overlap": 8})
    tiles = split.tiles(image)
    assert [one.shape for one in tiles] == [(32, 32, 3)] * 6
    assert np.array_equal(tiles[-1], image[16:, 32:])
    assert split.splits
    with pytest.raises(InvalidInput, match="tiles of one picture"):
        made({"do": "split", "width": 1, "height": 1}).tiles(image)


def test_steps_are_done_in_order_and_named_by_their_digest() -> None:
    crop, size = {"do": "crop", "x": 0, "y": 0, "width": 8, "height": 8}, {"do": "resize", "width": 4, "height": 4}
    assert made(crop, size).apply(picture()).shape == (4, 4, 3)
    assert made(crop, size).digest != made(size, crop).digest
    assert made(crop).digest == Transform.model_validate({"name": "other", "number": 7, "steps": [crop]}).digest


def test_what_is_written_keeps_every_value() -> None:
    image = picture()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png_of(image)))), image)
