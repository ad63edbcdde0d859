"""Videos become clips and frames: each frame a sample of its own, read again from the one medium."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sightloop.domain import Address, SampleKind, digest_of
from sightloop.errors import InvalidInput
from tests.specs.datasets.world import World, picture
from tests.specs.inference.clips import clip, decoded

EACH_HALF_SECOND = {"every_s": 0.5}


def with_clip(world: World, **source: Any) -> Any:
    (world.folder / "line.mp4").write_bytes(clip())
    return world.ingest({"line.mp4": {"line": "2"}}, **source)


def test_a_video_is_one_sample_unless_frames_are_asked_for(world: World) -> None:
    assert with_clip(world)["ingested"] == 1
    sample = world.datasets.samples(world.caller).items[0]
    assert (sample.kind, sample.format, sample.metadata["frames"], sample.metadata["line"]) == ("clip", "MP4", 40, "2")


def test_frames_are_samples_with_their_time_and_the_facets_of_their_clip(world: World) -> None:
    output = with_clip(world, frames=EACH_HALF_SECOND)
    assert (output["found"], output["ingested"]) == (1, 5)
    page = world.datasets.samples(world.caller, {"kind": "frame"}).items
    frames = sorted(page, key=lambda one: one.metadata["time_s"])
    assert [one.metadata["time_s"] for one in frames] == [0.0, 0.5, 1.0, 1.5]
    assert {one.metadata["line"] for one in frames} == {"2"}
    assert {one.media_digest for one in frames} == {digest_of(clip())}
    assert frames[1].name == "line.mp4#t=0.500"
    assert all(one.kind is SampleKind.FRAME and one.address.pts is not None and one.phash for one in frames)


def test_the_pixels_of_a_frame_are_those_that_its_clip_has_at_its_time(world: World) -> None:
    with_clip(world, frames=EACH_HALF_SECOND)
    whole = decoded(clip())
    frames = world.datasets.samples(world.caller, {"kind": "frame"}).items
    pixels = world.datasets.pixels(world.caller, [one.id for one in frames])
    for frame, found in zip(frames, pixels, strict=True):
        assert np.array_equal(found, whole[frame.address.pts or 0])
    assert world.datasets.opened.picture(world.caller, frames[0].id)[:4] == b"\x89PNG"
    assert world.datasets.opened.thumbnail(world.caller, frames[0].id)[:2] == b"\xff\xd8"


def test_the_same_frames_again_are_known_and_other_ones_come_beside_them(world: World) -> None:
    with_clip(world)
    first = with_clip(world, frames=EACH_HALF_SECOND)
    again = with_clip(world, frames=EACH_HALF_SECOND)
    more = with_clip(world, frames={"every_s": 0.25})
    assert (first["ingested"], first["known"]) == (4, 1)
    assert (again["ingested"], again["known"]) == (0, 5)
    assert (more["ingested"], more["known"]) == (4, 5)


def test_a_clip_that_stays_in_place_gives_its_frames_from_there(world: World) -> None:
    with_clip(world, copy=False)
    with_clip(world, frames=EACH_HALF_SECOND)
    (world.folder / "line.mp4").unlink()
    frames = world.datasets.sample_ids(world.caller, {"kind": "frame"})
    assert len(list(world.datasets.pixels(world.caller, frames))) == 4


def test_a_broken_clip_is_quarantined_and_its_neighbours_are_not_harmed(world: World) -> None:
    (world.folder / "a.png").write_bytes(picture(1))
    (world.folder / "broken.mp4").write_bytes(clip()[:300])
    output = with_clip(world, frames=EACH_HALF_SECOND)
    assert (output["ingested"], output["quarantined"]) == (6, 1)


def test_a_prediction_on_one_frame_is_not_one_on_another(world: World) -> None:
    with_clip(world, frames=EACH_HALF_SECOND)
    contents = world.datasets.contents(world.caller)[1].to_pylist()
    assert len({row["media_digest"] for row in contents}) == 5
    samples = world.datasets.samples(world.caller).items
    assert {row["id"]: row["media_digest"] for row in contents} == {one.id: one.content for one in samples}
    whole = next(one for one in samples if one.address == Address())
    assert world.datasets.find_media(world.caller, [digest_of(clip())]) == {digest_of(clip()): whole.id}


@pytest.mark.parametrize(
    "plan", [{}, {"every_s": 0}, {"every_s": 1, "scenes": 0.3}, {"most": 5}, {"scenes": 2}, {"keyframes": False}, "all"]
)
def test_frames_that_nobody_can_take_are_refused_before_anything_is_read(world: World, plan: Any) -> None:
    with pytest.raises(InvalidInput):
        with_clip(world, frames=plan)
