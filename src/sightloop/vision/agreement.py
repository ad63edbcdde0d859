"""How far people who labelled the same image agree: objects matched by overlap, and figures with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.geometry import bounds_of, outline_of
from sightloop.vision.masks import read_runs
from sightloop.vision.metrics import Interval

Thing = tuple[str, str, Mapping[str, Any]]
"""Label, geometry type and checked geometry of an object."""

Matrix = npt.NDArray[np.float64]
MATCHED_IOU: Final = 0.5  # as PASCAL VOC counts a detection: Everingham et al., IJCV 88 (2010), section 4.2
_GRID: Final = 64
_MOST_PAIRS: Final = 10_000
_KEYPOINT_K: Final = 0.1  # one constant for all points; COCO has one a point (cocodataset.org, "Keypoint evaluation")
_DRAWS: Final = 1000
_LEVEL: Final = 0.95


def matched(a: Sequence[Thing], b: Sequence[Thing]) -> list[tuple[int, int]]:
    """Which object of a is which of b: the assignment of the largest total overlap, of at least 0.5 each.

    Labels do not count. Solved by the Hungarian method (Kuhn, Naval Research Logistics 2, 1955).
    """
    if not a or not b:
        return []
    overlaps = _overlaps(a, b)
    rows, columns = scipy.optimize.linear_sum_assignment(np.where(overlaps >= MATCHED_IOU, overlaps, 0), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if overlaps[i, j] >= MATCHED_IOU]


def object_agreement(a: Sequence[Thing], b: Sequence[Thing]) -> float:
    """Matched objects of the same label, over all objects that either has; 1 where both have none."""
    pairs = matched(a, b)
    every = len(a) + len(b) - len(pairs)
    return sum(a[i][0] == b[j][0] for i, j in pairs) / every if every else 1.0


def krippendorff_alpha(answers: Sequence[Sequence[str]]) -> Interval | None:
    """Alpha for nominal data over units, each with the answers that it got, and its 95 % bootstrap limits.

    None where no two answers can be compared. 1 is perfect, 0 what chance gives; where all answers are the same it is
    1. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C; units are drawn again 1,000 times,
    seed 0.
    """
    units = [one for one in answers if len(one) > 1]
    labels = sorted({label for unit in units for label in unit})
    if not units:
        return None
    place = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(units), len(labels)))
    for row, unit in enumerate(units):
        for label in unit:
            counts[row, place[label]] += 1
    size = counts.sum(axis=1)
    apart = (size**2 - (counts**2).sum(axis=1)) / (size - 1)

    def alpha(weights: Matrix) -> float:
        total = weights @ counts
        n = total.sum()
        expected = (n**2 - (total**2).sum()) / (n - 1)
        return float(1 - weights @ apart / expected) if expected > 0 else 1.0

    return _bootstrapped(alpha, len(units))


def mean_interval(values: Sequence[float]) -> Interval | None:
    """The mean of the values and its 95 % bootstrap limits (1,000 draws, seed 0); None without values."""
    if not values:
        return None
    held = np.asarray(values, float)
    return _bootstrapped(lambda weights: float(weights @ held / weights.sum()), len(held))


def _bootstrapped(figure: Any, units: int) -> Interval:
    """Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3: percentile limits over units."""
    noise = np.random.default_rng(0)
    drawn = [
        figure(np.bincount(noise.integers(units, size=units), minlength=units).astype(float)) for _ in range(_DRAWS)
    ]
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(figure(np.ones(units)), float(low), float(high), _LEVEL, units)


def _overlaps(a: Sequence[Thing], b: Sequence[Thing]) -> Matrix:
    """Intersection over union of each pair: exact for upright boxes, on 64 x 64 points for other areas.

    Lines count by their bounds, keypoints by their similarity, classes of whole images are always the same place.
    Beyond 10,000 pairs bounds stand for areas.
    """
    overlaps = _bounds_overlaps([bounds_of(*one[1:]) for one in a], [bounds_of(*one[1:]) for one in b])
    fine = np.argwhere(overlaps > 0)
    for i, j in fine if len(fine) <= _MOST_PAIRS else ():
        kinds = {a[i][1], b[j][1]}
        if kinds == {"keypoints"}:
            overlaps[i, j] = _keypoint_similarity(a[i][2], b[j][2])
        elif not kinds & {"keypoints", "polyline", "class"} and kinds != {"box"}:
            overlaps[i, j] = _area_overlap(a[i], b[j])
    classes = np.array([one[1] == "class" for one in a])[:, None] & np.array([one[1] == "class" for one in b])[None]
    overlaps[classes] = 1.0
    return overlaps


def _bounds_overlaps(a: Sequence[tuple[float, ...]], b: Sequence[tuple[float, ...]]) -> Matrix:
    first, second = np.array(a, float)[:, None], np.array(b, float)[None]
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    either = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - both
    overlaps: Matrix = np.where(either > 0, both / np.where(either > 0, either, 1), 0)
    return overlaps


def _area_overlap(a: Thing, b: Thing) -> float:
    boxes = np.array([bounds_of(*a[1:]), bounds_of(*b[1:])])
    low, high = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    steps = (np.arange(_GRID) + 0.5) / _GRID
    xs, ys = (low[i] + (high[i] - low[i]) * steps for i in (0, 1))
    first, second = _covered(a, xs, ys), _covered(b, xs, ys)
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else 0.0


def _covered(one: Thing, xs: Matrix, ys: Matrix) -> npt.NDArray[np.bool_]:
    """Which points (ys, xs) lie in the object: even-odd over its rings, so that holes are out."""
    _, kind, geometry = one
    if kind == "mask":
        height, width = geometry["size"]
        ends = np.cumsum(read_runs(geometry["counts"], height, width))
        columns, rows = np.floor(xs).astype(np.int64), np.floor(ys).astype(np.int64)
        there = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))[None]
        run = np.searchsorted(ends, columns[None] * height + rows[:, None], side="right")
        found: npt.NDArray[np.bool_] = there & (run % 2 == 1)
        return found
    rings = geometry["rings"] if kind == "polygon" else [outline_of(kind, geometry)]
    starts = np.concatenate([np.asarray(ring, float) for ring in rings])
    ends = np.concatenate([np.roll(np.asarray(ring, float), -1, axis=0) for ring in rings])
    inside = np.zeros((len(ys), len(xs)), bool)
    for row, y in enumerate(ys):
        crossing = (starts[:, 1] <= y) != (ends[:, 1] <= y)
        (x0, y0), (x1, y1) = starts[crossing].T, ends[crossing].T
        at = np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        inside[row] = np.searchsorted(at, xs) % 2 == 1
    return inside


def _keypoint_similarity(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    """Object keypoint similarity after COCO, over points that both placed; its scale is the area of both bounds."""
    first, second = np.array(a["points"], float), np.array(b["points"], float)
    if len(first) != len(second):
        return 0.0
    both, either = (first[:, 2] > 0) & (second[:, 2] > 0), (first[:, 2] > 0) | (second[:, 2] > 0)
    placed = np.concatenate([first[first[:, 2] > 0, :2], second[second[:, 2] > 0, :2]])
    area = max(float(np.ptp(placed, axis=0).prod()), 1.0)
    apart = ((first[both, :2] - second[both, :2]) ** 2).sum(axis=1)
    return float(np.exp(-apart / (2 * area * (2 * _KEYPOINT_K) ** 2)).sum() / either.sum())
