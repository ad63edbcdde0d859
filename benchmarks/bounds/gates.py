"""Gates before challengers that should not pass: worse by the margin, on one slice, at many looks, or no better."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.bounds.trials import Bound, Trial
from sightloop.vision import alpha_for_look, delong_ci, gate
from sightloop.vision.comparison import holm, superiority_p

ALPHA = 0.05
MARGIN = 0.05
SAMPLES = 200
ACCURACY = 0.9
DISAGREEMENT = 0.09
LOOKS, TRIED_SAMPLES, TRIED_MARGIN, TRIED_DISAGREEMENT = 10, 80, 0.1, 0.16
MINIMUM = 0.8
SLICES = 6
Bools = npt.NDArray[np.bool_]


def challenger(rng: np.random.Generator, champion: Bools, difference: float, disagreement: float) -> Bools:
    """Which samples a challenger gets right that differs so much in accuracy and disagrees so often."""
    lose, gain = (disagreement - difference) / 2 / ACCURACY, (disagreement + difference) / 2 / (1 - ACCURACY)
    draws = rng.random(champion.size)
    return np.where(champion, draws >= lose, draws < gain)


def worse_on_a_slice(rule: Literal["every slice", "any slice", "margin doubled"]) -> Trial:
    """Whether a challenger passes that is worse by the margin on one slice and better by half of it on the other."""

    def trial(rng: np.random.Generator) -> bool:
        old = rng.random(2 * SAMPLES) < ACCURACY
        first = np.arange(old.size) < SAMPLES
        worse = challenger(rng, old[first], -MARGIN, DISAGREEMENT)
        new = np.concatenate([worse, challenger(rng, old[~first], MARGIN / 2, DISAGREEMENT)])
        margin = MARGIN * (2 if rule == "margin doubled" else 1)
        verdict = gate(old, new, {"mono": first, "poly": ~first}, margin, ALPHA)
        return any(test.passed for test in verdict.slices.values()) if rule == "any slice" else verdict.passed

    return trial


def tried_again(alpha_of: Callable[[float, int], float]) -> Trial:
    """Whether any of ten challengers passes, each worse by the margin, each tried on the same samples."""

    def trial(rng: np.random.Generator) -> bool:
        old = rng.random(TRIED_SAMPLES) < ACCURACY
        tried = (challenger(rng, old, -TRIED_MARGIN, TRIED_DISAGREEMENT) for _ in range(LOOKS))
        return any(
            gate(old, new, {}, TRIED_MARGIN, alpha_of(ALPHA, look)).passed for look, new in enumerate(tried, start=1)
        )

    return trial


def no_better_anywhere(corrected: bool) -> Trial:
    """Whether a challenger that is as good as the champion is called superior on one of the slices named."""

    def trial(rng: np.random.Generator) -> bool:
        old = rng.random((SLICES, SAMPLES)) < ACCURACY
        p_values = {f"s{i}": superiority_p(one, challenger(rng, one, 0.0, 0.15)) for i, one in enumerate(old)}
        return bool(holm(p_values, ALPHA)) if corrected else min(p_values.values()) <= ALPHA

    return trial


def no_better_than_the_minimum(use: Literal["lower limit", "estimate"]) -> Trial:
    """Whether a first version passes whose AUROC is just the minimum, 60 samples against 120."""
    distance = 2**0.5 * 0.8416212  # two normal laws of unit variance this far apart have the AUROC 0.8

    def trial(rng: np.random.Generator) -> bool:
        positive = np.arange(180) < 60
        interval = delong_ci(rng.normal(size=180) + distance * positive, positive, 1 - alpha_for_look(ALPHA, 1))
        return (interval.lower if use == "lower limit" else interval.value) >= MINIMUM

    return trial


BOUNDS = (
    Bound(
        "a challenger worse by the margin on one slice",
        "a challenger that is less accurate by the margin on a gated slice passes one look",
        ALPHA,
        worse_on_a_slice("every slice"),
        {
            "any slice may pass": worse_on_a_slice("any slice"),
            "margin doubled": worse_on_a_slice("margin doubled"),
        },
    ),
    Bound(
        "ten challengers worse by the margin, tried on one test version",
        f"one of {LOOKS} challengers that are less accurate by the margin passes, over all looks at a test version",
        ALPHA,
        tried_again(alpha_for_look),
        {"all of alpha at every look": tried_again(lambda alpha, look: alpha)},
    ),
    Bound(
        "equal models asked to be better somewhere",
        f"a challenger that is no better is called superior on one of {SLICES} slices",
        ALPHA,
        no_better_anywhere(corrected=True),
        {"no correction for the slices": no_better_anywhere(corrected=False)},
    ),
    Bound(
        "a first version that ranks no better than the minimum",
        "a model whose AUROC is the minimum passes a first look (lower DeLong limit, one-sided)",
        alpha_for_look(ALPHA, 1) / 2,
        no_better_than_the_minimum("lower limit"),
        {"the estimate instead of its limit": no_better_than_the_minimum("estimate")},
        exact=False,
    ),
)
