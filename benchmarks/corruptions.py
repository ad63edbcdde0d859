"""Fifteen corruptions at five strengths, for grey images: written anew, with the strengths of ImageNet-C.

Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019;
the numbers are those of the authors' released generator for 224 x 224, used unscaled. Not the same: frost needs
photographs of frost that come with the generator, so crystals are synthesised here; motion blur and snow draw their
streaks by interpolation instead of ImageMagick; the images are grey, so what acts on colour acts on luma.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Grey = npt.NDArray[np.float64]
Corruption = Callable[[Grey, Any, np.random.Generator], Grey]
STRENGTHS = (1, 2, 3, 4, 5)


def corrupt(image: npt.NDArray[np.uint8], name: str, strength: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The grey image uint8 (H, W), corrupted; `strength` from 1 to 5."""
    function, strengths = CORRUPTIONS[name]
    found = function(image.astype(np.float64) / 255, strengths[strength - 1], rng)
    return np.asarray(np.round(np.clip(found, 0, 1) * 255), np.uint8)


def _gaussian_noise(x: Grey, sigma: float, rng: np.random.Generator) -> Grey:
    return x + rng.normal(0, sigma, x.shape)


def _shot_noise(x: Grey, photons: float, rng: np.random.Generator) -> Grey:
    return rng.poisson(x * photons) / photons


def _impulse_noise(x: Grey, amount: float, rng: np.random.Generator) -> Grey:
    hit, salt = rng.random(x.shape) < amount, rng.random(x.shape) < 0.5
    return np.where(hit, salt.astype(np.float64), x)


def _defocus(x: Grey, how: tuple[float, float], rng: np.random.Generator) -> Grey:
    radius, softness = how
    side = np.arange(-max(8, radius), max(8, radius) + 1)
    disk = (side[:, None] ** 2 + side[None, :] ** 2 <= radius**2).astype(np.float64)
    kernel = ndimage.gaussian_filter(disk, softness, truncate=3)
    return _convolve(x, kernel / kernel.sum())


def _glass(x: Grey, how: tuple[float, int, int], rng: np.random.Generator) -> Grey:
    sigma, reach, times = how
    x = ndimage.gaussian_filter(x, sigma)
    rows, columns = np.indices(x.shape)
    for _ in range(times):
        moved = rng.integers(-reach, reach, (2, *x.shape))
        x = x[np.clip(rows + moved[0], 0, x.shape[0] - 1), np.clip(columns + moved[1], 0, x.shape[1] - 1)]
    return np.asarray(ndimage.gaussian_filter(x, sigma))


def _motion(x: Grey, how: tuple[int, float], rng: np.random.Generator) -> Grey:
    radius, sigma = how
    return _convolve(x, _streak(radius, sigma, rng.uniform(-45, 45)))


def _zoom(x: Grey, how: tuple[float, float], rng: np.random.Generator) -> Grey:
    factors = np.arange(1, how[0], how[1])
    return (x + sum(_zoomed(x, factor) for factor in factors)) / (len(factors) + 1)


def _snow(x: Grey, how: tuple[float, float, float, float, int, float, float], rng: np.random.Generator) -> Grey:
    mean, spread, zoom, threshold, radius, sigma, kept = how
    flakes = _zoomed(rng.normal(mean, spread, x.shape), zoom)
    flakes = np.clip(np.where(flakes < threshold, 0, flakes), 0, 1)
    flakes = _convolve(flakes, _streak(radius, sigma, rng.uniform(-135, -45)))
    x = kept * x + (1 - kept) * np.maximum(x, x * 1.5 + 0.5)
    return np.asarray(x + flakes + np.rot90(flakes, 2))


def _frost(x: Grey, how: tuple[float, float], rng: np.random.Generator) -> Grey:
    """Crystals in place of photographs: ridges of a fractal, sharpened, denser towards one side."""
    side = np.linspace(0, 1, x.shape[1])[None, :]
    field = _plasma(max(x.shape), 1.6, rng)[: x.shape[0], : x.shape[1]]
    ridges = 1 - np.abs(2 * field - 1)
    ice = np.clip(ridges**3 + 0.4 * rng.random(x.shape) * ridges, 0, 1) * (0.4 + 0.6 * side)
    return np.asarray(how[0] * x + how[1] * ice)


def _fog(x: Grey, how: tuple[float, float], rng: np.random.Generator) -> Grey:
    thickness, decay = how
    peak = float(x.max())
    fog = _plasma(max(x.shape), decay, rng)[: x.shape[0], : x.shape[1]]
    return (x + thickness * fog) * peak / (peak + thickness)


def _brightness(x: Grey, added: float, rng: np.random.Generator) -> Grey:
    return x + added


def _contrast(x: Grey, kept: float, rng: np.random.Generator) -> Grey:
    return np.asarray((x - x.mean()) * kept + x.mean())


def _elastic(x: Grey, how: tuple[float, float, float], rng: np.random.Generator) -> Grey:
    force, sigma, affine = (244 * part for part in how)
    side, centre = min(x.shape) // 3, np.array(x.shape) / 2
    corners = centre + side * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = corners + rng.uniform(-affine, affine, corners.shape)
    full = np.linalg.solve(np.c_[moved, np.ones(3)], corners)  # where each target pixel comes from
    at = np.indices(x.shape).reshape(2, -1).T
    sources = (np.c_[at, np.ones(len(at))] @ full).T.reshape(2, *x.shape)
    wobble = [
        ndimage.gaussian_filter(rng.uniform(-1, 1, x.shape), sigma, mode="reflect", truncate=3) * force
        for _ in range(2)
    ]
    return np.asarray(ndimage.map_coordinates(x, sources + np.stack(wobble), order=1, mode="reflect"))


def _pixelate(x: Grey, share: float, rng: np.random.Generator) -> Grey:
    image = Image.fromarray(np.round(x * 255).astype(np.uint8))
    small = image.resize((int(x.shape[1] * share), int(x.shape[0] * share)), Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, Image.Resampling.NEAREST), np.float64) / 255


def _jpeg(x: Grey, quality: int, rng: np.random.Generator) -> Grey:
    held = io.BytesIO()
    Image.fromarray(np.round(x * 255).astype(np.uint8)).save(held, "JPEG", quality=quality)
    return np.asarray(Image.open(held), np.float64) / 255


def _convolve(x: Grey, kernel: Grey) -> Grey:
    """The same size, edges reflected, by FFT: kernels here have up to 41 x 41 entries."""
    pad = [(side // 2, side // 2) for side in kernel.shape]
    padded = np.pad(x, pad, mode="reflect")
    size = tuple(a + b - 1 for a, b in zip(padded.shape, kernel.shape, strict=True))
    product = np.fft.irfft2(np.fft.rfft2(padded, size) * np.fft.rfft2(kernel, size), size)
    (top, _), (left, _) = ((side - 1, side - 1) for side in kernel.shape)
    return np.asarray(product[top : top + x.shape[0], left : left + x.shape[1]])


def _streak(radius: int, sigma: float, degrees: float) -> Grey:
    """A line of Gaussian weights to one side of the centre, turned."""
    along, kernel = np.arange(0, 2 * radius + 1), np.zeros((4 * radius + 1, 4 * radius + 1))
    weights = np.exp(-(along**2) / (2 * sigma**2))
    angle = np.deg2rad(degrees)
    rows, columns = 2 * radius + along * np.sin(angle), 2 * radius + along * np.cos(angle)
    for dy in (0, 1):
        for dx in (0, 1):
            r, c = np.floor(rows).astype(int) + dy, np.floor(columns).astype(int) + dx
            share = (1 - np.abs(rows - r)) * (1 - np.abs(columns - c))
            inside = (r < kernel.shape[0]) & (c < kernel.shape[1])
            np.add.at(kernel, (r[inside], c[inside]), (weights * share)[inside])
    return np.asarray(kernel / kernel.sum())


def _zoomed(x: Grey, factor: float) -> Grey:
    """The middle of the image, enlarged to its size."""
    height, width = x.shape
    rows = (np.arange(height) - (height - 1) / 2) / factor + (height - 1) / 2
    columns = (np.arange(width) - (width - 1) / 2) / factor + (width - 1) / 2
    return np.asarray(ndimage.map_coordinates(x, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest"))


def _plasma(least: int, decay: float, rng: np.random.Generator) -> Grey:
    """A square of diamond-square fractal noise, 0 to 1, its side the next power of two: wobble shrinks by `decay`."""
    size = 1 << (least - 1).bit_length()
    field, step, wobble = np.zeros((size, size)), size, 100.0
    while step >= 2:
        half = step // 2
        corners = field[0::step, 0::step]
        squares = corners + np.roll(corners, -1, 0)
        squares = (squares + np.roll(squares, -1, 1)) / 4
        field[half::step, half::step] = squares + wobble * rng.uniform(-1, 1, squares.shape)
        middles = field[half::step, half::step]
        beside = (middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1)) / 4
        field[0::step, half::step] = beside + wobble * rng.uniform(-1, 1, beside.shape)
        below = (middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0)) / 4
        field[half::step, 0::step] = below + wobble * rng.uniform(-1, 1, below.shape)
        step, wobble = half, wobble / decay
    field -= field.min()
    return np.asarray(field / field.max())


CORRUPTIONS: dict[str, tuple[Corruption, tuple[Any, ...]]] = {
    "gaussian_noise": (_gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot_noise": (_shot_noise, (60, 25, 12, 5, 3)),
    "impulse_noise": (_impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27)),
    "defocus_blur": (_defocus, ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))),
    "glass_blur": (_glass, ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))),
    "motion_blur": (_motion, ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))),
    "zoom_blur": (_zoom, ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))),
    "snow": (
        _snow,
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    ),
    "frost": (_frost, ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))),
    "fog": (_fog, ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))),
    "brightness": (_brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": (_contrast, (0.4, 0.3, 0.2, 0.1, 0.05)),
    "elastic": (_elastic, ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))),
    "pixelate": (_pixelate, (0.6, 0.5, 0.4, 0.3, 0.25)),
    "jpeg": (_jpeg, (25, 18, 15, 10, 7)),
}
