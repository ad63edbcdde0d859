"""Streams that are not exchangeable on the face of it, and what becomes of the bound without the measures."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from sightloop.vision import backtest, order_shows, thinning
from sightloop.vision.backtesting import conformal_path, places_of
from sightloop.vision.exchangeability import wealth_path

Floats = npt.NDArray[np.float64]
Measures = Literal["thinned, by regime", "thinned", "by regime", "none"]
TRIALS = 300


def neighbours_alike(rng: np.random.Generator, images: int, block: int = 6, shared: float = 0.7) -> Floats:
    """Scores of a camera on a belt: the frames of a block share most of their variance."""
    blocks = np.repeat(rng.normal(size=-(-images // block)), block)[:images]
    return np.asarray(np.sqrt(shared) * blocks + np.sqrt(1 - shared) * rng.normal(size=images))


def day_and_night(rng: np.random.Generator, images: int, length: int = 60) -> tuple[Floats, list[str]]:
    """Scores and regimes of a camera without lamps: `length` images by day, as many by night, and so on."""
    night = (np.arange(images) // length) % 2 == 1
    return rng.normal(size=images) + 2.0 * night, ["night" if one else "day" for one in night]


def told_and_broken(
    stream: Literal["alike", "seasonal"],
    measures: Measures,
    claimed_only: bool,
    *,
    trials: int = TRIALS,
    seed: int = 7,
    alpha: float = 0.05,
    reference: int = 720,
    images: int = 240,
) -> tuple[float, float]:
    """The share of calm streams that raise an alarm, and the share on which a guarantee is claimed.

    With `claimed_only` an alarm counts where the monitor claims its guarantee: that is what is promised.
    """
    rng = np.random.default_rng(seed)
    claims, streams = 0, []
    for _ in range(trials):
        if stream == "alike":
            scores, cells = neighbours_alike(rng, reference + images), [""] * (reference + images)
        else:
            scores, cells = day_and_night(rng, reference + images)
        if "by regime" not in measures:
            cells = [""] * len(scores)
        stride = thinning(scores[:reference], cells[:reference]) if "thinned" in measures else 1
        kept = np.sort(np.concatenate([where[::stride] for where in places_of(cells, len(scores)).values()]))
        held, later = kept[kept < reference], kept[kept >= reference]
        claimed = len(held) >= 60 and _bounded(scores[held], [cells[i] for i in held], alpha)
        claims += claimed
        if claimed or not claimed_only:
            streams.append(_p_values(scores, cells, held, later, rng))
    p = np.full((len(streams), images), np.nan)
    for row, one in zip(p, streams, strict=True):
        row[: len(one)] = one
    alarms = int((wealth_path(p).max(axis=1, initial=0) >= -np.log(alpha)).sum())
    return alarms / trials, claims / trials


def _bounded(scores: Floats, cells: list[str], alpha: float) -> bool:
    test = backtest(scores, alpha, seed=0, runs=40, cells=cells)
    return test.guarantee and not order_shows(scores, cells)


def _p_values(
    scores: Floats,
    cells: list[str],
    held: npt.NDArray[np.int64],
    later: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    p = np.empty(len(later))
    for cell in dict.fromkeys(cells):
        mine = np.flatnonzero([cells[i] == cell for i in later])
        known = np.array([i for i in held if cells[i] == cell])
        p[mine] = conformal_path(scores[known], scores[later[mine]], rng.random(len(mine)))
    return p
