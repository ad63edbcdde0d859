"""Intervals that receipts and metrics state: how often they miss the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from benchmarks.bounds.gates import ACCURACY, DISAGREEMENT, challenger
from benchmarks.bounds.trials import Bound, Trial
from sightloop.vision import accuracy_interval, confidence_estimate, delong_ci, paired_auroc_difference
from sightloop.vision.comparison import score_interval

MISSES = 0.05
CONFIDENCE = 1 - MISSES
AUROC, RIGHT = 0.93, 0.99
Floats = npt.NDArray[np.float64]
Limits = tuple[float, float]


def misses(limits: Callable[[np.random.Generator], Limits], truth: float) -> Trial:
    """Whether the limits leave out the truth."""

    def trial(rng: np.random.Generator) -> bool:
        lower, upper = limits(rng)
        return not lower <= truth <= upper

    return trial


def accuracy(rng: np.random.Generator) -> Limits:
    """The limits of an accuracy of 99 %, 150 samples."""
    return _of(accuracy_interval(rng.random(150) < RIGHT, CONFIDENCE))


def accuracy_by_wald(rng: np.random.Generator) -> Limits:
    """The textbook's normal limits of the same."""
    share = float((rng.random(150) < RIGHT).mean())
    return _normal(share, (share * (1 - share) / 150) ** 0.5)


def accuracy_difference(copies: int) -> Callable[[np.random.Generator], Limits]:
    """The score limits of challenger minus champion accuracy, 200 samples, each counted so many times."""

    def limits(rng: np.random.Generator) -> Limits:
        old = rng.random(200) < ACCURACY
        new = challenger(rng, old, -0.02, DISAGREEMENT)
        return score_interval(
            200 * copies, copies * int((new & ~old).sum()), copies * int((old & ~new).sum()), CONFIDENCE
        )

    return limits


def area(copies: int, positives: int, negatives: int) -> Callable[[np.random.Generator], Limits]:
    """DeLong's limits of an AUROC of .93, each sample counted so many times."""

    def limits(rng: np.random.Generator) -> Limits:
        positive = np.repeat(np.arange(positives + negatives) < positives, copies)
        noise = np.repeat(rng.normal(size=positives + negatives), copies)
        return _of(delong_ci(noise + _apart(AUROC) * positive, positive, CONFIDENCE))

    return limits


def area_difference(copies: int) -> Callable[[np.random.Generator], Limits]:
    """The limits of the difference of two correlated scores' AUROCs, .93 and .90, 60 samples against 190."""

    def limits(rng: np.random.Generator) -> Limits:
        positive = np.arange(250) < 60
        old, new = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=250).T
        old, new = old + _apart(AUROC) * positive, new + _apart(0.90) * positive
        return _of(
            paired_auroc_difference(
                np.repeat(old, copies), np.repeat(new, copies), np.repeat(positive, copies), CONFIDENCE
            )
        )

    return limits


def accuracy_without_labels(use_audits: bool) -> Trial:
    """Whether the limits from confidences 5 points too high, with or without audits, leave out the accuracy."""

    def trial(rng: np.random.Generator) -> bool:
        stated, audited = rng.beta(9, 1, 300), rng.beta(9, 1, 100)
        right = rng.random(300) < np.clip(stated - 0.05, 0, 1)
        seen = rng.random(100) < np.clip(audited - 0.05, 0, 1)
        lower, upper = _of(confidence_estimate(stated, audited, seen, CONFIDENCE))
        if not use_audits:
            lower, upper = _normal(float(stated.mean()), float((stated * (1 - stated)).mean() / 300) ** 0.5)
        return not lower <= right.mean() <= upper

    return trial


def _apart(auroc: float) -> float:
    """How far two normal laws of unit variance stand apart that have this AUROC."""
    return float(2**0.5 * norm.ppf(auroc))


def _of(interval: Any) -> Limits:
    return interval.lower, interval.upper


def _normal(value: float, deviation: float) -> Limits:
    reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * deviation
    return value - reach, value + reach


BOUNDS = (
    Bound(
        "limits of an accuracy (Clopper-Pearson)",
        "the 95 % limits of an accuracy, or of reviewers' disagreement, leave it out",
        MISSES,
        misses(accuracy, RIGHT),
        {"normal limits": misses(accuracy_by_wald, RIGHT)},
    ),
    Bound(
        "limits of a difference of accuracies (score)",
        "the limits beside a gate's verdict leave the difference out; asymptotic, the verdict does not rest on them",
        MISSES,
        misses(accuracy_difference(1), -0.02),
        {"every sample counted twice": misses(accuracy_difference(2), -0.02)},
        exact=False,
    ),
    Bound(
        "limits of an AUROC (DeLong), 60 against 190",
        "the limits of an AUROC leave it out; asymptotic",
        MISSES,
        misses(area(1, 60, 190), AUROC),
        {"every sample counted twice": misses(area(2, 60, 190), AUROC)},
        exact=False,
    ),
    Bound(
        "limits of an AUROC (DeLong), 12 against 40",
        "the limits of an AUROC leave it out; asymptotic",
        MISSES,
        misses(area(1, 12, 40), AUROC),
        {"every sample counted twice": misses(area(2, 12, 40), AUROC)},
        exact=False,
    ),
    Bound(
        "limits of a difference of AUROCs (DeLong)",
        "the limits beside a gate's verdict leave the difference out; asymptotic",
        MISSES,
        misses(area_difference(1), 0.90 - AUROC),
        {"every sample counted twice": misses(area_difference(2), 0.90 - AUROC)},
        exact=False,
    ),
    Bound(
        "accuracy without labels, from audited confidences",
        "the limits of the accuracy expected of unlabelled predictions leave it out; asymptotic",
        MISSES,
        accuracy_without_labels(use_audits=True),
        {"confidences taken at their word": accuracy_without_labels(use_audits=False)},
        exact=False,
    ),
)
