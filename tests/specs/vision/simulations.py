"""Seeded simulations of the three bounds, sound and broken on purpose; each returns the share of violating trials."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, hypergeom, ks_2samp

from sightloop.vision import DriftMartingale, RegionTest, gate
from sightloop.vision.exchangeability import SimpleJumper

TRIALS = 300
Floats = npt.NDArray[np.float64]


def tolerated(level: float, trials: int) -> float:
    """The 99.9 % point of the share of violations among trials that each violate with probability `level`."""
    return float(binom.ppf(0.999, trials, level)) / trials


def accept_a_bad_region(
    audits: Literal["at random", "from the top", "fixed-sample test at every look"],
    size: int = 800,
    eps: float = 0.2,
    excess: int = 9,
    doubts: int = 0,
    trials: int = TRIALS,
    seed: int = 1,
    alpha: float = 0.05,
) -> float:
    """How often a region that holds `excess` wrong labels too many is accepted while too many of them are left in it.

    After every tenth audit `doubts` samples chosen on purpose, wrong ones first, are answered and leave the region.
    """
    rng = np.random.default_rng(seed)
    wrong = np.arange(size) < int(eps * size) + excess
    violations = 0
    for _ in range(trials):
        order = rng.permutation(size)
        if audits == "from the top":
            order = order[np.argsort(wrong[order] + 0.5 * rng.random(size), kind="stable")]
        repeated = audits == "fixed-sample test at every look"
        violations += _accepted_too_bad(order, wrong, RegionTest(size, eps, alpha), doubts, repeated)
    return violations / trials


def exact_chance_of_a_bad_region(size: int, eps: float, alpha: float, bad: int) -> float:
    """The chance that a region with `bad` wrong labels is accepted while too many are left, over all orders."""
    order = np.arange(size)
    arrangements = [np.isin(order, places) for places in combinations(range(size), bad)]
    return sum(_accepted_too_bad(order, wrong, RegionTest(size, eps, alpha), 0, False) for wrong in arrangements) / len(
        arrangements
    )


def _accepted_too_bad(
    order: npt.NDArray[np.int64], wrong: npt.NDArray[np.bool_], test: RegionTest, doubts: int, repeated: bool
) -> bool:
    """Whether the region is certified at a look at which the claim is false; answers can only make it true."""
    seen = np.zeros(len(order), bool)
    for i in order:
        if seen[i]:
            continue
        seen[i] = True
        test.audit(bool(wrong[i]))
        if doubts and test.audits % 10 == 0:
            for j in sorted(np.flatnonzero(~seen), key=lambda j: not wrong[j])[:doubts]:
                seen[j] = True
                test.take_out(bool(wrong[j]))
        if wrong[~seen].sum() <= test.allowed:
            return False
        least = test.errors + test.allowed + 1
        if repeated and _fixed_sample_p(test.errors, test.region_size, least, test.audits) <= test.alpha:
            return True
        if test.certified:
            return True
    return False


@lru_cache(maxsize=4096)
def _fixed_sample_p(errors: int, size: int, wrong: int, audits: int) -> float:
    """The chance of so few errors in a sample without replacement whose size was fixed beforehand."""
    return float(hypergeom.cdf(errors, size, wrong, audits))


def alarm_on_a_calm_stream(
    watch: Literal["martingale", "wealth restarted", "windows compared at every look"],
    trials: int = TRIALS,
    seed: int = 3,
    alpha: float = 0.05,
    reference: int = 100,
    images: int = 300,
) -> float:
    """How often an exchangeable stream raises an alarm; two monitors, one of them with tied scores."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(trials):
        scores = rng.normal(size=reference + images)
        if watch == "windows compared at every look":
            looks = range(reference + 50, reference + images + 1, 25)
            alarms += any(ks_2samp(scores[:reference], scores[t - 50 : t]).pvalue <= alpha for t in looks)
            continue
        monitors = {"score": scores, "tied": np.round(rng.normal(size=scores.size))}
        if watch == "wealth restarted":
            alarms += _restarting_alarm(rng.random(scores.size), alpha)
            continue
        martingale = DriftMartingale({name: x[:reference] for name, x in monitors.items()}, alpha)
        draws = rng.random((images, 2))
        for t, (u, v) in enumerate(draws, start=reference):
            now = {name: float(x[t]) for name, x in monitors.items()}
            if martingale.step(now, {"score": float(u), "tied": float(v)}).alarm:
                alarms += 1
                break
    return alarms / trials


def _restarting_alarm(p_values: Floats, alpha: float) -> bool:
    jumper = SimpleJumper()
    for p in p_values:
        if jumper.step(float(p)) >= -np.log(alpha):
            return True
        if jumper.log_wealth < 0:
            jumper = SimpleJumper()
    return False


def promote_a_worse_challenger(
    rule: Literal["every slice", "any slice", "margin doubled"],
    trials: int = TRIALS,
    seed: int = 4,
    n: int = 200,
    margin: float = 0.05,
    alpha: float = 0.05,
    disagreement: float = 0.09,
) -> float:
    """How often a challenger passes that is worse by the margin on one slice and better by half of it on the other."""
    rng = np.random.default_rng(seed)
    first = np.arange(2 * n) < n
    passes = 0
    for _ in range(trials):
        worse = _challenger(rng, n, -margin, disagreement)
        better = _challenger(rng, n, margin / 2, disagreement)
        old, new = np.concatenate([worse[0], better[0]]), np.concatenate([worse[1], better[1]])
        slices = {"mono": first, "poly": ~first}
        verdict = gate(old, new, slices, margin * (2 if rule == "margin doubled" else 1), alpha)
        passes += any(v.passed for v in verdict.slices.values()) if rule == "any slice" else verdict.passed
    return passes / trials


def _challenger(
    rng: np.random.Generator, n: int, difference: float, disagreement: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Champion and challenger correctness of n samples, with this difference of accuracy and this disagreement."""
    gain, loss = (disagreement + difference) / 2, (disagreement - difference) / 2
    kind = rng.choice(3, n, p=[1 - disagreement, gain, loss])
    both = rng.random(n) < 0.9
    return np.where(kind == 0, both, kind == 2), np.where(kind == 0, both, kind == 1)
