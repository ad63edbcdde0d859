"""What a simulated bound is, and when a share of violations is too many."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.stats import beta, binom

SEED: Final = 20261122
# The violation rate may exceed the level by this factor at most, by its 99 % Clopper-Pearson upper limit over 10,000
# trials (BOUNDS 5). Bounds that hold only in large samples are reported, and fail at twice their level.
EXACT: Final = 1.3
APPROXIMATE: Final = 2.0
BROKEN_FRACTION: Final = 5  # of the trials, on a bound broken on purpose

# Whether one trial, made with this randomness, violates the claim.
Trial = Callable[[np.random.Generator], bool]


@dataclass(frozen=True)
class Bound:
    """A claim, a trial where it is nearly violated, and the same trial with the bound broken on purpose.

    Attributes:
        claim: what a violation is.
        level: the chance of a violation that the claim allows.
        exact: whether the level holds at every sample size; else the claim is asymptotic.
    """

    name: str
    claim: str
    level: float
    sound: Trial
    broken: Mapping[str, Trial] = field(default_factory=dict)
    exact: bool = True

    @property
    def tolerance(self) -> float:
        """The rate of violations that 10,000 trials must show to be below."""
        return self.level * (EXACT if self.exact else APPROXIMATE)


def violations(bound: Bound, trials: int, broken: str = "", enough: int | None = None) -> int:
    """How many of the trials violated the claim of the bound, or of the bound broken in this way.

    Stops at more than `enough`, where that settles the question.
    """
    trial = bound.broken[broken] if broken else bound.sound
    rng = np.random.default_rng([SEED, zlib.crc32(f"{bound.name}/{broken}".encode())])
    count = 0
    for _ in range(trials):
        count += bool(trial(rng))
        if enough is not None and count > enough:
            break
    return count


def upper_limit(count: int, trials: int, confidence: float = 0.99) -> float:
    """The one-sided Clopper-Pearson upper limit of a rate."""
    return float(beta.ppf(confidence, count + 1, trials - count)) if count < trials else 1.0


def lower_limit(count: int, trials: int, confidence: float = 0.99) -> float:
    """The one-sided Clopper-Pearson lower limit of a rate."""
    return float(beta.ppf(1 - confidence, count, trials - count + 1)) if count else 0.0


def most_expected(level: float, trials: int) -> int:
    """The 99.9 % point of the number of violations where each trial violates with probability `level`."""
    return int(binom.ppf(0.999, trials, level))
