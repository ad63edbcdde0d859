"""The frozen-backbone head: standardise, project, classify, calibrate. Arrays in, arrays out.

The trainer and the suggester share it, so that what is suggested is what would be trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from sightloop.errors import NotEnoughData
from sightloop.vision import fit_temperature, softmax, split

Floats = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FOLDS: Final = 5
STRENGTHS: Final = (0.003, 0.01, 0.03)  # inverse regularisations that "auto" chooses from
DEFAULT_STRENGTH: Final = 0.01  # best or next to best on ELPV, mono and mixed, 360 to 980 labels (README)
ABSENT: Final = -30.0  # offset of a class that no training label shows: a probability of about 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Features to the `embedding` of a bundle: `matrix @ (x - mean)`; mean (F,), matrix (E, F)."""

    mean: Doubles
    matrix: Doubles

    def __call__(self, features: Floats) -> Doubles:
        """Projected features, float64 (N, E)."""
        return np.asarray((features.astype(np.float64) - self.mean) @ self.matrix.T)


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """logits = weights @ z + bias; weights (C, E), bias (C,)."""

    weights: Doubles
    bias: Doubles

    def __call__(self, z: Doubles) -> Doubles:
        """Logits float64 (N, C), before calibration."""
        return np.asarray(z @ self.weights.T + self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A calibrated classifier on projected features. `strength` is the C that it was fitted with."""

    projection: Projection
    classifier: Classifier
    temperature: float
    strength: float

    def probabilities(self, features: Floats) -> Doubles:
        """Calibrated probabilities float64 (N, C) of raw features (N, F)."""
        return softmax(self.classifier(self.projection(features)), self.temperature)


def fit_projection(features: Floats, dimensions: int) -> Projection:
    """Standardisation and PCA of features (N, F) in one matrix of at most `dimensions` rows, by falling variance.

    The eigenvectors are those of the Gram matrix where samples are fewer than features; each is signed so that its
    largest entry is positive, which makes the result the same whatever the solver's mood.
    """
    if len(features) < 2:
        raise NotEnoughData("A projection needs at least two samples.", hint="Add samples to the dataset version.")
    x = features.astype(np.float64)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    scale = np.where(deviation > 1e-9, 1.0 / np.maximum(deviation, 1e-9), 0.0)
    standard = (x - mean) * scale
    rows = min(dimensions, *standard.shape, len(x) - 1)
    with threadpool_limits(1):
        if len(x) <= x.shape[1]:
            values, vectors = np.linalg.eigh(standard @ standard.T)
            keep = np.argsort(-values, kind="stable")[:rows]
            directions = (vectors[:, keep] / np.sqrt(np.maximum(values[keep], 1e-9))).T @ standard
        else:
            values, vectors = np.linalg.eigh(standard.T @ standard)
            directions = vectors[:, np.argsort(-values, kind="stable")[:rows]].T
    signs = np.sign(directions[np.arange(rows), np.abs(directions).argmax(axis=1)])
    return Projection(mean, directions * np.where(signs == 0, 1.0, signs)[:, None] * scale)


def fit_classifier(z: Doubles, labels: Ints, classes: int, strength: float) -> Classifier:
    """Logistic regression with balanced class weights on z (N, E), labels below `classes`.

    Two classes become a softmax with opposite halves of the one logit, which is the same model. A class without a
    label gets a logit that never wins.
    """
    from sklearn.linear_model import LogisticRegression

    present = np.unique(labels)
    if len(present) < 2:
        raise NotEnoughData(
            "The labels show fewer than two classes.", hint="Label samples of another class.", classes=len(present)
        )
    with threadpool_limits(1):
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000).fit(z, labels)
    weights, bias = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    if len(present) == 2:
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    every_weight, every_bias = np.zeros((classes, z.shape[1])), np.full(classes, ABSENT)
    every_weight[present], every_bias[present] = weights, bias
    return Classifier(every_weight, every_bias)


Fit = Callable[[Doubles, Ints], Callable[[Doubles], Doubles]]  # z (N, E) and labels (N,) to a function from z to logits


def cross_fit(z: Doubles, labels: Ints, groups: Sequence[str], classes: int, fit: Fit, seed: int) -> Doubles:
    """Logits float64 (N, C), each from a classifier that saw neither the sample nor its group.

    Raises NotEnoughData where a fold leaves fewer than two classes to train on.
    """
    folds = np.array(split(list(groups), labels, {str(fold): 1 / FOLDS for fold in range(FOLDS)}, seed))
    logits = np.empty((len(z), classes))
    for fold in np.unique(folds):
        held = folds == fold
        logits[held] = fit(z[~held], labels[~held])(z[held])
    return logits


def fit_head(
    features: Floats,
    labels: Ints,
    groups: Sequence[str],
    classes: int,
    *,
    unlabelled: Floats | None = None,
    dimensions: int = 256,
    strength: float | None = None,
    seed: int = 0,
) -> Head:
    """A head fitted on features (N, F) and labels (N,); `strength` None is chosen by cross-fitted log-likelihood.

    The projection also learns from `unlabelled` features (M, F). The temperature is fitted on cross-fitted logits.
    """
    everything = features if unlabelled is None or not len(unlabelled) else np.concatenate([features, unlabelled])
    projection = fit_projection(everything, dimensions)
    z = projection(features)
    best: tuple[float, float, float] | None = None
    for candidate in STRENGTHS if strength is None else (strength,):
        logits = cross_fit(
            z, labels, groups, classes, partial(fit_classifier, classes=classes, strength=candidate), seed
        )
        temperature = fit_temperature(logits, labels)
        chosen = softmax(logits, temperature)[np.arange(len(labels)), labels]
        loss = float(-np.log(np.maximum(chosen, 1e-12)).mean())
        if best is None or loss < best[0] - 1e-9:
            best = (loss, candidate, temperature)
    assert best is not None
    return Head(projection, fit_classifier(z, labels, classes, best[1]), best[2], best[1])
