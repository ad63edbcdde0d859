"""Watching a stream for change, under a bound on ever raising a false alarm.

Claim: on a stream that is exchangeable with its reference, the chance of ever raising an alarm is at most alpha,
however often one looks. Population: the reference scores and all scores since. Where neighbours in time resemble each
other the claim is void; `decorrelation_time` and `backtest` find that out.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.errors import Corrupt
from sightloop.vision.evidence import Evidence, require, require_share

Floats = npt.NDArray[np.float64]

# Simple Jumper: Vovk et al., "Retrain or not retrain", COPA 2021, algorithm 1 and its jumping rate. The paper bets with
# slopes -1, 0, 1; any slope up to 2 keeps 1 + slope (p - 1/2) non-negative, and the steeper ones halve the delay.
JUMP_RATE = 0.01
SLOPES = (-2.0, -1.0, 0.0, 1.0, 2.0)
WHITENED_DIMS = 32
NEIGHBOURS = 5


def conformal_p(score: float, sorted_scores: Sequence[float], u: float) -> float:
    """The smoothed rank p-value of a score against earlier ones, sorted ascending; small where the score is large.

    Uniform on (0, 1) under exchangeability, given u uniform: Vovk, Gammerman and Shafer, "Algorithmic Learning in a
    Random World", equation 2.20.
    """
    low, high = bisect_left(sorted_scores, score), bisect_right(sorted_scores, score)
    return (len(sorted_scores) - high + u * (high - low + 1)) / (len(sorted_scores) + 1)


class SimpleJumper:
    """A betting martingale over p-values; its wealth starts at 1 and is never reset."""

    def __init__(self, log_wealth: float = 0.0, shares: Sequence[float] = ()) -> None:
        self.log_wealth = log_wealth
        self.shares = list(shares) or [1 / len(SLOPES)] * len(SLOPES)

    def step(self, p: float) -> float:
        """The log wealth (natural logarithm) after betting against this p-value."""
        jump = JUMP_RATE / len(SLOPES)
        stakes = [((1 - JUMP_RATE) * c + jump) * (1 + s * (p - 0.5)) for c, s in zip(self.shares, SLOPES, strict=True)]
        total = math.fsum(stakes)
        self.log_wealth += math.log(total)
        self.shares = [c / total for c in stakes]
        return self.log_wealth

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {"log_wealth": self.log_wealth, "shares": list(self.shares)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The martingale that goes on from this state; raises Corrupt rather than start anew."""
        try:
            jumper = cls(float(state["log_wealth"]), [float(c) for c in state["shares"]])
        except (KeyError, TypeError, ValueError) as error:
            raise _corrupt() from error
        if len(jumper.shares) != len(SLOPES) or not math.isfinite(jumper.log_wealth):
            raise _corrupt()
        return jumper


@dataclass(frozen=True, slots=True)
class StepResult(Evidence):
    """What one image adds: p-value and log wealth for each monitor, and the evidence of all together."""

    p: dict[str, float]
    log_wealth: dict[str, float]
    combined_log_wealth: float
    alarm: bool


class DriftMartingale:
    """Several monitors of one stream under one alpha; a pure fold over scores, resumable from its state.

    Alarm once some monitor's wealth reaches (number of monitors) / alpha: Ville's inequality for each, the union bound
    over all. The plain average of the wealths is no martingale, because each one is fair only in its own filtration
    (Choe and Ramdas, "Combining evidence across filtrations", 2024), so the combined wealth is the largest one divided
    by the number of monitors: it is at most that average. An alarm stays on until a new reference is taken.
    """

    def __init__(self, reference_scores: Mapping[str, Sequence[float] | Floats], alpha: float) -> None:
        require_share("alpha", alpha)
        require(bool(reference_scores), "No monitor is named.", "Give reference scores for at least one monitor.")
        self.alpha = alpha
        self.alarmed = False
        self._scores = {name: sorted(float(s) for s in scores) for name, scores in reference_scores.items()}
        self._jumpers = {name: SimpleJumper() for name in self._scores}
        for name, scores in self._scores.items():
            finite = bool(scores) and all(map(math.isfinite, scores))
            require(finite, f'The reference of "{name}" is empty or not finite.', "Collect a reference first.")

    def step(self, scores: Mapping[str, float], u: Mapping[str, float]) -> StepResult:
        """The evidence after the next image: a score and a number drawn uniformly from (0, 1) for each monitor."""
        known = scores.keys() == u.keys() == self._scores.keys()
        require(known, "Scores do not match the monitors.", f"Give one for each of: {', '.join(self._scores)}.")
        require(all(map(math.isfinite, scores.values())), "A score is not finite.", "Quarantine the image instead.")
        p = {}
        for name, jumper in self._jumpers.items():
            p[name] = conformal_p(float(scores[name]), self._scores[name], u[name])
            insort(self._scores[name], float(scores[name]))
            jumper.step(p[name])
        wealth = {name: jumper.log_wealth for name, jumper in self._jumpers.items()}
        combined = max(wealth.values()) - math.log(len(wealth))
        self.alarmed = self.alarmed or combined >= -math.log(self.alpha)
        return StepResult(p, wealth, combined, self.alarmed)

    def as_dict(self) -> dict[str, Any]:
        """The whole state as JSON values: alpha, alarm, betting weights, log wealth and the scores seen, sorted."""
        monitors = {name: {**jumper.as_dict(), "scores": self._scores[name]} for name, jumper in self._jumpers.items()}
        return {"alpha": self.alpha, "alarmed": self.alarmed, "monitors": monitors}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The martingale that goes on from this state; raises Corrupt rather than start anew."""
        try:
            monitors: Mapping[str, Mapping[str, Any]] = state["monitors"]
            restored = cls({name: monitor["scores"] for name, monitor in monitors.items()}, float(state["alpha"]))
            restored.alarmed = bool(state["alarmed"])
        except (KeyError, TypeError, AttributeError) as error:
            raise _corrupt() from error
        restored._jumpers = {name: SimpleJumper.from_dict(monitor) for name, monitor in monitors.items()}
        return restored


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """A map to uncorrelated coordinates of unit variance: (x - mean) @ matrix."""

    mean: Floats
    matrix: Floats

    def apply(self, x: npt.NDArray[np.floating[Any]]) -> Floats:
        """The rows of x, float64 (n, dims)."""
        return np.asarray((np.asarray(x, np.float64) - self.mean) @ self.matrix)


def fit_whitening(x: npt.NDArray[np.floating[Any]], dims: int = WHITENED_DIMS) -> Whitening:
    """The whitening of the first principal components of x (n, d); fewer than `dims` where the data have fewer."""
    require(x.ndim == 2 and len(x) > 2, "Too few rows to whiten.", "Give a matrix of at least three embeddings.")
    mean = np.asarray(x, np.float64).mean(axis=0)
    _, singular, axes = np.linalg.svd(np.asarray(x, np.float64) - mean, full_matrices=False)
    kept = min(dims, int((singular > singular[0] * 1e-6).sum()), len(x) - 2)
    require(kept > 0, "All rows to whiten are equal.", "Give embeddings that differ.")
    return Whitening(mean, axes[:kept].T / (singular[:kept] / math.sqrt(len(x) - 1)))


def knn_score(reference: Floats, x: Floats, k: int = NEIGHBOURS) -> Floats:
    """The mean distance of each row of x (m, d) to its k nearest rows of the reference (n, d), float64 (m,).

    Both whitened; rows scored must not be in the reference, or they are their own neighbours.
    """
    require(len(reference) >= k, f"The reference has fewer than {k} rows.", "Collect a larger reference.")
    distances, _ = scipy.spatial.cKDTree(reference).query(np.atleast_2d(x), k=np.arange(1, k + 1))
    return np.asarray(distances.mean(axis=1))


def decorrelation_time(scores: Sequence[float] | Floats) -> float:
    """The integrated autocorrelation time in images, at least 1: keep about one image in so many.

    1 + 2 * sum of autocorrelations up to the first lag M >= 5 * time(M): Sokal, "Monte Carlo Methods in Statistical
    Mechanics", 1997, section 3.
    """
    x = np.asarray(scores, np.float64)
    require(len(x) >= 8, "Too few scores for a decorrelation time.", "Give at least 8, in time order.")
    x = x - x.mean()
    power = np.abs(np.fft.rfft(x, 2 * len(x))) ** 2
    covariance = np.fft.irfft(power)[: len(x)]
    if covariance[0] <= 0:
        return 1.0
    times = 1 + 2 * np.cumsum(covariance[1:] / covariance[0])
    wide = np.flatnonzero(np.arange(1, len(x)) >= 5 * times)
    return max(1.0, float(times[wide[0] if wide.size else -1]))


@dataclass(frozen=True, slots=True)
class BacktestResult(Evidence):
    """The false alarms that a monitor would have raised on its own reference; `guarantee` says whether alpha held."""

    alpha: float
    runs: int
    alarms: int
    rate: float
    decorrelation_time: float
    guarantee: bool


def backtest(reference_scores: Sequence[float] | Floats, alpha: float, seed: int, runs: int = 200) -> BacktestResult:
    """The false-alarm rate seen on held-back stretches of the reference, replayed in time order.

    Each run holds back a third of the scores (consecutive, from a random start, in time order) and takes the others as
    reference. The guarantee is denied where the rate is above alpha by the Clopper-Pearson 95 % lower limit, which
    takes the runs as independent though they overlap: an indication, not a test.
    """
    scores = np.asarray(reference_scores, np.float64)
    require(len(scores) >= 30, "Too few reference scores to backtest.", "Give at least 30, in time order.")
    rng = np.random.default_rng(seed)
    length = len(scores) // 3
    alarms = 0
    for _ in range(runs):
        start = int(rng.integers(0, len(scores) - length + 1))
        martingale = DriftMartingale({"score": np.delete(scores, np.s_[start : start + length])}, alpha)
        draws = rng.random(length)
        for score, u in zip(scores[start : start + length], draws, strict=True):
            if martingale.step({"score": float(score)}, {"score": float(u)}).alarm:
                alarms += 1
                break
    lower = float(scipy.stats.beta.ppf(0.05, alarms, runs - alarms + 1)) if alarms else 0.0
    return BacktestResult(alpha, runs, alarms, alarms / runs, decorrelation_time(scores), lower <= alpha)


def _corrupt() -> Corrupt:
    return Corrupt(
        "The state of a drift monitor is not what was stored.", hint="Replay the stream from the prediction log."
    )
