from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sightloop.errors import InvalidMedia, Unavailable
from sightloop.inference import DecodePool, DecodeRequest
from sightloop.inference.children import ROOM_BYTES

from .images import encoded, noise

EVIL = "tests.specs.inference.evil_child"


@pytest.fixture(scope="module")
def evil_pool() -> Iterator[DecodePool]:
    with DecodePool(workers=1, wall_s=3.0, cpu_s=10, memory_bytes=1 << 30, module=EVIL) as pool:
        yield pool


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"abort", "decoder_crashed"),
        (b"hang", "timeout"),
        (b"hoard", "out_of_memory"),
        (b"babble", "decoder_crashed"),
        (b"shrink", "decoder_crashed"),
        (b"overclaim", "decoder_crashed"),
    ],
)
def test_a_child_that_dies_fails_its_item_and_the_pool_is_whole_again(
    evil_pool: DecodePool, data: bytes, reason: str
) -> None:
    with pytest.raises(InvalidMedia) as refused:
        evil_pool.decode(data)
    assert refused.value.facts["reason"] == reason
    assert evil_pool.decode(encoded("PNG")).width == 80


def test_an_image_that_is_larger_than_the_shared_memory_comes_back_whole(evil_pool: DecodePool) -> None:
    pixels = noise(height=1600, width=2000)
    assert pixels.nbytes > ROOM_BYTES
    decoded = evil_pool.decode(encoded("BMP", pixels), DecodeRequest(thumbnail=True)).pixels
    assert decoded is not None
    assert np.array_equal(decoded, pixels)


def test_processor_time_is_limited_as_well_as_wall_time() -> None:
    with DecodePool(workers=1, wall_s=30.0, cpu_s=1, module=EVIL) as pool, pytest.raises(InvalidMedia) as refused:
        pool.decode(b"hang")
    assert refused.value.facts["reason"] == "timeout"


def test_neighbours_of_a_crash_are_decoded_all_the_same() -> None:
    good = encoded("PNG")
    with DecodePool(workers=2, wall_s=3.0, module=EVIL) as pool:
        results = list(pool.map([good, b"abort", good, b"abort", good], DecodeRequest(pixels=False)))
    assert [isinstance(result, InvalidMedia) for result in results] == [False, True, False, True, False]


def test_a_child_is_replaced_after_its_share_of_items() -> None:
    with DecodePool(workers=1, recycle_after=2) as pool:
        assert [pool.decode(encoded("PNG")).width for _ in range(5)] == [80] * 5


def test_a_child_that_cannot_start_is_not_blamed_on_the_image() -> None:
    with DecodePool(workers=1, module="sightloop.inference.nowhere") as pool, pytest.raises(Unavailable) as refused:
        pool.decode(encoded("PNG"))
    assert "start" in refused.value.message


def test_a_closed_pool_says_so() -> None:
    pool = DecodePool(workers=1)
    pool.close()
    with pytest.raises(Unavailable, match="closed"):
        pool.decode(encoded("PNG"))
