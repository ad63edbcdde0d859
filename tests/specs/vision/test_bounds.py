"""Every claimed bound by simulation, sound and broken on purpose: benchmarks/bounds says what a trial is."""

from __future__ import annotations

import pytest

from benchmarks.bounds.catalogue import BOUNDS
from benchmarks.bounds.trials import BROKEN_FRACTION, Bound, lower_limit, most_expected, upper_limit, violations

FEW, MANY = 300, 10_000
every_bound = pytest.mark.parametrize("bound", [pytest.param(bound, id=bound.name) for bound in BOUNDS])
every_broken_one = pytest.mark.parametrize(
    ("bound", "way"), [pytest.param(bound, way, id=f"{bound.name}: {way}") for bound in BOUNDS for way in bound.broken]
)


@every_bound
def test_a_bound_is_violated_no_more_often_than_it_claims(bound: Bound) -> None:
    assert violations(bound, FEW) <= most_expected(bound.level, FEW)


@every_broken_one
def test_a_broken_bound_is_violated_more_often_than_it_claims(bound: Bound, way: str) -> None:
    most = most_expected(bound.level, FEW)
    assert violations(bound, FEW, way, enough=most) > most


@pytest.mark.soak
@every_bound
def test_ten_thousand_trials_leave_no_room_for_a_higher_level(bound: Bound) -> None:
    assert upper_limit(violations(bound, MANY), MANY) <= bound.tolerance


@pytest.mark.soak
@every_broken_one
def test_two_thousand_trials_leave_no_doubt_about_a_broken_bound(bound: Bound, way: str) -> None:
    trials = MANY // BROKEN_FRACTION
    assert lower_limit(violations(bound, trials, way), trials) > bound.tolerance
