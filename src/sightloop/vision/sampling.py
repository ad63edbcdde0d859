"""Which samples to ask about next: the uncertain, or the diverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sightloop.vision.evidence import require

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]


def uncertain(probabilities: Floats, n: int) -> Ints:
    """Indices of the n rows of (N, C) whose two likeliest classes are closest (margin sampling), closest first."""
    require(probabilities.ndim == 2 and probabilities.shape[1] > 1, "Not class probabilities.", "Give (N, C), C > 1.")
    top = np.sort(probabilities, axis=1)
    return np.argsort(top[:, -1] - top[:, -2], kind="stable")[:n]


def diverse(embeddings: Floats, chosen: npt.ArrayLike, n: int, seed: int) -> Ints:
    """Indices of up to n rows of (N, d), each the farthest from all chosen before it.

    Greedy k-center: Sener and Savarese, "Active learning for convolutional neural networks: a core-set approach", ICLR
    2018, algorithm 1. Starts from the rows in `chosen`, or from a random one (by the seed) where there is none.
    """
    x = np.asarray(embeddings, np.float64)
    known = np.asarray(chosen, np.int64).ravel()
    n = min(n, len(x) - len(np.unique(known)))
    if n <= 0:
        return np.empty(0, np.int64)
    picked: list[int] = []
    if known.size:
        nearest = np.full(len(x), np.inf)
        for k in known:
            nearest = np.minimum(nearest, ((x - x[k]) ** 2).sum(axis=1))
    else:
        picked.append(int(np.random.default_rng(seed).integers(len(x))))
        nearest = ((x - x[picked[0]]) ** 2).sum(axis=1)
    nearest[known] = -1.0
    nearest[picked] = -1.0
    while len(picked) < n:
        i = int(nearest.argmax())
        picked.append(i)
        nearest = np.minimum(nearest, ((x - x[i]) ** 2).sum(axis=1))
        nearest[i] = -1.0
    return np.array(picked, np.int64)
