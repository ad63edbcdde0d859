from __future__ import annotations

import pytest

from tests.specs.vision.simulations import TRIALS, accept_a_bad_region, exact_chance_of_a_bad_region, tolerated


@pytest.mark.parametrize(("size", "eps", "excess"), [(200, 0.05, 1), (200, 0.1, 1), (800, 0.2, 9)])
def test_a_bad_region_is_accepted_no_more_often_than_alpha(size: int, eps: float, excess: int) -> None:
    assert accept_a_bad_region("at random", size, eps, excess) <= tolerated(0.05, TRIALS)


def test_the_exact_level_of_a_small_region_stays_below_alpha_however_many_labels_are_wrong() -> None:
    levels = [exact_chance_of_a_bad_region(10, 0.4, 0.3, bad) for bad in range(5, 11)]
    assert 0.1 < max(levels) <= 0.3


@pytest.mark.parametrize("doubts", [1, 3])
def test_samples_taken_out_on_purpose_cost_no_alpha(doubts: int) -> None:
    assert accept_a_bad_region("at random", excess=20, doubts=doubts) <= tolerated(0.05, TRIALS)


def test_auditing_from_the_top_instead_of_at_random_breaks_the_bound() -> None:
    assert accept_a_bad_region("from the top") > tolerated(0.05, TRIALS)


def test_a_fixed_sample_test_looked_at_after_every_audit_breaks_the_bound() -> None:
    assert accept_a_bad_region("fixed-sample test at every look", trials=600) > tolerated(0.05, 600)
