"""The public names of each room."""

import importlib
from pathlib import Path

import pytest

from tests.guards.source_files import SOURCE

ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py") if path.parent.name != "interfaces")
WIDE = {
    "datasets": 32,
    "labeling": 15,
    "loop": 12,
    "serving": 11,
    "domain": 41,
    "vision": 55,
    "inference": 22,
    "storage": 20,
    "events": 15,
    "governance": 17,
}


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_the_door_opens(room: str) -> None:
    door = importlib.import_module(f"sightloop.{room}")
    assert [name for name in door.__all__ if not hasattr(door, name)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_the_door_is_narrow(room: str) -> None:
    assert len(importlib.import_module(f"sightloop.{room}").__all__) <= WIDE.get(room, 10)


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_of_the_door_is_the_name_of_a_file(room: str) -> None:
    files = {path.stem for path in Path(SOURCE / room).glob("*.py")}
    assert not files & set(importlib.import_module(f"sightloop.{room}").__all__)


@pytest.mark.parametrize("room", ROOMS)
def test_the_room_says_what_it_is(room: str) -> None:
    assert (SOURCE / room / "README.md").exists()
