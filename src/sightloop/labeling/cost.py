"""What certifying a region is expected to cost in questions, so that a campaign proposes the region that costs least.

Expectations only: they decide how many questions a campaign asks, never whether a region is certified.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.floating] | npt.NDArray[np.integer]
Doubles = npt.NDArray[np.float64]

SPREAD: Final = (0.5, 1.0, 1.6)  # the model's error may be off by these factors; the cost is their mean
SIZES: Final = 400  # candidate sizes that are compared


def audits_needed(errors: Floats, unseen: Numbers, breaking: Floats, nats: float) -> Doubles:
    """About how many audits certify a region, `unseen` where none would.

    `errors` of the `unseen` labels are expected to be wrong, `breaking` would break the claim, and `nats` of log wealth
    are to be won. An audit wins on average the divergence of the two error rates (Kelly's criterion). What a mixture of
    bets pays for not knowing the best one is about what it gains by stopping where it is lucky. Without replacement the
    rate that would break the claim rises as right labels are seen; it is taken half-way.
    """
    n = np.maximum(np.asarray(unseen, np.float64), 1.0)
    rate = np.clip(errors / n, 1e-9, 1.0)
    audits = np.zeros_like(n)
    for _ in range(4):
        half = audits / 2
        worst = np.clip((breaking - rate * half) / np.maximum(n - half, 1.0), 1e-9, 1 - 1e-9)
        gain = rate * np.log(rate / worst) + (1 - rate) * (np.log1p(-np.minimum(rate, 1 - 1e-9)) - np.log1p(-worst))
        audits = np.where(worst > rate, np.minimum(nats / np.maximum(gain, 1e-9), n), n)
    return audits


def best_size(expected_error: Floats, eps: float, alpha: float) -> int:
    """How many of the samples, surest first, make the region for which audits and the rest cost least; 0 for none.

    `expected_error` (N,) ascends.
    """
    count, nats = len(expected_error), math.log(1 / alpha)
    sizes = np.unique(np.linspace(0, count, min(count, SIZES) + 1).round().astype(np.int64))
    sizes = sizes[(sizes == 0) | (sizes >= nats / eps)]  # a smaller region is audited almost whole, whatever it holds
    errors = np.concatenate([[0.0], np.cumsum(expected_error, dtype=np.float64)])[sizes]
    breaking = np.floor(eps * sizes) + 1
    audits = np.mean([audits_needed(factor * errors, sizes, breaking, nats) for factor in SPREAD], axis=0)
    return int(sizes[np.argmin(audits + (count - sizes))])


def doubts_worth_asking(expected_error: Floats, most: int, breaking: int, eps: float, nats: float) -> int:
    """How many of a region's unseen labels, the doubtful first, are worth asking for on purpose; `most` at most.

    `expected_error` (N,) descends; `breaking` errors among them would break the claim; taking a sample out lowers that
    number by eps.
    """
    count = len(expected_error)
    taken = np.arange(min(most, count) + 1)
    total = float(np.sum(expected_error))
    left = total - np.concatenate([[0.0], np.cumsum(expected_error, dtype=np.float64)])[taken]
    audits = [audits_needed(f * left, count - taken, breaking - eps * taken - f * (total - left), nats) for f in SPREAD]
    return int(np.argmin(np.mean(audits, axis=0) + taken))
