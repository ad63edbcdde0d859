"""The bound behind auto-accept: it holds whatever is taken out, and breaks where the audits are not random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from sightloop.errors import InvalidInput
from sightloop.labeling.region import RegionTest
from sightloop.vision import AuditTest

EPS = ALPHA = 0.05
TRIALS = 300
Order = Callable[[np.random.Generator, npt.NDArray[np.bool_]], npt.NDArray[np.int64]]


def at_random(rng: np.random.Generator, wrong: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    return rng.permutation(len(wrong))


def from_the_top(rng: np.random.Generator, wrong: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The most confident samples first, among which errors are rare."""
    return np.argsort(wrong + 0.5 * rng.random(len(wrong)), kind="stable")


def breaks_the_claim(seed: int, order_of: Order, taken: int) -> bool:
    """Whether a region with a few errors too many is certified while the claim about it is false.

    After every tenth audit people answer for `taken` samples, three quarters of them wrong where possible.
    """
    rng = np.random.default_rng(seed)
    size = int(rng.integers(100, 240))
    wrong = np.zeros(size, bool)
    wrong[: int(EPS * size * rng.uniform(1.05, 2.5)) + 1] = True
    wrong = rng.permutation(wrong)
    test, seen = RegionTest(size, EPS, ALPHA), np.zeros(size, bool)
    for count, i in enumerate(order_of(rng, wrong)):
        if seen[i]:
            continue
        seen[i] = True
        test.audit(bool(wrong[i]))
        if count % 10 == 9 and taken:
            doubted = rng.permutation(np.flatnonzero(~seen))
            for j in doubted[np.argsort(~wrong[doubted], kind="stable")][: taken * 3 // 4 + 1]:
                seen[j] = True
                test.take_out(bool(wrong[j]))
        if test.certified:
            return int(wrong[~seen].sum()) > test.allowed
    return False


@pytest.mark.parametrize("taken", [0, 3])
def test_a_bad_region_is_certified_at_most_as_often_as_alpha_says(taken: int) -> None:
    broken = sum(breaks_the_claim(seed, at_random, taken) for seed in range(TRIALS))
    assert broken <= binom.ppf(0.999, TRIALS, ALPHA)


def test_audits_from_the_top_break_the_bound() -> None:
    broken = sum(breaks_the_claim(seed, from_the_top, 0) for seed in range(TRIALS))
    assert broken > binom.ppf(0.999, TRIALS, ALPHA)


def test_as_many_right_audits_certify_as_were_foretold() -> None:
    test = RegionTest(300, EPS, ALPHA)
    foretold = test.min_further()
    for _ in range(foretold):
        assert not test.certified
        test.audit(wrong=False)
    assert test.certified
    assert foretold < 75


def test_without_errors_it_asks_for_about_as_much_as_the_plain_audit() -> None:
    assert abs(RegionTest(300, EPS, ALPHA).min_further() - AuditTest(300, EPS, ALPHA).min_further()) <= 6


def test_a_sample_taken_out_moves_no_wealth_against_any_number_of_errors() -> None:
    test = RegionTest(200, EPS, ALPHA)
    for _ in range(20):
        test.audit(wrong=False)
    before = test.min_further()
    test.take_out(wrong=True)
    assert (test.unseen, test.taken_errors) == (179, 1)
    assert abs(test.min_further() - before) <= 3


def test_more_errors_among_the_audits_than_eps_are_never_certified() -> None:
    test = RegionTest(40, EPS, ALPHA)
    for i in range(38):
        test.audit(wrong=i < 3)
    assert not test.certified


def test_a_region_that_is_wholly_answered_is_certain() -> None:
    test = RegionTest(5, EPS, ALPHA)
    for _ in range(5):
        test.audit(wrong=True)
    assert test.certified
    with pytest.raises(InvalidInput, match="answered"):
        test.audit(wrong=False)


def test_an_empty_region_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be tested"):
        RegionTest(0, EPS, ALPHA)
