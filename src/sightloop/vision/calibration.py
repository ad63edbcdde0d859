"""Scores that mean what they say: temperature and Platt scaling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax
from scipy.special import softmax as _softmax

from sightloop.vision.evidence import require

Floats = npt.NDArray[np.float64]


def softmax(logits: npt.NDArray[np.floating[Any]], temperature: float = 1.0) -> Floats:
    """Class probabilities, float64 (N, C), of logits (N, C) divided by the temperature."""
    require(temperature > 0, f"The temperature is {temperature}.", "Give a positive temperature.")
    return np.asarray(_softmax(np.asarray(logits, np.float64) / temperature, axis=1))


def fit_temperature(logits: npt.NDArray[np.floating[Any]], y: npt.NDArray[np.integer[Any]]) -> float:
    """The temperature, from 0.05 to 20, that minimises the negative log-likelihood of held-out labels.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. Logits (N, C), y class indices (N,).
    """
    require(logits.ndim == 2 and len(logits) == len(y) > 0, "Logits and labels differ.", "Give one label per row.")
    x, rows = np.asarray(logits, np.float64), np.arange(len(y))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(x / np.exp(log_temperature), axis=1)[rows, y].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def fit_platt(scores: npt.NDArray[np.floating[Any]], y: npt.NDArray[np.integer[Any]]) -> tuple[float, float]:
    """Slope a and offset b such that 1 / (1 + exp(-(a score + b))) is calibrated; y is 0 or 1.

    Targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of 1 and 0: Platt, 1999; Lin, Lin and Weng, "A note on Platt's
    probabilistic outputs", 2007.
    """
    require(scores.shape == y.shape and scores.size > 0, "Scores and labels differ.", "Give one label per score.")
    x, positives = np.asarray(scores, np.float64), int(np.sum(y))
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))

    def loss(ab: Floats) -> tuple[float, Floats]:
        z = ab[0] * x + ab[1]
        gap = 1 / (1 + np.exp(-np.clip(z, -500, 500))) - target
        return float((np.logaddexp(0, z) - target * z).sum()), np.array([(gap * x).sum(), gap.sum()])

    a, b = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return float(a), float(b)
