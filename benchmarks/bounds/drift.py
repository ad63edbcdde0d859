"""Alarms on streams that are exchangeable with their reference: none of them should ever come."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy.stats import ks_2samp

from benchmarks.bounds.trials import Bound, Trial
from sightloop.vision import DriftMartingale
from sightloop.vision.exchangeability import NO_CELLS, Cell, SimpleJumper, StepResult

ALPHA = 0.05
REFERENCE = 100
IMAGES, FEWER_IMAGES = 300, 100
WINDOW, STEP = 50, 25


class Restarting(DriftMartingale):
    """Wealth that fell below its start is silently set back to it."""

    def step(
        self, scores: Mapping[str, float], u: Mapping[str, float], cells: Mapping[str, Cell] = NO_CELLS
    ) -> StepResult:
        result = super().step(scores, u, cells)
        for slices in self._jumpers.values():
            for part, jumper in slices.items():
                if jumper.log_wealth < 0:
                    slices[part] = SimpleJumper()
        return result


class AlphaNotShared(DriftMartingale):
    """Each monitor alarms at a wealth of 1 / alpha, however many there are."""

    def step(
        self, scores: Mapping[str, float], u: Mapping[str, float], cells: Mapping[str, Cell] = NO_CELLS
    ) -> StepResult:
        result = super().step(scores, u, cells)
        return replace(result, alarm=max(result.log_wealth.values()) >= -math.log(self.alpha))


def alarms(make: Callable[..., DriftMartingale], monitors: int, images: int = IMAGES) -> Trial:
    """Whether monitors of independent scores, every second one with ties, ever raise an alarm."""

    def trial(rng: np.random.Generator) -> bool:
        scores = {f"m{i}": rng.normal(size=REFERENCE + images) for i in range(monitors)}
        scores = {name: np.round(x) if i % 2 else x for i, (name, x) in enumerate(scores.items())}
        martingale = make({name: x[:REFERENCE] for name, x in scores.items()}, ALPHA)
        columns = {name: x.tolist() for name, x in scores.items()}
        draws = rng.random((images, monitors)).tolist()
        return any(
            martingale.step({name: x[t] for name, x in columns.items()}, dict(zip(columns, u, strict=True))).alarm
            for t, u in enumerate(draws, start=REFERENCE)
        )

    return trial


def windows(rng: np.random.Generator) -> bool:
    """Whether the newest window ever differs from the reference by a Kolmogorov-Smirnov test at level alpha."""
    scores = rng.normal(size=REFERENCE + IMAGES)
    ends = range(REFERENCE + WINDOW, REFERENCE + IMAGES + 1, STEP)
    return any(ks_2samp(scores[:REFERENCE], scores[end - WINDOW : end]).pvalue <= ALPHA for end in ends)


BOUNDS = (
    Bound(
        "an exchangeable stream under two monitors",
        f"a stream that is exchangeable with its reference ever raises an alarm (watched for {IMAGES} images)",
        ALPHA,
        alarms(DriftMartingale, 2),
        {
            "wealth restarted silently": alarms(Restarting, 2),
            "windows compared at every look": windows,
        },
    ),
    Bound(
        "an exchangeable stream under five monitors",
        f"a stream that is exchangeable with its reference ever raises an alarm (watched for {FEWER_IMAGES} images)",
        ALPHA,
        alarms(DriftMartingale, 5, FEWER_IMAGES),
        {"alpha not shared by the monitors": alarms(AlphaNotShared, 5, FEWER_IMAGES)},
    ),
)
