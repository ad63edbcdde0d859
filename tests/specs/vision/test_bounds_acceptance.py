from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmarks.bounds.acceptance import (
    AuditedErrorsForgotten,
    Region,
    TakenErrorsForgotten,
    WithReplacement,
    certified_too_bad,
    mean_wealth,
)
from sightloop.vision import RegionTest

SIZE, STEPS = 6, 4


def exact_chance_of_a_bad_region(size: int, eps: float, alpha: float, bad: int) -> float:
    """The chance that a region with `bad` wrong labels is accepted while too many are left, over all orders."""
    region, order, none = Region(size, eps, bad), np.arange(size), np.zeros(size, bool)
    arrangements = [np.isin(order, places) for places in combinations(range(size), bad)]
    return sum(certified_too_bad(region, wrong, none, order, alpha) for wrong in arrangements) / len(arrangements)


def test_the_exact_level_of_a_small_region_stays_below_alpha_however_many_labels_are_wrong() -> None:
    levels = [exact_chance_of_a_bad_region(10, 0.4, 0.3, bad) for bad in range(5, 11)]
    assert 0.1 < max(levels) <= 0.3


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_the_bet_against_the_true_number_of_errors_is_fair(wrong: int) -> None:
    assert mean_wealth(RegionTest, SIZE, wrong, STEPS) == pytest.approx(1)


@pytest.mark.parametrize("broken", [TakenErrorsForgotten, AuditedErrorsForgotten, WithReplacement])
def test_a_bet_that_forgets_what_left_the_region_is_not_fair(broken: type[RegionTest]) -> None:
    assert abs(mean_wealth(broken, SIZE, 3, STEPS) - 1) > 0.05


def test_the_formula_for_audits_with_replacement_would_cost_audits() -> None:
    sound, costly = (test(100, 0.05, 0.05).min_further() for test in (RegionTest, WithReplacement))
    assert sound < costly
