"""Vectors of many dimensions made few: principal components, a layout in the plane, and who has no near neighbour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.floating[Any]]

COMPONENTS = 50
FITTED = 4096  # rows that the components are fitted on
LANDMARKS = 10_000
PLACED_BY = 5  # landmarks that place a further row
PERPLEXITY = 30.0
BLOCK = 1024


def principal(vectors: Vectors, seed: int, components: int = COMPONENTS) -> Floats:
    """The rows of (N, D), scaled to length 1, on their first principal components, float32 (N, at most `components`).

    Fitted on at most 4,096 rows drawn by the seed, by randomized SVD (Halko, Martinsson and Tropp, "Finding structure
    with randomness", SIAM Review 53, 2011, section 1.6); blocks of rows are converted one at a time.
    """
    from sklearn.utils.extmath import randomized_svd

    count, width = vectors.shape
    if not count:
        return np.empty((0, min(components, width)), np.float32)
    chosen = _drawn(count, FITTED, seed)
    fitted = _unit(vectors[chosen])
    mean = fitted.mean(0)
    wanted = min(components, *fitted.shape)
    axes = randomized_svd(fitted - mean, wanted, random_state=seed)[2].astype(np.float32).T
    return np.concatenate([(_unit(vectors[rows]) - mean) @ axes for rows in _blocks(count)])


def layout(
    reduced: Floats, seed: int, *, told: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Floats, str]:
    """A place in the plane for each row of (N, d), float32 (N, 2), and the method in words.

    It is t-SNE where openTSNE is installed, else the first two columns. More than 10,000 rows are laid out by as many
    landmarks, drawn by the seed; each other row lies at the mean of its five nearest landmarks, weighted by the inverse
    squares of its distances to them.
    """
    count = len(reduced)
    if find_spec("openTSNE") is None or count < 8:
        flat = np.zeros((count, 2), np.float32)
        flat[:, : reduced.shape[1]] = reduced[:, :2]
        return flat, "PCA to 2"
    landmarks = _drawn(count, LANDMARKS, seed)
    laid = _embedded(reduced[landmarks], seed)
    perplexity = _perplexity(len(landmarks))
    method = f"t-SNE (openTSNE {version('openTSNE')}, perplexity {perplexity:g}) of PCA to {reduced.shape[1]}"
    if len(landmarks) == count:
        return laid, method
    placed = np.empty((count, 2), np.float32)
    for rows in _blocks(count):
        squares, near = _nearest(reduced[rows], reduced[landmarks], PLACED_BY)
        weights = 1 / np.maximum(squares, 1e-12)
        placed[rows] = (laid[near] * weights[..., None]).sum(1) / weights.sum(1)[:, None]
        told(rows.stop, count)
    placed[landmarks] = laid
    return placed, f"{method}, by {len(landmarks):,} landmarks"


def neighbour_distances(reduced: Floats, k: int, seed: int, among: int = FITTED) -> Floats:
    """The mean squared distance of each row of (N, d) to its k nearest among at most `among` rows drawn by the seed.

    The row itself is left out.
    """
    count = len(reduced)
    chosen = _drawn(count, among, seed)
    k = min(k, len(chosen) - 1)
    if k < 1:
        return np.zeros(count, np.float32)
    found = np.empty(count, np.float32)
    is_chosen = np.zeros(count, bool)
    is_chosen[chosen] = True
    for rows in _blocks(count):
        squares = np.sort(_nearest(reduced[rows], reduced[chosen], k + 1)[0], axis=1)
        own = is_chosen[rows]
        found[rows] = np.where(own, squares[:, 1:].mean(1), squares[:, :k].mean(1))
    return found


def _embedded(points: Floats, seed: int) -> Floats:
    """Linderman et al., "Fast interpolation-based t-SNE", Nature Methods 16, 2019; one thread, so that it repeats."""
    from openTSNE import TSNE

    perplexity = _perplexity(len(points))
    laid = TSNE(perplexity=perplexity, initialization="pca", random_state=seed, n_jobs=1).fit(points)
    return np.asarray(laid, np.float32)


def _perplexity(count: int) -> float:
    return min(PERPLEXITY, (count - 1) // 3)


def _nearest(points: Floats, among: Floats, k: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Squared distances to the k nearest rows, and which these are, both (N, k), in no order."""
    k = min(k, len(among))
    squares = (points**2).sum(1)[:, None] + (among**2).sum(1) - 2 * points @ among.T
    near = np.argpartition(squares, k - 1, axis=1)[:, :k]
    return np.maximum(np.take_along_axis(squares, near, 1), 0), near


def _drawn(count: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows in order: all, or as many as wanted."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _unit(vectors: Vectors) -> Floats:
    rows = vectors.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _blocks(count: int) -> Iterator[slice]:
    return (slice(at, min(at + BLOCK, count)) for at in range(0, count, BLOCK))
