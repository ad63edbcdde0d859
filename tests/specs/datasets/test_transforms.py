"""Samples made from samples by a declared transform: once each, late ones too, with their lineage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from sightloop.datasets.transforms import read_transform
from sightloop.errors import InvalidInput, NotFound, Refused
from tests.specs.datasets.world import World, picture

CROP = "name: middle\nsteps:\n  - {do: crop, x: 8, y: 8, width: 40, height: 32}\n"


def backfill(world: World, name: str = "middle", **asked: Any) -> Any:
    run = world.datasets.backfill(world.caller, name, **asked)
    return world.runs.wait(world.caller, run.id)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no YAML"),
        ("[]", "no mapping"),
        ("name: a\nsteps: []", '"steps" does not fit'),
        ("name: a\nsteps: [{do: blur}]", '"steps.0" does not fit'),
        ("name: a\nsteps: [{do: crop, x: 1, y: 1, width: 0, height: 1}]", "steps.0.crop.width"),
        ("name: a\nsteps: [{do: normalise, low: 9, high: 9}]", "no range"),
        ("name: a@1\nsteps: [{do: resize, width: 1, height: 1}]", '"name" does not fit'),
        ("name: a\nsteps: [{do: split, width: 1, height: 1}, {do: resize, width: 1, height: 1}]", "not the last"),
    ],
)
def test_what_is_no_transform_is_refused_by_its_field(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        read_transform(text)


def test_versions_are_numbered_and_the_same_steps_make_none(world: World) -> None:
    book = world.datasets.transforms
    assert book.set(world.caller, CROP) == book.set(world.caller, CROP)
    second = book.set(world.caller, CROP.replace("40", "20"))
    assert (second.title, book.get(world.caller, "middle")) == ("middle@2", second)
    assert [one.title for one in book.list(world.caller)] == ["middle@1", "middle@2"]
    with pytest.raises(NotFound):
        book.get(world.caller, "middle@3")


def test_a_backfill_makes_each_sample_once_and_late_ones_the_next_time(world: World) -> None:
    done = world.datasets.transforms.set(world.caller, CROP)
    world.with_pictures(3, cell=["mono", "poly"])
    run = backfill(world)
    made = world.datasets.samples(world.caller, {"transform": "middle@1"}).items
    assert [run.output["ingested"], len(made)] == [3, 3]
    for one in made:  # byte for byte what the transform says
        (before,) = world.datasets.pixels(world.caller, [one.metadata["derived_from"]])
        (after,) = world.datasets.pixels(world.caller, [one.id])
        assert np.array_equal(after, done.apply(before))
    assert {one.metadata["cell"] for one in made} == {"mono", "poly"}
    (world.folder / "late.png").write_bytes(picture(50))
    world.ingest({"late.png": {"captured_at": "2020-01-01T00:00:00+00:00"}})
    second = backfill(world)
    assert [second.output["found"], second.output["ingested"]] == [1, 1]
    late = world.datasets.samples(world.caller, {"name": {"contains": "late.png#"}}).items[0]
    assert late.captured_at == datetime(2020, 1, 1, tzinfo=UTC)
    assert backfill(world).output["found"] == 0


def test_lineage_leads_from_what_was_made_to_the_transform_and_its_sample(world: World) -> None:
    world.datasets.transforms.set(world.caller, CROP)
    sample = world.with_pictures(1).ids()[0]
    links = world.runs.links(world.caller, run=backfill(world).id)
    used = {(one.kind, one.artifact) for one in links if one.direction == "uses"}
    assert used == {("transform", "middle@1"), ("sample", sample)}
    assert len([one for one in links if one.direction == "makes"]) == 1


def test_what_the_transform_does_not_fit_waits_in_quarantine(world: World) -> None:
    world.datasets.transforms.set(world.caller, CROP.replace("x: 8", "x: 900"))
    world.with_pictures(1)
    assert backfill(world).output["quarantined"] == 1
    held = world.datasets.quarantine(world.caller)[0]
    assert (held.reason, held.detail) == ("transform", "The crop at 900, 8 lies beyond a picture of 64 x 48 px.")


def test_tiles_are_samples_of_their_own_and_stay_with_what_they_were_made_of(world: World) -> None:
    text = "name: tiles\nsteps:\n  - {do: split, width: 32, height: 48}\n"
    world.datasets.transforms.set(world.caller, text)
    original = world.with_pictures(1).ids()[0]
    assert backfill(world, "tiles").output["ingested"] == 2
    tiles = world.datasets.samples(world.caller, {"transform": "tiles@1"}).items
    assert sorted(one.metadata["tile"] for one in tiles) == [0, 1]
    with pytest.raises(Refused, match="transform"):
        world.commit(add={original: "train", tiles[0].id: "test"})
