"""The `where` language selects samples, and says what is wrong with a filter."""

from __future__ import annotations

from typing import Any

import pytest

from sightloop.errors import InvalidInput
from tests.specs.datasets.world import World


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({}, 6),
        ({"cell_type": "mono"}, 3),
        ({"cell_type": {"!=": "mono"}}, 3),
        ({"line": {"in": ["a", "b"]}}, 4),
        ({"line": {"in": []}}, 0),
        ({"cell_type": "mono", "line": "a"}, 1),
        ({"or": [{"line": "a"}, {"line": "b"}]}, 4),
        ({"and": [{"line": "a"}, {"cell_type": "mono"}]}, 1),
        ({"not": {"line": "a"}}, 4),
        ({"width": {">=": 64, "<": 65}}, 6),
        ({"width": {">": "wide"}}, 0),
        ({"name": {"contains": "00"}}, 6),
        ({"format": "PNG"}, 6),
        ({"label": {"exists": False}}, 5),
        ({"label": "ok"}, 1),
        ({"label": None}, 5),
    ],
)
def test_a_filter_selects(six: World, where: dict[str, Any], count: int) -> None:
    assert six.datasets.count(six.caller, where) == count


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"cel_type": "mono"}, "cel_type"),
        ({"width": {"=>": 3}}, "=>"),
        ({"width": {">": None}}, "wrong kind"),
        ({"width": [1, 2]}, "single value"),
        ({"or": {}}, "list"),
        ([], "not an object"),
    ],
)
def test_a_filter_that_cannot_be_read_is_an_error(six: World, where: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        six.datasets.count(six.caller, where)


def test_an_unknown_field_names_the_nearest(six: World) -> None:
    with pytest.raises(InvalidInput) as raised:
        six.datasets.count(six.caller, {"cel_type": "mono"})
    assert "cell_type" in raised.value.hint


def test_pages_follow_one_another_without_gaps(six: World) -> None:
    first = six.datasets.samples(six.caller, limit=4)
    second = six.datasets.samples(six.caller, limit=4, cursor=first.cursor)
    assert [one.id for one in (*first.items, *second.items)] == six.ids()
    assert second.cursor == ""


@pytest.fixture
def six(world: World) -> World:
    world.with_pictures(6, cell_type=["mono", "poly"], line=["a", "b", "c"])
    world.schema()
    world.label({world.ids()[0]: "ok"})
    return world
