"""What pixels say without a model: quality, perceptual hashes, near-duplicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # its parts load when first used

from sightloop.vision.evidence import Evidence, require

Floats = npt.NDArray[np.floating[Any]]
Pixels = npt.NDArray[np.uint8]

HASH_VERSION = 1
HASH_SIDE = 32
BAND_PIXELS = 1 << 16
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Quality(Evidence):
    """Brightness and contrast (mean and standard deviation of luma, 0 to 1) and blur.

    `blur` is the variance of the Laplacian of luma in 0 to 255: small means blurred (Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy", ICPR 2000).
    """

    brightness: float
    contrast: float
    blur: float


def luma(image: Pixels) -> npt.NDArray[np.float32]:
    """Luma, float32 (H, W) in 0 to 255, of a uint8 image (H, W), (H, W, 1) or RGB (H, W, 3)."""
    require(image.dtype == np.uint8 and image.size > 0, "The image is not uint8 pixels.", "Decode it first.")
    if image.ndim == 3 and image.shape[2] == 3:
        return np.asarray(image.astype(np.float32) @ LUMA)
    require(
        image.ndim == 2 or image.shape[2:] == (1,), "The image is neither grey nor RGB.", "Give (H, W) or (H, W, 3)."
    )
    return image.reshape(image.shape[:2]).astype(np.float32)


def quality(image: Pixels) -> Quality:
    """Brightness, contrast and blur of a uint8 image, grey (H, W) or RGB (H, W, 3).

    Taken in bands of rows that stay in the processor's cache, which is several times faster than whole images.
    """
    height, width = image.shape[:2]
    rows = max(1, BAND_PIXELS // max(1, width))
    light, edges = [], []
    for top in range(0, height, rows):
        y = luma(image[top : top + rows + 2])  # with the two rows that the edges of its last ones need
        light.append(_sums(y[:rows]))
        if min(y.shape) > 2:
            edges.append(_sums(_laplacian(y)))
    brightness, variance = _mean_and_variance(light, height * width)
    blur = _mean_and_variance(edges, (height - 2) * (width - 2))[1] if edges else 0.0
    return Quality(brightness / 255, math.sqrt(variance) / 255, blur)


def _laplacian(y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Of the inner rows and columns."""
    edges = y[:-2, 1:-1] + y[2:, 1:-1]
    edges += y[1:-1, :-2]
    edges += y[1:-1, 2:]
    edges -= 4 * y[1:-1, 1:-1]
    return edges


def _sums(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The sum of the values and of their squares; single precision within a row, double across rows."""
    one, two = np.einsum("ij->i", values), np.einsum("ij,ij->i", values, values)
    return float(one.sum(dtype=np.float64)), float(two.sum(dtype=np.float64))


def _mean_and_variance(sums: Sequence[tuple[float, float]], count: int) -> tuple[float, float]:
    mean = sum(one for one, _ in sums) / count
    return mean, max(0.0, sum(two for _, two in sums) / count - mean * mean)


_ROWS_AT_ONCE = 1024


def perceptual_hash(gray32: Pixels) -> int:
    """A 64-bit hash of a uint8 (32, 32) thumbnail: signs of its 8 x 8 lowest DCT terms against their median.

    Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2; the constant term
    is left out of the median. `HASH_VERSION` changes with any change of the bits.
    """
    shape = gray32.dtype == np.uint8 and gray32.shape == (HASH_SIDE, HASH_SIDE)
    require(shape, "The thumbnail is not uint8 (32, 32).", "Resize the grey image to 32 x 32.")
    low = scipy.fft.dctn(gray32.astype(np.float64), norm="ortho")[:8, :8].ravel()
    return int.from_bytes(np.packbits(low > np.median(low[1:])).tobytes(), "big")


def hamming(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """The number of differing bits of 64-bit hashes, element by element, broadcast."""
    return np.asarray(np.bitwise_count(np.asarray(a, np.uint64) ^ np.asarray(b, np.uint64)))


def have_near(hashes: npt.ArrayLike, max_bits: int = 6) -> npt.NDArray[np.bool_]:
    """Which of 64-bit hashes (N,) have another one within `max_bits`, exactly, without comparing all with all.

    Of max_bits + 1 bands of bits, two such hashes share one (pigeonhole; Norouzi, Punjani and Fleet 2012, section 2).
    """
    h = np.asarray(hashes, np.uint64)
    near = np.zeros(len(h), bool)
    for band in np.array_split(np.arange(64, dtype=np.uint64), max_bits + 1):
        key = (h >> band[0]) & np.uint64((1 << len(band)) - 1)
        order = np.argsort(key, kind="stable")
        ends = np.flatnonzero(np.diff(key[order])) + 1
        for rows in np.split(order, ends):
            for at in range(0, len(rows), _ROWS_AT_ONCE):
                some = rows[at : at + _ROWS_AT_ONCE]
                close = hamming(h[some, None], h[rows]) <= max_bits
                near[some] |= close.sum(1) > 1
    return near


@dataclass(frozen=True, slots=True)
class NearDuplicates(Evidence):
    """Groups of indices, each led by its first image, and how large the largest grew; `capped` counts full groups."""

    groups: tuple[tuple[int, ...], ...]
    largest: int
    proposed_pairs: int
    confirmed_pairs: int
    capped: int


def near_duplicates(
    hashes: npt.ArrayLike, embeddings: Floats, max_bits: int = 6, min_cosine: float = 0.98, max_group: int = 20
) -> NearDuplicates:
    """Groups of images that are nearly the same: hashes propose, the cosine of the embeddings confirms.

    Images are visited in order; one that is in no group leads a new one and takes in the later ones, not yet taken,
    that lie within `max_bits` and `min_cosine` of the leader itself. So members never chain. Needs hashes (N,) and
    embeddings (N, d); memory grows with N, time with N squared (100,000 hashes take seconds).
    """
    h, x = np.asarray(hashes, np.uint64), np.asarray(embeddings, np.float32)
    require(len(h) == len(x), "Hashes and embeddings differ in length.", "Give one embedding per hash.")
    norms = np.maximum(np.linalg.norm(x, axis=1), 1e-12)
    free = np.ones(len(h), bool)
    groups: list[tuple[int, ...]] = []
    proposed = confirmed = capped = 0
    for leader in range(len(h)):
        if not free[leader]:
            continue
        near = leader + 1 + np.flatnonzero(hamming(h[leader + 1 :], h[leader]) <= max_bits)
        near = near[free[near]]
        proposed += near.size
        near = near[x[near] @ x[leader] >= min_cosine * norms[near] * norms[leader]]
        confirmed += near.size
        if near.size:
            capped += int(near.size >= max_group)
            group = (leader, *(int(i) for i in near[: max_group - 1]))
            free[list(group)] = False
            groups.append(group)
    return NearDuplicates(tuple(groups), max(map(len, groups), default=0), proposed, confirmed, capped)
