"""Scores that mean what they say: temperature scaling, and the accuracy that confidences promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.evidence import require
from sightloop.vision.metrics import Interval

Floats = npt.NDArray[np.float64]


def softmax(logits: npt.NDArray[np.floating[Any]], temperature: float = 1.0) -> Floats:
    """Class probabilities, float64 (N, C), of logits (N, C) divided by the temperature."""
    require(temperature > 0, f"The temperature is {temperature}.", "Give a positive temperature.")
    return np.asarray(scipy.special.softmax(np.asarray(logits, np.float64) / temperature, axis=1))


def fit_temperature(logits: npt.NDArray[np.floating[Any]], y: npt.NDArray[np.integer[Any]]) -> float:
    """The temperature, from 0.05 to 20, that minimises the negative log-likelihood of held-out labels.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. Logits (N, C), y class indices (N,).
    """
    require(logits.ndim == 2 and len(logits) == len(y) > 0, "Logits and labels differ.", "Give one label per row.")
    x, rows = np.asarray(logits, np.float64), np.arange(len(y))

    def loss(log_temperature: float) -> float:
        return float(-scipy.special.log_softmax(x / np.exp(log_temperature), axis=1)[rows, y].mean())

    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def confidence_estimate(
    confidence: npt.ArrayLike,
    audited_confidence: npt.ArrayLike = (),
    audited_correct: npt.ArrayLike = (),
    level: float = 0.95,
    doubt: float = 0.0,
) -> Interval:
    """The accuracy to expect on unlabelled predictions, from their calibrated confidences.

    The estimate is the mean confidence (NannyML's CBPE for accuracy), shifted by the calibration gap on the last
    audited sample. The limits are normal: the binomial spread of the outcomes, plus the error of that gap, for which
    z^2 audits are added, half of them right (Agresti and Coull, American Statistician 1998: without them a few errors
    among few audits give limits that are far too narrow). Without an audit they say nothing. They hold where the stream
    is like the audited sample; `doubt`, from 0 to 1, widens them by that share of what is left to 0 and to 1.
    """
    c = np.asarray(confidence, np.float64)
    a, ok = np.asarray(audited_confidence, np.float64), np.asarray(audited_correct, np.float64)
    require(c.size > 0, "No prediction to estimate from.", "Give the confidences of at least one prediction.")
    require(a.shape == ok.shape, "Audits and outcomes differ in length.", "Give one outcome per audit.")
    require(0 <= doubt <= 1, f"The doubt is {doubt}.", "Give a share from 0 to 1.")
    z = float(scipy.special.ndtri((1 + level) / 2))
    value = middle = float(c.mean())
    gap_variance = 0.25
    if a.size:
        gaps, mean, audits = ok - a, float(a.mean()), a.size + z * z
        gap = float(gaps.sum() + z * z * (0.5 - mean)) / audits
        square = float((gaps**2).sum() + z * z * ((1 - mean) ** 2 + mean**2) / 2) / audits
        value, middle, gap_variance = value + float(gaps.mean()), middle + gap, (square - gap**2) / audits
    value, middle = float(np.clip(value, 0, 1)), float(np.clip(middle, 0, 1))
    spread = z * float(np.sqrt(value * (1 - value) / c.size + gap_variance))
    lower, upper = max(min(value, middle - spread), 0.0), min(max(value, middle + spread), 1.0)
    return Interval(value, lower * (1 - doubt), upper + (1 - upper) * doubt, level, int(c.size))
