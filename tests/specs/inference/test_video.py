"""Clips and their frames: probed, chosen, and read again exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sightloop.errors import InvalidMedia
from sightloop.inference import DecodePool, DecodeRequest
from tests.specs.inference.clips import KINDS, clip, decoded, huge, sound_only, turned, uneven

ANYTHING = DecodeRequest(anything=True, thumbnail=True, measures=True)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool(workers=1) as pool:
        yield pool


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_read_by_its_time_is_the_one_that_decoding_all_gives(pool: DecodePool, kind: str) -> None:
    data = clip(kind)
    whole = decoded(data)
    order = np.random.default_rng(1).permutation(sorted(whole)).tolist()
    for pts, found in zip(order, pool.frames(data, order, DecodeRequest()), strict=True):
        assert found is not None
        assert found.pixels is not None
        assert np.array_equal(found.pixels, whole[pts]), pts


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_tells_what_it_is(pool: DecodePool, kind: str) -> None:
    found = pool.decode(clip(kind, frames=40, fps=20), ANYTHING)
    assert (found.kind, found.width, found.height, found.facts["frames"]) == ("clip", 64, 64, 40)
    assert (found.facts["duration_s"], found.facts["fps"]) == (2.0, 20.0)
    assert found.thumbnail


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_every_half_second(pool: DecodePool, kind: str) -> None:
    data = clip(kind)
    pts = pool.pick_times(data, {"every_s": 0.5, "most": 100})
    times = [found.facts["time_s"] for found in pool.frames(data, pts, DecodeRequest()) if found]
    assert times == [0.0, 0.5, 1.0, 1.5]


def test_keyframes_are_those_that_stand_alone(pool: DecodePool) -> None:
    assert len(pool.pick_times(clip("vp9"), {"keyframes": True, "most": 100})) == 4
    assert len(pool.pick_times(clip("vp9"), {"keyframes": True, "most": 2})) == 2


def test_scenes_begin_where_the_picture_changes(pool: DecodePool) -> None:
    data = clip(frames=30, fps=10, cuts=10)
    pts = pool.pick_times(data, {"scenes": 0.5, "most": 100})
    assert [found.facts["time_s"] for found in pool.frames(data, pts, DecodeRequest()) if found] == [0.0, 1.0, 2.0]


def test_uneven_times_are_kept(pool: DecodePool) -> None:
    data = uneven([0, 10, 500, 510, 2000])
    found = pool.decode(data, ANYTHING)
    pts = pool.pick_times(data, {"every_s": 0.5, "most": 9})
    times = [one.facts["time_s"] for one in pool.frames(data, pts, DecodeRequest()) if one]
    assert (found.facts["uneven"], times) == (True, [0.0, 0.5, 2.0])


def test_a_clip_that_was_held_on_its_side_is_upright(pool: DecodePool) -> None:
    plain, side = (pool.decode(data, ANYTHING) for data in (clip(), turned(clip())))
    assert plain.pixels is not None
    assert side.pixels is not None
    assert np.array_equal(side.pixels, np.rot90(plain.pixels, -1))
    assert side.facts["rotation"] == -90


def test_a_time_that_no_frame_has_is_none(pool: DecodePool) -> None:
    with pytest.raises(InvalidMedia) as caught:
        pool.decode(clip(), DecodeRequest(pts=1))
    assert caught.value.facts["reason"] == "no_frame"


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (clip()[:40], {"truncated", "corrupt"}),
        (clip("h264-open-gop")[:600], {"truncated", "corrupt"}),
        (sound_only(), {"no_video"}),
        (huge(), {"too_many_pixels"}),
        (b"\0\0\0\x18ftypmp42" + b"#EXTM3U\nfile:///etc/passwd\n", {"truncated", "corrupt"}),
    ],
    ids=["head", "no-frames-left", "sound", "huge", "playlist"],
)
def test_what_is_no_clip_is_refused_with_its_reason(pool: DecodePool, data: bytes, reasons: set[str]) -> None:
    with pytest.raises(InvalidMedia) as caught:
        pool.decode(data, ANYTHING)
    assert caught.value.facts["reason"] in reasons


def test_a_truncated_stream_gives_the_frames_that_it_has(pool: DecodePool) -> None:
    data = clip("transport")
    found = pool.decode(data[: len(data) // 2], ANYTHING)
    assert 0 < int(found.facts["frames"]) < 40


@pytest.mark.parametrize("kind", ["h264", "vp9", "mpeg4-avi"])
def test_mutants_of_a_clip_neither_hang_nor_kill(pool: DecodePool, kind: str) -> None:
    data = clip(kind, frames=12)
    dice = np.random.default_rng(7)
    outcomes = []
    for _ in range(70):
        mutant = bytearray(data)
        for _ in range(int(dice.integers(1, 12))):
            mutant[int(dice.integers(0, len(mutant)))] = int(dice.integers(0, 256))
        if dice.random() < 0.2:
            del mutant[int(dice.integers(1, len(mutant))) :]
        try:
            outcomes.append(pool.decode(bytes(mutant), ANYTHING).kind)
        except InvalidMedia as refused:
            outcomes.append(refused.facts["reason"])
    assert set(outcomes) - {"timeout", "decoder_crashed", "out_of_memory"} == set(outcomes)
    assert pool.decode(data, ANYTHING).kind == "clip"
