from __future__ import annotations

from tests.specs.vision.simulations import TRIALS, promote_a_worse_challenger, tolerated


def test_a_challenger_worse_by_the_margin_on_one_slice_passes_no_more_often_than_alpha() -> None:
    assert promote_a_worse_challenger("every slice") <= tolerated(0.05, TRIALS)


def test_passing_on_any_slice_instead_of_every_slice_breaks_the_bound() -> None:
    assert promote_a_worse_challenger("any slice") > tolerated(0.05, TRIALS)


def test_a_doubled_margin_breaks_the_bound() -> None:
    assert promote_a_worse_challenger("margin doubled") > tolerated(0.05, TRIALS)
