"""Watching a stream for change, under a bound on ever raising a false alarm.

Claim: on a stream that is exchangeable with its reference, the chance of ever raising an alarm is at most alpha,
however often one looks. Population: the reference scores and all scores since, each within its regime. Where neighbours
in time resemble each other the claim is void; `backtesting` finds that out.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sightloop.errors import Corrupt
from sightloop.vision.evidence import Evidence, require, require_share

Floats = npt.NDArray[np.float64]

# Vovk et al., "Retrain or not retrain", COPA 2021, algorithm 1 and its jumping rate. The paper has slopes -1, 0, 1;
# any slope up to 2 keeps 1 + slope (p - 1/2) non-negative, and the steeper ones halve the delay.
JUMP_RATE = 0.01
SLOPES = (-2.0, -1.0, 0.0, 1.0, 2.0)
# Power bets e p^(e-1) (Vovk, Nouretdinov and Gammerman, "Testing exchangeability on-line", ICML 2003) win where a few
# images are very strange: on a change of a tenth of the traffic the slopes alone win next to nothing.
POWERS = (0.25, 0.5, 0.75)
BETS = len(SLOPES) + len(POWERS)
# Capital kept back at the start, and images after which half of that is left: what a calm stream cannot lose.
RESERVE = 0.5
RESERVE_IMAGES = 100.0
LEAST_P = 1e-12  # a bet on less would pay more than a float holds

Cell = tuple[str, str]
WHOLE: Cell = ("", "")
NO_CELLS: Mapping[str, Cell] = MappingProxyType({})


def conformal_p(score: float, sorted_scores: Sequence[float], u: float) -> float:
    """The smoothed rank p-value of a score against earlier ones, sorted ascending; small where the score is large.

    Uniform on (0, 1) under exchangeability, given u uniform: Vovk, Gammerman and Shafer, "Algorithmic Learning in a
    Random World", equation 2.20. Taken within cells it is uniform if scores are exchangeable within each of them,
    whatever the order of the cells (the same, section 4.5, Mondrian conformal predictors).
    """
    low, high = bisect_left(sorted_scores, score), bisect_right(sorted_scores, score)
    return (len(sorted_scores) - high + u * (high - low + 1)) / (len(sorted_scores) + 1)


def reserve_after(images: float) -> float:
    """The capital still kept back after so many images."""
    return RESERVE / (1 + math.log1p(images / RESERVE_IMAGES))


class SimpleJumper:
    """A betting martingale over p-values; its wealth starts at 1 and is never reset.

    Half of the capital jumps between bets as in the Simple Jumper; the other half is fed to them image by image, so
    that a change after a long calm stretch finds capital that the calm has not eaten. Capital that waits bets on
    nothing, so the whole is a martingale with start 1 (a mixture over starting times, as in Shin, Ramdas and Rinaldo,
    "E-detectors", NEJSDS 2023, but with weights that sum to one, which keeps the bound on ever alarming).
    """

    def __init__(self) -> None:
        self.images = 0
        self.log_active = math.log(1 - RESERVE)
        self.shares = [1 / BETS] * BETS

    @property
    def log_wealth(self) -> float:
        """The natural logarithm of all capital, at work and kept back."""
        kept = math.log(reserve_after(self.images))
        high, low = max(self.log_active, kept), min(self.log_active, kept)
        return high + math.log1p(math.exp(low - high)) if self.images else 0.0

    def step(self, p: float) -> float:
        """The log wealth (natural logarithm) after betting against this p-value."""
        fed = reserve_after(self.images) - reserve_after(self.images + 1)
        spread = (JUMP_RATE + fed * math.exp(-self.log_active)) / BETS
        p = max(p, LEAST_P)
        gains = [*(1 + slope * (p - 0.5) for slope in SLOPES), *(power * p ** (power - 1) for power in POWERS)]
        stakes = [((1 - JUMP_RATE) * c + spread) * gain for c, gain in zip(self.shares, gains, strict=True)]
        total = math.fsum(stakes)
        self.log_active += math.log(total)
        self.shares = [stake / total for stake in stakes]
        self.images += 1
        return self.log_wealth

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {"images": self.images, "log_active": self.log_active, "shares": list(self.shares)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The martingale that goes on from this state; raises Corrupt rather than start anew."""
        jumper = cls()
        try:
            jumper.images, jumper.log_active = int(state["images"]), float(state["log_active"])
            jumper.shares = [float(c) for c in state["shares"]]
        except (KeyError, TypeError, ValueError) as error:
            raise _corrupt() from error
        if len(jumper.shares) != BETS or not math.isfinite(jumper.log_active):
            raise _corrupt()
        return jumper


def wealth_path(p: Floats) -> Floats:
    """The log wealth after each p-value, as `SimpleJumper` has it, for many streams at once: (n, images), both ways.

    NaN is an image that is not bet on.
    """
    count, images = p.shape
    shares, active = np.full((count, BETS), 1 / BETS), np.full(count, math.log(1 - RESERVE))
    taken, path = np.zeros(count), np.zeros((count, images))
    wealth = np.zeros(count)
    for i in range(images):
        rows = np.flatnonzero(~np.isnan(p[:, i]))
        q = np.maximum(p[rows, i], LEAST_P)[:, None]
        gains = np.concatenate([1 + np.array(SLOPES) * (q - 0.5), np.array(POWERS) * q ** (np.array(POWERS) - 1)], 1)
        before = RESERVE / (1 + np.log1p(taken[rows] / RESERVE_IMAGES))
        taken[rows] += 1
        after = RESERVE / (1 + np.log1p(taken[rows] / RESERVE_IMAGES))
        spread = (JUMP_RATE + (before - after) * np.exp(-active[rows])) / BETS
        stakes = ((1 - JUMP_RATE) * shares[rows] + spread[:, None]) * gains
        total = stakes.sum(axis=1)
        active[rows] += np.log(total)
        shares[rows] = stakes / total[:, None]
        wealth[rows] = np.logaddexp(active[rows], np.log(after))
        path[:, i] = wealth
    return path


@dataclass(frozen=True, slots=True)
class StepResult(Evidence):
    """What one image adds.

    Attributes:
        p: by monitor, of those that looked; log_wealth: of every monitor, and `slices`: of each of its slices.
        combined_log_wealth: the evidence of all together; the alarm is raised at log(1 / alpha).
    """

    p: dict[str, float]
    log_wealth: dict[str, float]
    slices: dict[str, dict[str, float]]
    combined_log_wealth: float
    alarm: bool


class DriftMartingale:
    """Several monitors of one stream under one alpha; a pure fold over scores, resumable from its state.

    A monitor is one score, of all images or sliced: then each slice has a wealth of its own and the monitor's is their
    average. P-values are taken within the cell (slice and regime) of an image, so the slices of a monitor bet on
    independent p-values of one filtration, where an average of martingales is one.

    Alarm once some monitor's wealth reaches (number of monitors) / alpha: Ville's inequality for each, the union bound
    over all. The average over monitors is no martingale, because each one is fair only in its own filtration (Choe and
    Ramdas, "Combining evidence across filtrations", 2024), so the combined wealth is the largest one divided by the
    number of monitors: it is at most that average. An alarm stays on until a new reference is taken.
    """

    def __init__(
        self,
        reference_scores: Mapping[str, Sequence[float] | Floats],
        alpha: float,
        cells: Mapping[str, Sequence[Cell]] = MappingProxyType({}),
    ) -> None:
        """A martingale at wealth 1.

        Args:
            cells: slice and regime of each reference score, by monitor; ("", "") for all of a monitor left out.
        """
        require_share("alpha", alpha)
        require(bool(reference_scores), "No monitor is named.", "Give reference scores for at least one monitor.")
        self.alpha = alpha
        self.alarmed = False
        self._scores: dict[str, dict[Cell, list[float]]] = {}
        for name, scores in reference_scores.items():
            finite = len(scores) > 0 and all(map(math.isfinite, scores))
            require(finite, f'The reference of "{name}" is empty or not finite.', "Collect a reference first.")
            parts: dict[Cell, list[float]] = defaultdict(list)
            for score, cell in zip(scores, cells.get(name) or [WHOLE] * len(scores), strict=True):
                parts[cell].append(float(score))
            self._scores[name] = {cell: sorted(part) for cell, part in parts.items()}
        self._jumpers = {
            name: {part: SimpleJumper() for part in sorted({part for part, _ in parts})}
            for name, parts in self._scores.items()
        }

    def knows(self, name: str, cell: Cell) -> bool:
        """Whether the monitor's reference holds scores of this slice and regime."""
        return cell in self._scores[name]

    def step(
        self, scores: Mapping[str, float], u: Mapping[str, float], cells: Mapping[str, Cell] = NO_CELLS
    ) -> StepResult:
        """The evidence after the next image.

        Args:
            scores: by monitor; one that does not look at this image is left out.
            u: a number drawn uniformly from (0, 1) for each of them.
            cells: slice and regime of the image, by monitor; the reference must know them.
        """
        known = scores.keys() == u.keys() and scores.keys() <= self._scores.keys()
        require(known, "Scores do not match the monitors.", f"There are: {', '.join(self._scores)}.")
        require(all(map(math.isfinite, scores.values())), "A score is not finite.", "Quarantine the image instead.")
        p = {}
        for name, score in scores.items():
            cell = cells.get(name, WHOLE)
            require(self.knows(name, cell), f'"{name}" has no reference for {cell}.', "Leave such images out.")
            seen = self._scores[name][cell]
            p[name] = conformal_p(float(score), seen, u[name])
            insort(seen, float(score))
            self._jumpers[name][cell[0]].step(p[name])
        slices = {name: {part: one.log_wealth for part, one in parts.items()} for name, parts in self._jumpers.items()}
        wealth = {name: _log_mean(list(parts.values())) for name, parts in slices.items()}
        combined = max(wealth.values()) - math.log(len(wealth))
        self.alarmed = self.alarmed or combined >= -math.log(self.alpha)
        return StepResult(p, wealth, slices, combined, self.alarmed)

    def log_wealth(self) -> dict[str, dict[str, float]]:
        """The log wealth of each slice of each monitor."""
        return {name: {part: one.log_wealth for part, one in parts.items()} for name, parts in self._jumpers.items()}

    def as_dict(self) -> dict[str, Any]:
        """The whole state as JSON values: alpha, alarm, betting state by slice and the scores seen, sorted, by cell."""
        monitors = {
            name: {
                "slices": {part: jumper.as_dict() for part, jumper in parts.items()},
                "scores": [[*cell, seen] for cell, seen in self._scores[name].items()],
            }
            for name, parts in self._jumpers.items()
        }
        return {"alpha": self.alpha, "alarmed": self.alarmed, "monitors": monitors}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The martingale that goes on from this state; raises Corrupt rather than start anew."""
        try:
            scores: dict[str, list[float]] = {name: [] for name in state["monitors"]}
            cells: dict[str, list[Cell]] = {name: [] for name in state["monitors"]}
            for name, monitor in state["monitors"].items():
                for part, regime, seen in monitor["scores"]:
                    scores[name] += seen
                    cells[name] += [(part, regime)] * len(seen)
            restored = cls(scores, float(state["alpha"]), cells)
            restored.alarmed = bool(state["alarmed"])
            jumpers = {name: state["monitors"][name]["slices"] for name in scores}
            same = all(jumpers[name].keys() == parts.keys() for name, parts in restored._jumpers.items())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _corrupt() from error
        if not same:
            raise _corrupt()
        restored._jumpers = {
            name: {part: SimpleJumper.from_dict(parts[part]) for part in restored._jumpers[name]}
            for name, parts in jumpers.items()
        }
        return restored


def _log_mean(values: Sequence[float]) -> float:
    top = max(values)
    return top + math.log(math.fsum(math.exp(value - top) for value in values) / len(values))


def _corrupt() -> Corrupt:
    return Corrupt(
        "The state of a drift monitor is not what was stored.", hint="Replay the stream from the prediction log."
    )
