from __future__ import annotations

import json

import pytest

from sightloop.errors import InvalidInput
from sightloop.vision import RegionTest, alpha_for_attempt

EPS = ALPHA = 0.05


def audited(size: int, right: int, eps: float = EPS) -> RegionTest:
    """A test after so many audits that found no error."""
    test = RegionTest(size, eps, ALPHA)
    for _ in range(right):
        test.audit(wrong=False)
    return test


def test_as_many_right_audits_certify_as_were_foretold_and_one_fewer_does_not() -> None:
    foretold = RegionTest(300, EPS, ALPHA).min_further()
    assert not audited(300, foretold - 1).certified
    assert audited(300, foretold).certified
    assert foretold == 57


def test_what_is_foretold_still_holds_after_an_error() -> None:
    test = audited(400, 20)
    test.audit(wrong=True)
    for _ in range(test.min_further()):
        assert not test.certified
        test.audit(wrong=False)
    assert (test.certified, test.audits) == (True, 109)


@pytest.mark.parametrize(("eps", "most"), [(0.05, 70), (0.03, 117), (0.02, 175)])
def test_the_audits_that_certify_do_not_grow_with_the_region(eps: float, most: int) -> None:
    assert RegionTest(100_000, eps, ALPHA).min_further() <= most


def test_a_sample_taken_out_moves_no_wealth_against_any_number_of_errors() -> None:
    test = audited(200, 20)
    before = test.min_further()
    test.take_out(wrong=True)
    assert (test.unseen, test.taken_errors) == (179, 1)
    assert abs(test.min_further() - before) <= 3


def test_more_errors_among_the_audits_than_eps_are_never_certified() -> None:
    test = RegionTest(40, EPS, ALPHA)
    for i in range(38):
        test.audit(wrong=i < 3)
    assert not test.certified


def test_the_residual_bound_counts_only_labels_that_nobody_looked_at_and_can_exceed_eps() -> None:
    verdict = audited(200, 60).verdict()
    assert verdict.certified
    assert verdict.residual_bound == pytest.approx(10 / 140)


def test_a_region_that_is_wholly_answered_is_certain() -> None:
    test = RegionTest(5, EPS, ALPHA)
    for _ in range(5):
        test.audit(wrong=True)
    assert test.certified
    assert test.verdict().residual_bound == 0.0
    with pytest.raises(InvalidInput, match="answered"):
        test.audit(wrong=False)


def test_a_verdict_is_json() -> None:
    assert json.loads(json.dumps(audited(20, 20).verdict().as_dict(), allow_nan=False))["certified"] is True


def test_the_levels_of_all_attempts_sum_to_alpha_at_most() -> None:
    levels = [alpha_for_attempt(ALPHA, k) for k in range(1, 60)]
    assert sum(levels) == pytest.approx(ALPHA)
    assert levels[0] == pytest.approx(0.0375)


@pytest.mark.parametrize(("size", "eps"), [(0, EPS), (100, 5)])
def test_a_region_that_cannot_be_tested_is_refused(size: int, eps: float) -> None:
    with pytest.raises(InvalidInput):
        RegionTest(size, eps, ALPHA)
