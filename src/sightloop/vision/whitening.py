"""Embeddings in coordinates of unit variance, and how far a point lies from known ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.evidence import require

Floats = npt.NDArray[np.float64]

WHITENED_DIMS = 32
NEIGHBOURS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """A map to uncorrelated coordinates of unit variance: (x - mean) @ matrix."""

    mean: Floats
    matrix: Floats

    def apply(self, x: npt.NDArray[np.floating[Any]]) -> Floats:
        """The rows of x, float64 (n, dims)."""
        return np.asarray((np.asarray(x, np.float64) - self.mean) @ self.matrix)


def fit_whitening(x: npt.NDArray[np.floating[Any]], dims: int = WHITENED_DIMS) -> Whitening:
    """The whitening of the first principal components of x (n, d); fewer than `dims` where the data have fewer."""
    require(x.ndim == 2 and len(x) > 2, "Too few rows to whiten.", "Give a matrix of at least three embeddings.")
    mean = np.asarray(x, np.float64).mean(axis=0)
    _, singular, axes = np.linalg.svd(np.asarray(x, np.float64) - mean, full_matrices=False)
    kept = min(dims, int((singular > singular[0] * 1e-6).sum()), len(x) - 2)
    require(kept > 0, "All rows to whiten are equal.", "Give embeddings that differ.")
    return Whitening(mean, axes[:kept].T / (singular[:kept] / math.sqrt(len(x) - 1)))


def knn_score(reference: Floats, x: Floats, k: int = NEIGHBOURS) -> Floats:
    """The mean distance of each row of x (m, d) to its k nearest rows of the reference (n, d), float64 (m,).

    Both whitened; rows scored must not be in the reference, or they are their own neighbours.
    """
    require(len(reference) >= k, f"The reference has fewer than {k} rows.", "Collect a larger reference.")
    distances, _ = scipy.spatial.cKDTree(reference).query(np.atleast_2d(x), k=np.arange(1, k + 1))
    return np.asarray(distances.mean(axis=1))
