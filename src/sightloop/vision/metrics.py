"""Figures of merit, each with its uncertainty where one decides by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.errors import NotEnoughData
from sightloop.vision.evidence import Evidence, require, require_share

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval(Evidence):
    """An estimate with its two-sided confidence limits."""

    value: float
    lower: float
    upper: float
    confidence: float
    n: int


def two_classes(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Scores as float64 and labels as booleans, of equal length; raises NotEnoughData where a class is missing."""
    s, y = np.asarray(scores, np.float64), np.asarray(labels).astype(bool)
    require(s.ndim == 1 and s.shape == y.shape, "Scores and labels differ in length.", "Give one label per score.")
    require(bool(np.isfinite(s).all()), "A score is not finite.", "Remove what the model could not score.")
    if y.all() or not y.any():
        raise NotEnoughData("An AUROC needs both classes.", hint="Label samples of the missing class.")
    return s, y


def binomial_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """The share of successes with its exact limits (Clopper and Pearson, Biometrika 1934)."""
    require_share("confidence", confidence)
    require(0 <= successes <= n and n > 0, f"{successes} of {n} is no share.", "Give at least one trial.")
    tail = (1 - confidence) / 2
    lower = float(scipy.stats.beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    upper = float(scipy.stats.beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return Interval(successes / n, lower, upper, confidence, n)


def accuracy_interval(correct: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """The share of True in `correct` with its Clopper-Pearson limits."""
    c = np.asarray(correct).astype(bool)
    return binomial_interval(int(c.sum()), c.size, confidence)


def confusion(labels: npt.ArrayLike, predicted: npt.ArrayLike, n_classes: int) -> Ints:
    """Counts, int64 (n_classes, n_classes): rows are the true class, columns the predicted one."""
    y, z = np.asarray(labels, np.int64), np.asarray(predicted, np.int64)
    require(y.shape == z.shape, "Labels and predictions differ in length.", "Give one prediction per label.")
    known = y.size == 0 or (min(y.min(), z.min()) >= 0 and max(y.max(), z.max()) < n_classes)
    require(bool(known), "A class index is out of range.", f"Use indices from 0 to {n_classes - 1}.")
    return np.bincount(y * n_classes + z, minlength=n_classes**2).reshape(n_classes, n_classes)


def precision_recall(counts: Ints) -> tuple[Floats, Floats]:
    """Precision and recall of each class of a confusion matrix, float64 (n_classes,); NaN where undefined."""
    hits = np.diag(counts).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return hits / counts.sum(axis=0), hits / counts.sum(axis=1)


def expected_calibration_error(confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15) -> float:
    """The mean gap between confidence and accuracy over equal-width bins, weighted by their size.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3 and its 15 bins.
    """
    c, ok = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    require(c.size > 0 and c.shape == ok.shape, "Nothing to calibrate.", "Give one outcome per confidence.")
    index = np.clip((c * bins).astype(np.int64), 0, bins - 1)
    gaps = np.bincount(index, c - ok, minlength=bins)
    return float(np.abs(gaps).sum() / c.size)
