from __future__ import annotations

from tests.specs.vision.simulations import (
    TRIALS,
    break_the_residual_bound,
    certify_a_bad_region,
    certify_with_an_erring_reviewer,
    tolerated,
)


def test_a_region_with_one_error_too_many_is_certified_no_more_often_than_alpha() -> None:
    assert certify_a_bad_region("at random") <= tolerated(0.05, TRIALS)


def test_a_small_region_at_a_strict_eps_keeps_the_bound() -> None:
    assert certify_a_bad_region("at random", size=120, eps=0.02, alpha=0.1) <= tolerated(0.1, TRIALS)


def test_auditing_from_the_top_instead_of_at_random_breaks_the_bound() -> None:
    assert certify_a_bad_region("from the top") > tolerated(0.05, TRIALS)


def test_a_fixed_sample_test_looked_at_after_every_audit_breaks_the_bound() -> None:
    assert certify_a_bad_region("fixed-sample test at every look") > tolerated(0.05, TRIALS)


def test_the_residual_bound_holds_at_all_looks_together() -> None:
    assert break_the_residual_bound() <= tolerated(0.05, TRIALS)


def test_the_corrected_claim_keeps_the_bound_with_a_reviewer_who_overlooks_errors() -> None:
    assert certify_with_an_erring_reviewer(True, 0.3) <= tolerated(0.05, TRIALS)


def test_ignoring_that_the_reviewer_overlooks_errors_breaks_the_bound() -> None:
    assert certify_with_an_erring_reviewer(False, 0.3) > tolerated(0.05, TRIALS)
