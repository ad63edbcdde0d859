"""Recipes are checked before anything starts, and an error names the field."""

from __future__ import annotations

from typing import Any

import pytest

from sightloop.errors import InvalidRecipe
from sightloop.training import validate_recipe


def test_an_empty_recipe_is_whole() -> None:
    recipe = validate_recipe({})
    assert (recipe.trainer, recipe.projection.dimensions, recipe.head.C) == ("frozen_head", 256, 0.01)


def test_yaml_and_mapping_mean_the_same() -> None:
    text = "trainer: frozen_head\nhead: {C: 0.01}\nseed: 3\n"
    assert validate_recipe(text) == validate_recipe({"trainer": "frozen_head", "head": {"C": 0.01}, "seed": 3})


@pytest.mark.parametrize(
    ("given", "field", "hint"),
    [
        ({"sead": 1}, "sead", 'Did you mean "seed"?'),
        ({"projection": {"dimension": 8}}, "projection.dimension", 'Did you mean "dimensions"?'),
        ({"projection": {"dimensions": 1}}, "projection.dimensions", "Correct"),
        ({"trainer": "forest"}, "trainer", "Correct"),
        ({"head": {"C": "lots"}}, "head.C", "Correct"),
        ({"head": {"C": float("inf")}}, "head.C", "Correct"),
        ({"head": {"C": -1}}, "head.C", "Correct"),
    ],
)
def test_a_slip_is_named_with_what_would_be_right(given: dict[str, Any], field: str, hint: str) -> None:
    with pytest.raises(InvalidRecipe) as error:
        validate_recipe(given)
    assert error.value.facts["field"] == field
    assert hint in error.value.hint


@pytest.mark.parametrize("text", ["- a list", "trainer: [", "!!python/object:os.system {}"])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(InvalidRecipe):
        validate_recipe(text)
