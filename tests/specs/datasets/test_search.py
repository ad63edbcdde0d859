"""Search by image finds what looks alike."""

from __future__ import annotations

import pytest

from sightloop.errors import InvalidInput, InvalidMedia, NotFound
from tests.specs.datasets.world import World, brighter, picture


def test_the_nearest_sample_to_an_image_is_its_like(world: World) -> None:
    world.with_pictures(5)
    found = world.datasets.search(world.caller, image=brighter(picture(3), 3), k=2)
    assert found[0][0].name == "003.png"
    assert found[0][1] > 0.99 > found[1][1]


def test_a_sample_is_not_its_own_neighbour(world: World) -> None:
    world.with_pictures(4)
    found = world.datasets.search(world.caller, sample=world.named("001.png"))
    assert {one.name for one, _ in found} == {"000.png", "002.png", "003.png"}


def test_a_search_stays_within_its_filter(world: World) -> None:
    world.with_pictures(6, line=["a", "b"])
    found = world.datasets.search(world.caller, image=picture(0), where={"line": "b"})
    assert {one.metadata["line"] for one, _ in found} == {"b"}


def test_a_search_for_nothing_or_for_what_is_no_image_is_an_error(world: World) -> None:
    world.with_pictures(1)
    with pytest.raises(InvalidInput):
        world.datasets.search(world.caller)
    with pytest.raises(InvalidMedia):
        world.datasets.search(world.caller, image=b"text")
    with pytest.raises(NotFound):
        world.datasets.search(world.caller, sample="smp_unknown")
