"""Fashion-MNIST and ELPV as features and true labels, embedded once and cached outside the repository.

Fashion-MNIST comes from the Debian package `dataset-fashion-mnist` (60,000 training images, 28 x 28, grey), ELPV from
the package `elpv-dataset` (its 2,223 clear cells, 300 x 300).
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from examples.solar_cells import elpv
from sightloop.inference import load_embedder
from sightloop.inference.embedders import Lite0Embedder

CACHE = Path("~/.cache/sightloop-benchmarks").expanduser()
FASHION = Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = ("top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
FASHION_SIZE = 96
CHUNK = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Samples in the order of their source: features float16 (N, 4608), truth (N,) as class indices."""

    name: str
    classes: tuple[str, ...]
    features: npt.NDArray[np.float16]
    truth: npt.NDArray[np.int64]
    embedding: dict[str, Any]  # what it took, measured when the cache was made


def fashion(cache: Path = CACHE) -> Data:
    """The 60,000 training images, resized to 96 px within the embedder's graph."""
    if not FASHION.is_dir():
        raise SystemExit("Fashion-MNIST is not installed. Run: apt-get install dataset-fashion-mnist")
    images = _idx(FASHION / "train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    truth = _idx(FASHION / "train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    features, took = _embedded(cache, "fashion", (np.stack([image] * 3, axis=2) for image in images), FASHION_SIZE)
    return Data("fashion-mnist", FASHION_CLASSES, features, truth, took)


def clear_cells(cache: Path = CACHE) -> Data:
    """ELPV's clear cells at the embedder's own 300 px."""
    cells = [cell for cell in elpv.read_cells() if cell.clear]
    truth = np.array([elpv.CLASSES.index(cell.label) for cell in cells], np.int64)
    pictures = (np.asarray(Image.open(elpv.image_folder() / cell.name).convert("RGB")) for cell in cells)
    features, took = _embedded(cache, "elpv", pictures, load_embedder().size)
    return Data("elpv", elpv.CLASSES, features, truth, took)


def _idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def _embedded(
    cache: Path, name: str, images: Iterator[npt.NDArray[np.uint8]], size: int
) -> tuple[npt.NDArray[np.float16], dict[str, Any]]:
    embedder = Lite0Embedder(threads=1, size=size)
    at = cache / f"{name}-{embedder.id.replace(':', '-')}.npy"
    told = at.with_suffix(".json")
    if not told.exists():
        print(f"embedding {name} at {size} px into {at}", file=sys.stderr)
        at.parent.mkdir(parents=True, exist_ok=True)
        parts: list[npt.NDArray[np.float16]] = []
        batch: list[npt.NDArray[np.uint8]] = []
        seconds = 0.0
        for image in images:
            batch.append(image)
            if len(batch) == CHUNK:
                seconds += _embed(embedder, batch, parts)
        if batch:
            seconds += _embed(embedder, batch, parts)
        features = np.concatenate(parts)
        np.save(at, features)
        per_s = round(len(features) / seconds, 1)
        told.write_text(json.dumps({"images": len(features), "size": size, "per_s": per_s, "embedder": embedder.id}))
    return np.load(at), json.loads(told.read_text())


def _embed(embedder: Lite0Embedder, batch: list[npt.NDArray[np.uint8]], parts: list[npt.NDArray[np.float16]]) -> float:
    began = time.monotonic()
    parts.append(embedder.embed(batch).astype(np.float16))
    batch.clear()
    return time.monotonic() - began
