"""How soon is a change noticed, and how often is one that is not there? `python -m benchmarks.drift`

ELPV's cells through the product's own features, head and monitor: a head trained on 220 clear mono cells, a reference
of 250 others, then 180 more and a change, or none (for as long as the mono cells reach: 350 images). Each trial draws
reference and stream anew. Changes: mono to poly at once; over 400 images; a tenth of the traffic; fifteen corruptions
at five strengths (`benchmarks.corruptions`), a tenth of the traffic corrupted, and corruptions that deepen.

In the same run over the same whitened embeddings and scores: windows of 50 images compared with the reference by
Kolmogorov-Smirnov (on the two scores) and by MMD (Gaussian kernel with the median distance as its width, 10,000
permutations), looked at every 10 images at a fixed level, as is usual, and with that level divided by the number of
looks.

A delay counts images from the change to the alarm. A trial that alarms before the change is a false alarm and gives
no delay; one that never alarms within the stream is missed and counts as the longest delay. Corrupted images are
drawn from 80 cells with replacement, and so are the mono cells after a change from the 171 that are left, which is
itself a small change: "none, drawn with replacement" shows what that alone does. Features are cached in the folder
for temporary files: the first run takes minutes to compute them. No image of a stream served as reference or trained
the head.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from benchmarks.corruptions import CORRUPTIONS, STRENGTHS
from benchmarks.drift_features import CACHE, SEED, Cells, Images, load_cells, load_corrupted
from benchmarks.results import keep
from sightloop.monitoring.reference import as_logged, levelled
from sightloop.training.head import fit_head
from sightloop.vision import fit_whitening, knn_score
from sightloop.vision.backtesting import conformal_path
from sightloop.vision.exchangeability import wealth_path

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALPHA = 0.01
TRAINED, REFERENCE, CALM = 220, 250, 180
WINDOW, EVERY, PERMUTATIONS = 50, 10, 10_000
KINDS = ("embedding", "score", "quality")
MONITORS = {"martingale": ("embedding", "score"), "martingale with quality": KINDS}
# The bettor before it had power bets and a reserve (Simple Jumper, slopes only), for comparison.
SLOPES, JUMP_RATE = (-2.0, -1.0, 0.0, 1.0, 2.0), 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Images as monitors see them: scores by kind (N,), whitened embeddings (N, 32)."""

    scores: Mapping[str, Floats]
    points: Floats

    def take(self, places: Ints) -> Seen:
        """Those at the places."""
        return Seen({kind: values[places] for kind, values in self.scores.items()}, self.points[places])

    def then(self, other: Seen) -> Seen:
        """These, then the others."""
        scores = {kind: np.concatenate([self.scores[kind], other.scores[kind]]) for kind in self.scores}
        return Seen(scores, np.concatenate([self.points, other.points]))


class Plant:
    """Head, fit set and scored images: what does not change between trials."""

    def __init__(self, cells: Cells, corrupted: Mapping[tuple[str, int], Images]) -> None:
        clear = np.isin(cells.probability, (0.0, 1.0))
        pool = np.setdiff1d(np.flatnonzero(cells.mono & clear), cells.bases)
        pool = np.random.default_rng(SEED).permutation(pool)
        fit, self.mono = pool[:TRAINED], pool[TRAINED:]
        self.poly = np.flatnonzero(~cells.mono & clear)
        labels = (cells.probability[fit] > 0.5).astype(np.int64)
        self._head = fit_head(
            cells.images.features[fit], labels, [str(one) for one in fit], classes=2, dimensions=256, seed=SEED
        )
        z = as_logged(self._head.projection(cells.images.features[fit]))
        self._whitening, quality = fit_whitening(z), levelled(cells.images.quality[fit])
        self._quality = fit_whitening(quality)
        self._fit_points, self._quality_points = self._whitening.apply(z), self._quality.apply(quality)
        self.cells = self._seen(cells.images)
        self.corrupted = {key: self._seen(images) for key, images in corrupted.items()}
        self.accuracy = float(
            np.mean((self.cells.scores["p"][self.mono] > 0.5) == (cells.probability[self.mono] > 0.5))
        )

    @cached_property
    def width(self) -> float:
        """Of the kernel: the median distance between fit points (Gretton et al., JMLR 2012, section 8)."""
        return float(np.median(scipy.spatial.distance.pdist(self._fit_points)))

    def _seen(self, images: Images) -> Seen:
        z = as_logged(self._head.projection(images.features))
        points, p = self._whitening.apply(z), self._head.probabilities(images.features)
        quality = knn_score(self._quality_points, self._quality.apply(levelled(images.quality)))
        embedding = knn_score(self._fit_points, points)
        scores = {"embedding": embedding, "score": 1 - p.max(axis=1), "quality": quality, "p": p[:, 1]}
        return Seen(scores, points)


def main() -> int:
    """Exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100, help="Per kind of change; a fifth of it per corruption.")
    parser.add_argument("--cache", type=Path, default=CACHE)
    given = parser.parse_args()
    began, cells = time.monotonic(), load_cells(given.cache)
    plant = Plant(cells, load_corrupted(cells, given.cache))
    print(f"{len(plant.mono)} mono cells for reference and stream; accuracy of the head on them {plant.accuracy:.3f}")
    found: dict[str, Any] = {}
    nulls: dict[int, Floats] = {}  # by trial: its reference is the same for every change
    for name, trials, length in changes(given.trials):
        found[name] = figures(plant, name, trials, length, nulls)
        print(name, {who: list(row.values())[:4] for who, row in found[name].items()}, flush=True)
    keep("drift", {
        "alpha": ALPHA, "trials": given.trials, "trials_per_corruption": max(1, given.trials // 5),
        "reference": REFERENCE, "calm_images": CALM, "accuracy_on_mono": plant.accuracy, "window": WINDOW,
        "look_every": EVERY, "changes": found, "corruptions": summary(found), "seconds": time.monotonic() - began,
    })  # fmt: skip
    return 0


def changes(trials: int) -> Iterator[tuple[str, int, int]]:
    """Name, trials and images after the change."""
    yield "none", trials, 170
    yield "none, drawn with replacement", trials, 600
    yield "mono to poly", trials, 200
    yield "mono to poly over 400 images", trials, 500
    yield "a tenth poly", trials, 600
    yield "a tenth brightness 3", trials, 600
    yield "defocus_blur deepening every 80 images", trials, 400
    yield "contrast deepening every 80 images", trials, 400
    for name in CORRUPTIONS:
        for strength in STRENGTHS:
            yield f"{name} {strength}", max(1, trials // 5), 200


def figures(plant: Plant, change: str, trials: int, length: int, nulls: dict[int, Floats]) -> dict[str, Any]:
    """By detector: share of trials with a false alarm, share detected, and delays (missed: the whole stream)."""
    alarms: dict[str, list[int]] = {}
    p: dict[str, list[Floats]] = {kind: [] for kind in KINDS}
    for trial in range(trials):
        rng = np.random.default_rng([SEED, trial, sum(map(ord, change))])
        mono = np.random.default_rng([SEED, trial]).permutation(plant.mono)
        reference, stream = drawn(plant, mono, change, length, rng)
        if trial not in nulls:
            nulls[trial] = mmd_null(plant, reference, np.random.default_rng([SEED, trial, 1]))
        for kind in KINDS:
            p[kind].append(conformal_path(reference.scores[kind], stream.scores[kind], rng.random(len(stream.points))))
        for who, first in windows(plant, reference, stream, nulls[trial]).items():
            alarms.setdefault(who, []).append(first)
    wealth = {kind: wealth_path(np.array(rows)) for kind, rows in p.items()}
    slopes = {kind: slopes_only(np.array(rows)) for kind, rows in p.items()}
    for who, kinds in MONITORS.items():
        alarms[who] = first_at(np.max([wealth[kind] for kind in kinds], axis=0) >= np.log(len(kinds) / ALPHA))
    average = scipy.special.logsumexp([wealth[kind] for kind in KINDS[:2]], axis=0) - np.log(2)
    alarms["martingale, average of the two (no proof)"] = first_at(average >= -np.log(ALPHA))
    alarms["martingale, slopes only"] = first_at(
        np.max([slopes[kind] for kind in KINDS[:2]], axis=0) >= np.log(2 / ALPHA)
    )
    return {who: told(np.array(first), length, change.startswith("none")) for who, first in alarms.items()}


def drawn(plant: Plant, mono: Ints, change: str, length: int, rng: np.random.Generator) -> tuple[Seen, Seen]:
    """Reference and stream of one trial, whose order of the mono cells is given."""
    reference, calm = plant.cells.take(mono[:REFERENCE]), mono[REFERENCE:]
    before = plant.cells.take(calm[:CALM])
    rest = calm[CALM:]
    if change == "none":
        return reference, before.then(plant.cells.take(rest[:length]))
    usual = plant.cells.take(rng.choice(rest, length))
    if change.startswith("none"):
        return reference, before.then(usual)
    if "poly" in change:
        other = plant.cells.take(rng.choice(plant.poly, length))
    elif "deepening" in change:
        parts = [_corrupted(plant, f"{change.split()[0]} {strength}", length // 5, rng) for strength in STRENGTHS]
        return reference, before.then(parts[0].then(parts[1]).then(parts[2]).then(parts[3]).then(parts[4]))
    else:
        other = _corrupted(plant, change.removeprefix("a tenth "), length, rng)
    share = 0.1 if "tenth" in change else np.minimum(np.arange(length) / 400, 1) if "over" in change else 1.0
    places = np.arange(length) + length * (rng.random(length) < share)
    return reference, before.then(usual.then(other).take(places))


def windows(plant: Plant, reference: Seen, stream: Seen, null: Floats) -> dict[str, int]:
    """The first image at whose look each windowed test rejects (-1: never)."""
    ends = np.arange(WINDOW, len(stream.points) + 1, EVERY)
    lowest = {"KS": np.ones(len(ends)), "MMD": np.ones(len(ends))}
    for kind in KINDS[:2]:
        p = _ks(reference.scores[kind], stream.scores[kind], ends)
        lowest["KS"] = np.minimum(lowest["KS"], 2 * p)
    across = _kernel(plant, stream.points, reference.points).mean(axis=1)
    own = _kernel(plant, stream.points, stream.points)
    found = [own[e - WINDOW : e, e - WINDOW : e].mean() - 2 * across[e - WINDOW : e].mean() for e in ends]
    exceeding = len(null) - np.searchsorted(null, found, "left")
    lowest["MMD"] = (1 + exceeding) / (1 + len(null))
    alarms = {}
    for name, values in lowest.items():
        for level, how in ((ALPHA, "each look"), (ALPHA / len(ends), "Bonferroni")):
            hits = np.flatnonzero(values <= level)
            alarms[f"{name} at {how}"] = int(ends[hits[0]]) - 1 if hits.size else -1
    return alarms


def slopes_only(p: Floats) -> Floats:
    """Log wealth of the Simple Jumper with linear bets and all capital at work."""
    shares, wealth = np.full((len(p), len(SLOPES)), 1 / len(SLOPES)), np.zeros(len(p))
    path = np.empty_like(p)
    for i in range(p.shape[1]):
        stakes = ((1 - JUMP_RATE) * shares + JUMP_RATE / len(SLOPES)) * (1 + np.array(SLOPES) * (p[:, i, None] - 0.5))
        total = stakes.sum(axis=1)
        wealth, shares = wealth + np.log(total), stakes / total[:, None]
        path[:, i] = wealth
    return path


def first_at(over: npt.NDArray[np.bool_]) -> list[int]:
    """The first image over the threshold in each stream, -1 where none is."""
    return [int(row.argmax()) if row.any() else -1 for row in over]


def told(first: Ints, length: int, calm: bool) -> dict[str, Any]:
    """What came of the trials of one detector."""
    if calm:
        share = float((first >= 0).mean())
        return {"false_alarms": share, "detected": None, "median_delay": None, "trials": len(first)}
    false = (first >= 0) & (first < CALM)
    delays = np.where(first >= 0, first - CALM + 1, length)[~false]
    detected = float((first[~false] >= 0).mean()) if delays.size else None
    return {
        "false_alarms": float(false.mean()), "detected": detected, "trials": len(first),
        "median_delay": float(np.median(delays)) if delays.size else None,
        "p90_delay": float(np.quantile(delays, 0.9)) if delays.size else None,
    }  # fmt: skip


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """Over the corruptions, by detector and strength: mean share detected and median of the median delays."""
    rows: dict[str, Any] = {}
    for who in found["none"]:
        for strength in STRENGTHS:
            mine = [found[f"{name} {strength}"][who] for name in CORRUPTIONS]
            delays = [one["median_delay"] for one in mine if one["median_delay"] is not None]
            caught = [one["detected"] for one in mine if one["detected"] is not None]
            rows.setdefault(who, {})[str(strength)] = {
                "detected": float(np.mean(caught)) if caught else None,
                "median_delay": float(np.median(delays)) if delays else None,
                "false_alarms": float(np.mean([one["false_alarms"] for one in mine])),
            }
    return rows


def _corrupted(plant: Plant, which: str, count: int, rng: np.random.Generator) -> Seen:
    name, strength = which.split()
    pool = plant.corrupted[name, int(strength)]
    return pool.take(rng.choice(len(pool.points), count))


def _ks(reference: Floats, stream: Floats, ends: Ints) -> Floats:
    """The two-sample Kolmogorov-Smirnov p-value of each window, by its limit (as scipy's method "asymp")."""
    ordered, p = np.sort(reference), np.empty(len(ends))
    for i, end in enumerate(ends):
        window = np.sort(stream[end - WINDOW : end])
        both = np.concatenate([ordered, window])
        gaps = np.searchsorted(ordered, both, "right") / len(ordered) - np.searchsorted(window, both, "right") / WINDOW
        p[i] = np.abs(gaps).max()
    size = len(ordered) * WINDOW / (len(ordered) + WINDOW)
    return np.asarray(scipy.stats.kstwo.sf(p, round(size)))


def mmd_null(plant: Plant, reference: Seen, rng: np.random.Generator) -> Floats:
    """The squared maximum mean discrepancy, less its constant part, of windows drawn from the reference: ascending.

    Biased in the window, unbiased in the rest (Gretton et al., JMLR 2012, equations 3 and 5).
    """
    kernel, count = _kernel(plant, reference.points, reference.points), len(reference.points)
    others, found = count - WINDOW, []
    for _ in range(PERMUTATIONS // 1000):
        member = np.zeros((1000, count))
        np.put_along_axis(member, np.argsort(rng.random(member.shape), axis=1)[:, :WINDOW], 1.0, axis=1)
        near = member @ kernel
        within = (near * member).sum(axis=1)
        across = (near * (1 - member)).sum(axis=1)
        rest = (kernel.sum() - within - 2 * across - others) / (others * (others - 1))
        constant = (kernel.sum() - count) / (count * (count - 1))
        found.append(within / WINDOW**2 - 2 * across / (WINDOW * others) + rest - constant)
    return np.sort(np.concatenate(found))


def _kernel(plant: Plant, x: Floats, y: Floats) -> Floats:
    return np.asarray(np.exp(-scipy.spatial.distance.cdist(x, y, "sqeuclidean") / (2 * plant.width**2)))


if __name__ == "__main__":
    raise SystemExit(main())
