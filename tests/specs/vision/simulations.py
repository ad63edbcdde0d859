"""Seeded simulations of the three bounds, sound and broken on purpose; each returns the share of violating trials."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, hypergeom, ks_2samp

from sightloop.vision import AuditTest, DriftMartingale, SimpleJumper, effective_claim, gate

TRIALS = 300
Floats = npt.NDArray[np.float64]


def tolerated(level: float, trials: int) -> float:
    """The 99.9 % point of the share of violations among trials that each violate with probability `level`."""
    return float(binom.ppf(0.999, trials, level)) / trials


def certify_a_bad_region(
    audits: Literal["at random", "from the top", "fixed-sample test at every look"],
    trials: int = TRIALS,
    seed: int = 1,
    size: int = 200,
    eps: float = 0.05,
    alpha: float = 0.05,
) -> float:
    """How often a region with one error too many is certified; its errors sit at the least confident end."""
    rng = np.random.default_rng(seed)
    wrong = np.arange(size) >= size - (int(eps * size) + 1)
    violations = 0
    for _ in range(trials):
        order = np.arange(size) if audits == "from the top" else rng.permutation(size)
        if audits == "fixed-sample test at every look":
            looks = np.arange(1, size + 1)
            chances = hypergeom.cdf(np.cumsum(wrong[order]), size, int(wrong.sum()), looks)
            violations += bool((chances <= alpha).any())
            continue
        test = AuditTest(size, eps, alpha)
        for i in order:
            test.update(bool(wrong[i]))
            if test.certified or test.errors > test.allowed:
                break
        violations += test.certified
    return violations / trials


def certify_with_an_erring_reviewer(
    corrected: bool, reviewer_error: float, trials: int = TRIALS, seed: int = 2, size: int = 400, eps: float = 0.05
) -> float:
    """How often a bad region is certified at alpha 5 % when the reviewer overlooks a share of the wrong labels."""
    rng = np.random.default_rng(seed)
    tested, alpha = effective_claim(size, eps, 0.05, reviewer_error if corrected else 0.0)
    bad = int(eps * size) + 1
    violations = 0
    for _ in range(trials):
        wrong = np.arange(size) < bad
        seen = wrong & (rng.random(size) >= reviewer_error)
        test = AuditTest(size, tested, alpha)
        for i in rng.permutation(size):
            test.update(bool(seen[i]))
            if test.certified or test.errors > test.allowed:
                break
        violations += test.certified
    return violations / trials


def break_the_residual_bound(trials: int = TRIALS, seed: int = 5, size: int = 200, wrong: int = 6) -> float:
    """How often the residual bound at eps 10 %, alpha 5 % is ever, at any look, below the share that is wrong."""
    rng = np.random.default_rng(seed)
    violations = 0
    for _ in range(trials):
        test = AuditTest(size, 0.1, 0.05)
        for i in rng.permutation(size):
            test.update(bool(i < wrong))
            left = size - test.audits
            if left and test.residual_bound() < (wrong - test.errors) / left:
                violations += 1
                break
    return violations / trials


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
