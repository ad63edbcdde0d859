"""Embedders: images become feature vectors, by the same graph that a bundle later carries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from sightloop.errors import not_found
from sightloop.inference.graphs import GraphSession, Pixels
from sightloop.inference.lite0 import FEATURES, features_graph

LITE0_SIZE: Final = 300


class Embedder(Protocol):
    """Images to vectors; the same image gives the same vector whatever its batch, up to float32 rounding."""

    @property
    def id(self) -> str:
        """Name, version and digest of the graph: vectors with different ids do not compare."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def size(self) -> int:
        """Side in pixels to which the graph resizes."""

    @property
    def graph(self) -> bytes:
        """The ONNX model: `image` uint8 (N, H, W, 3) to `features` float32 (N, dimensions)."""

    def embed(self, images: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """Vectors float32 (N, dimensions) of uint8 (H, W, 3) RGB images, in their order."""


class Lite0Embedder:
    """Multi-stage pooled features of EfficientNet-Lite0, 4,608 numbers.

    The weights are read when something first asks for the id or the graph, and the graph is loaded at the first
    embedding; each raises Unavailable where it cannot.
    """

    def __init__(self, *, threads: int = 1, device: str = "auto", size: int = LITE0_SIZE) -> None:
        self.size = size
        self.dimensions = FEATURES
        self._threads = threads
        self._device = device

    @cached_property
    def id(self) -> str:
        """Name, version and digest of the graph."""
        return f"lite0-pooled-{self.size}@1:{sha256(self.graph).hexdigest()[:16]}"

    @cached_property
    def graph(self) -> bytes:
        """The ONNX model, made from the weights of the installed package."""
        return features_graph(self.size)

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        return self._session.device

    def embed(self, images: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        """Vectors float32 (N, 4608) of uint8 (H, W, 3) RGB images, in their order."""
        return self._session.run(images, ("features",))[0]

    @cached_property
    def _session(self) -> GraphSession:
        return GraphSession(self.graph, threads=self._threads, device=self._device)


def load_embedder(name: str = "lite0", *, threads: int = 1, device: str = "auto") -> Embedder:
    """The embedder of this name, which reads its weights when they are first needed; raises NotFound."""
    if name != "lite0":
        raise not_found("embedder", name, ["lite0"], hint="Use lite0.")
    return Lite0Embedder(threads=threads, device=device)
