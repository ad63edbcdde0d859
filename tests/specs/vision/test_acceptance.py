from __future__ import annotations

import json

import numpy as np
import pytest

from sightloop.errors import InvalidInput, NotEnoughData, Refused
from sightloop.vision import AuditTest, alpha_for_attempt, effective_claim, propose_region, replay_audits


def test_the_promised_number_of_right_audits_certifies_and_one_fewer_does_not() -> None:
    test = AuditTest(300, 0.05, 0.05)
    promised = test.min_further()
    for _ in range(promised - 1):
        test.update(False)
    assert not test.certified
    test.update(False)
    assert test.certified
    assert promised == 55


@pytest.mark.parametrize(("eps", "most"), [(0.05, 64), (0.03, 108), (0.02, 163)])
def test_the_audits_that_certify_do_not_grow_with_the_region(eps: float, most: int) -> None:
    assert AuditTest(1_000_000, eps, 0.05).min_further() <= most


def test_the_promise_still_holds_after_an_error() -> None:
    test = AuditTest(400, 0.05, 0.05)
    for wrong in [False] * 20 + [True]:
        test.update(wrong)
    for _ in range(test.min_further()):
        assert not test.certified
        test.update(False)
    assert test.certified


def test_a_small_region_is_certified_once_too_few_samples_are_left_to_break_the_claim() -> None:
    test = AuditTest(10, 0.05, 0.001)
    for _ in range(test.min_further()):
        test.update(False)
    assert (test.audits, test.certified) == (10, True)


def test_more_errors_than_the_claim_allows_are_hopeless_and_say_what_to_do() -> None:
    test = AuditTest(100, 0.05, 0.05)
    for _ in range(6):
        test.update(True)
    assert test.hopeless
    with pytest.raises(Refused) as refusal:
        test.min_further()
    assert "smaller region" in refusal.value.hint


def test_certification_is_not_taken_back_by_a_later_error() -> None:
    assert replay_audits(300, 0.05, 0.05, [False] * 55 + [True]).certified


def test_the_residual_bound_counts_only_labels_that_nobody_looked_at_and_can_exceed_eps() -> None:
    assert replay_audits(200, 0.05, 0.05, [False] * 20).residual_bound == 1.0
    assert replay_audits(200, 0.05, 0.05, [False] * 51).residual_bound == pytest.approx(10 / 149)


def test_more_audits_than_certify_lower_the_residual_bound() -> None:
    bounds = [replay_audits(200, 0.05, 0.05, [False] * n).residual_bound for n in (51, 70, 90, 200)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[2] < 0.05
    assert bounds[-1] == 0.0


def test_replaying_the_audits_gives_the_same_verdict() -> None:
    outcomes = [bool(x) for x in np.random.default_rng(0).random(90) < 0.02]
    test = AuditTest(250, 0.05, 0.0375)
    for wrong in outcomes:
        test.update(wrong)
    assert replay_audits(250, 0.05, 0.0375, outcomes) == test.verdict()


def test_a_verdict_is_json() -> None:
    everything = replay_audits(20, 0.05, 0.05, [False] * 20)
    assert json.loads(json.dumps(everything.as_dict(), allow_nan=False))["certified"] is True


def test_the_levels_of_all_attempts_sum_to_alpha_at_most() -> None:
    levels = [alpha_for_attempt(0.05, k) for k in range(1, 60)]
    assert sum(levels) == pytest.approx(0.05)
    assert levels[0] == pytest.approx(0.0375)


def test_a_perfect_reviewer_leaves_the_claim_as_it_is() -> None:
    assert effective_claim(200, 0.05, 0.05) == (0.05, 0.05)


def test_an_erring_reviewer_costs_audits() -> None:
    assert (
        AuditTest(200, *effective_claim(200, 0.05, 0.05, 0.05)).min_further() > AuditTest(200, 0.05, 0.05).min_further()
    )


def test_a_region_too_small_for_the_reviewer_is_refused() -> None:
    with pytest.raises(NotEnoughData):
        effective_claim(10, 0.05, 0.05, 0.3)


def test_a_region_is_the_most_confident_prefix_that_pays() -> None:
    error = np.concatenate([np.full(300, 0.005), np.full(100, 0.4)])
    region = propose_region(1 - error, error, 0.05)
    assert 290 <= region.size <= 310
    assert set(region[:290]) <= set(range(300))


def test_a_hopeless_pool_has_no_region() -> None:
    assert propose_region(np.full(100, 0.6), np.full(100, 0.4), 0.05).size == 0


def test_a_share_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInput):
        AuditTest(100, 5, 0.05)
