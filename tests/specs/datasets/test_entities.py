"""Fields name entities by rules; names are merged, and parted again; nothing of it is stored with samples."""

from __future__ import annotations

import pytest

from sightloop.datasets.entities import Entities
from sightloop.errors import Conflict, InvalidInput, NotFound
from tests.specs.datasets.world import World


@pytest.fixture
def entities(world: World) -> Entities:
    """Of six samples, by three cameras and two work orders."""
    world.with_pictures(6, cam=["north", "cam-1", "south"], order=["4711", "4712"])
    found = world.datasets.entities
    found.set_rule(world.caller, "cam", "camera")
    found.set_rule(world.caller, "order", "work_order")
    return found


def told(world: World, entities: Entities, kind: str) -> dict[str, int]:
    return {one.name: one.samples for one in entities.listed(world.caller, kind)}


def test_a_rule_finds_the_entities_that_a_field_names(world: World, entities: Entities) -> None:
    assert told(world, entities, "camera") == {"north": 2, "cam-1": 2, "south": 2}
    assert told(world, entities, "work_order") == {"4711": 3, "4712": 3}
    sample = world.named("001.png")
    assert [(one.kind, one.name) for one in entities.of(world.caller, sample)] == [
        ("camera", "cam-1"),
        ("work_order", "4712"),
    ]
    entities.set_rule(world.caller, "order", "")
    assert told(world, entities, "work_order") == {}


def test_merged_names_are_one_until_they_are_split(world: World, entities: Entities) -> None:
    before = entities.listed(world.caller)
    merged = entities.merge(world.caller, "camera", "cam-1", "north")
    assert (merged.name, merged.names, merged.samples) == ("north", ("north", "cam-1"), 4)
    assert entities.of(world.caller, world.named("001.png"))[0].id == merged.id
    assert len(entities.samples(world.caller, merged.id)) == 4
    entities.split(world.caller, "camera", "cam-1")
    assert entities.listed(world.caller) == before


def test_a_merge_that_makes_no_sense_is_refused(world: World, entities: Entities) -> None:
    entities.merge(world.caller, "camera", "cam-1", "north")
    with pytest.raises(Conflict):
        entities.merge(world.caller, "camera", "cam-1", "south")
    with pytest.raises(Conflict):
        entities.merge(world.caller, "camera", "north", "cam-1")
    with pytest.raises(NotFound, match="south"):
        entities.merge(world.caller, "camera", "souht", "north")
    with pytest.raises(InvalidInput, match="cat"):
        entities.merge(world.caller, "cat", "a", "b")
