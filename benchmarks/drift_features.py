"""What the drift benchmark watches: features and quality of real and corrupted cells, computed once and cached."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from examples.solar_cells.elpv import image_folder, read_cells
from sightloop.inference import Embedder, load_embedder
from sightloop.vision import quality

CACHE = Path(tempfile.gettempdir()) / "sightloop-drift-features"
BATCH = 32
BASES = 80  # mono cells that are corrupted, each by every corruption at every strength
SEED = 2026
FACTS = ("brightness", "contrast", "blur")


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Features float16 (N, 4608) and quality float64 (N, 3): brightness, contrast, blur."""

    features: npt.NDArray[np.float16]
    quality: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """All cells of ELPV in the order of its table: features, quality, whether mono, defect probability."""

    images: Images
    mono: npt.NDArray[np.bool_]
    probability: npt.NDArray[np.float64]

    @property
    def bases(self) -> npt.NDArray[np.int64]:
        """Indices of the mono cells that are corrupted, drawn once among the clear ones."""
        clear = np.flatnonzero(self.mono & np.isin(self.probability, (0.0, 1.0)))
        return np.sort(np.random.default_rng(SEED).choice(clear, BASES, replace=False))


def load_cells(folder: Path = CACHE) -> Cells:
    """Every cell."""
    rows = read_cells()
    images = _kept(folder / "cells.npz", lambda: (_pixels(row.name) for row in rows), len(rows))
    return Cells(
        images,
        np.array([row.cell_type == "mono" for row in rows]),
        np.array([row.probability for row in rows]),
    )


def load_corrupted(cells: Cells, folder: Path = CACHE) -> dict[tuple[str, int], Images]:
    """The base cells by corruption and strength, in the order of `cells.bases`."""
    rows = read_cells()
    found = {}
    for number, name in enumerate(CORRUPTIONS):
        for strength in STRENGTHS:

            def made(name: str = name, number: int = number, strength: int = strength) -> Any:
                for base in cells.bases:
                    rng = np.random.default_rng([SEED, number, strength, int(base)])
                    yield corrupt(_pixels(rows[base].name), name, strength, rng)

            found[name, strength] = _kept(folder / f"{name}-{strength}.npz", made, BASES)
    return found


def _pixels(name: str) -> npt.NDArray[np.uint8]:
    with Image.open(image_folder() / name) as image:
        return np.asarray(image.convert("L"))


@cache
def _embedder() -> Embedder:
    return load_embedder(threads=1)


def _kept(path: Path, made: Any, count: int) -> Images:
    """The images from the cache, or computed by the product's embedder and kept there."""
    if path.exists():
        with np.load(path) as held:
            return Images(held["features"], held["quality"])
    embedder = _embedder()
    features: list[npt.NDArray[np.float16]] = []
    measured: list[list[float]] = []
    batch: list[npt.NDArray[np.uint8]] = []
    for number, image in enumerate(made(), start=1):
        found = quality(image)
        measured.append([getattr(found, fact) for fact in FACTS])
        batch.append(np.repeat(image[..., None], 3, axis=2))
        if len(batch) == BATCH or number == count:
            features.append(embedder.embed(batch).astype(np.float16))
            batch = []
    images = Images(np.concatenate(features), np.array(measured))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, features=images.features, quality=images.quality)
    return images


if __name__ == "__main__":
    load_corrupted(load_cells())
