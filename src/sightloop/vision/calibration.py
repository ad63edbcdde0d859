"""Scores that mean what they say: temperature scaling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.evidence import require

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
