from __future__ import annotations

import pytest

from tests.specs.vision.simulations import TRIALS, accept_a_bad_region, tolerated


@pytest.mark.parametrize("doubts", [0, 1, 3])
def test_a_bad_region_is_accepted_no_more_often_than_alpha_whatever_is_taken_out(doubts: int) -> None:
    assert accept_a_bad_region("at random", doubts) <= tolerated(0.05, TRIALS)


def test_a_strict_eps_keeps_the_bound() -> None:
    assert accept_a_bad_region("at random", eps=0.02, alpha=0.1) <= tolerated(0.1, TRIALS)


def test_auditing_from_the_top_instead_of_at_random_breaks_the_bound() -> None:
    assert accept_a_bad_region("from the top") > tolerated(0.05, TRIALS)


def test_a_fixed_sample_test_looked_at_after_every_audit_breaks_the_bound() -> None:
    assert accept_a_bad_region("fixed-sample test at every look") > tolerated(0.05, TRIALS)
