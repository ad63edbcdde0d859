"""Whether a bound on false alarms can be claimed on a stream: its decorrelation time, and a replay of its reference.

Both take scores in time order, and the cell (such as a regime) that each belongs to: what is compared is the rank of a
score within its cell, so that the difference between day and night is no dependence.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.evidence import Evidence, require, require_share
from sightloop.vision.exchangeability import conformal_p, wealth_path

Floats = npt.NDArray[np.float64]

PERMUTATIONS = (19, 380)  # the first few settle it where nothing shows
PERMUTATION_LEVEL = 0.005
LEAST_SCORES = 8


def decorrelation_time(scores: Sequence[float] | Floats) -> float:
    """The integrated autocorrelation time in images, at least 1: keep about one image in so many.

    1 + 2 * sum of autocorrelations up to the first lag M >= 5 * time(M): Sokal, "Monte Carlo Methods in Statistical
    Mechanics", 1997, section 3.
    """
    return float(_decorrelation_times(np.asarray(scores, np.float64)[None])[0])


def order_shows(scores: Sequence[float] | Floats, cells: Sequence[Hashable] = ()) -> bool:
    """Whether the order of the scores, or of their ranks within cells, shows: chance makes no such decorrelation time.

    A permutation test at level 0.5 % (Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 3.1): the
    time itself is too noisy on a hundred images to be compared with a fixed number.
    """
    values = ranks_within(scores, cells) if cells else np.asarray(scores, np.float64)
    rng = np.random.default_rng(0)
    found, as_long = decorrelation_time(values), 0
    for count in PERMUTATIONS:
        permuted = rng.permuted(np.tile(values, (count, 1)), axis=1)
        as_long += int((_decorrelation_times(permuted) >= found).sum())
        if (1 + as_long) / (1 + sum(PERMUTATIONS)) > PERMUTATION_LEVEL:
            return False
    return True


def ranks_within(scores: Sequence[float] | Floats, cells: Sequence[Hashable] = ()) -> Floats:
    """The rank of each score within its cell, float64 (N,) in (0, 1): cells are alike but for the order in them."""
    values = np.asarray(scores, np.float64)
    ranks = np.empty(len(values))
    for places in places_of(cells, len(values)).values():
        ordered, mine = np.sort(values[places]), values[places]
        middle = np.searchsorted(ordered, mine, "left") + np.searchsorted(ordered, mine, "right")
        ranks[places] = middle / (2 * len(places))
    return ranks


def places_of(cells: Sequence[Hashable], count: int) -> dict[Hashable, npt.NDArray[np.int64]]:
    """The positions of each cell, ascending; without cells all `count` are in one."""
    require(not cells or len(cells) == count, "Scores and cells differ in length.", "Give one cell per score.")
    places: dict[Hashable, list[int]] = {}
    for position in range(count):
        places.setdefault(cells[position] if cells else "", []).append(position)
    return {cell: np.asarray(found, np.int64) for cell, found in places.items()}


def thinning(scores: Sequence[float] | Floats, cells: Sequence[Hashable] = ()) -> int:
    """Keep one image in so many of each cell: twice the longest decorrelation time among cells whose order shows.

    After one decorrelation time an autoregressive score still remembers e^-2, after two e^-4; with one, a third of the
    neighbours would still come from the same block of frames, and the level breaks (the simulations show it).
    """
    values = np.asarray(scores, np.float64)
    times = [
        decorrelation_time(values[places])
        for places in places_of(cells, len(values)).values()
        if len(places) >= LEAST_SCORES and order_shows(values[places])
    ]
    return max([1, *(math.ceil(2 * time) for time in times)])


@dataclass(frozen=True, slots=True)
class BacktestResult(Evidence):
    """The false alarms that a monitor would have raised on its own reference; `guarantee` says whether alpha held."""

    alpha: float
    runs: int
    alarms: int
    rate: float
    decorrelation_time: float
    guarantee: bool


def backtest(
    reference_scores: Sequence[float] | Floats,
    alpha: float,
    seed: int,
    runs: int = 200,
    cells: Sequence[Hashable] = (),
) -> BacktestResult:
    """The false-alarm rate seen on held-back stretches of the reference, replayed in time order.

    Each run holds back a third of the scores (consecutive, from a random start, in time order) and takes the others as
    reference; cells that lie wholly in that third are left out of the run. The guarantee is denied where the rate is
    above alpha by the Clopper-Pearson 95 % lower limit, which takes the runs as independent though they overlap: an
    indication, not a test.
    """
    require_share("alpha", alpha)
    scores = np.asarray(reference_scores, np.float64)
    require(len(scores) >= 30, "Too few reference scores to backtest.", "Give at least 30, in time order.")
    rng = np.random.default_rng(seed)
    length, places = len(scores) // 3, list(places_of(cells, len(scores)).values())
    p = np.full((runs, length), np.nan)
    for run in range(runs):
        start = int(rng.integers(0, len(scores) - length + 1))
        draws = rng.random(length)
        for mine in places:
            inside = mine[(mine >= start) & (mine < start + length)]
            outside = mine[(mine < start) | (mine >= start + length)]
            if len(inside) and len(outside):
                p[run, inside - start] = conformal_path(scores[outside], scores[inside], draws[inside - start])
    alarms = int((wealth_path(p).max(axis=1) >= -np.log(alpha)).sum())
    lower = float(scipy.special.betaincinv(alarms, runs - alarms + 1, 0.05)) if alarms else 0.0
    time = decorrelation_time(ranks_within(scores, cells))
    return BacktestResult(alpha, runs, alarms, alarms / runs, time, lower <= alpha)


def conformal_path(reference: Floats, stream: Floats, u: Floats) -> Floats:
    """The p-value of each score of a stream against the reference and the stream before it, as `conformal_p`, (n,)."""
    seen: list[float] = np.sort(reference).tolist()
    found = np.empty(len(stream))
    for i, (score, draw) in enumerate(zip(stream.tolist(), u.tolist(), strict=True)):
        found[i] = conformal_p(score, seen, draw)
        insort(seen, score)
    return found


def _decorrelation_times(rows: Floats) -> Floats:
    """`decorrelation_time` of each row, (m,)."""
    count = rows.shape[1]
    require(count >= LEAST_SCORES, "Too few scores for a decorrelation time.", "Give at least 8, in time order.")
    size = scipy.fft.next_fast_len(2 * count, real=True)
    power = np.abs(np.fft.rfft(rows - rows.mean(axis=1, keepdims=True), size)) ** 2
    covariance = np.fft.irfft(power, size)[:, :count]
    varied = covariance[:, :1] > 1e-12 * (1 + rows**2).sum(axis=1, keepdims=True)
    times = 1 + 2 * np.cumsum(covariance[:, 1:] / np.where(varied, covariance[:, :1], 1.0), axis=1)
    wide = np.arange(1, count) >= 5 * times
    window = np.where(wide.any(axis=1), wide.argmax(axis=1), count - 2)
    return np.where(varied[:, 0], np.maximum(1.0, times[np.arange(len(rows)), window]), 1.0)
