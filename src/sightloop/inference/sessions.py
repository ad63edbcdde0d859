"""Bundles at work: a loaded bundle becomes predictions, and is compared with what training computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sightloop.errors import InvalidInput
from sightloop.inference.bundles import Bundle
from sightloop.inference.graphs import GraphSession, Pixels
from sightloop.inference.looking import OUTPUTS, Seen, put_through


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model says of N images, float32: calibrated `probabilities` and `logits` (N, C), `embedding` (N, E)."""

    probabilities: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]


class ModelSession:
    """A bundle, loaded and ready; safe to use from many threads."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, device: str = "auto") -> None:
        self.manifest = bundle.manifest
        self._graph = GraphSession(bundle.onnx, threads=threads, device=device)

    @property
    def device(self) -> str:
        """`cpu` or `cuda`: where the model runs."""
        return self._graph.device

    def predict(self, images: Sequence[Pixels]) -> Predictions:
        """Predictions for uint8 (H, W, 3) RGB images of any sizes, in their order, `prepared` where they are raw."""
        return Predictions(*self._graph.run(images, OUTPUTS))

    def prepared(self, images: Sequence[Pixels]) -> list[Pixels]:
        """Pictures as a camera gives them, made what training saw: through the transform of the bundle, if it has one.

        Raises InvalidInput where the transform does not fit one of them.
        """
        done = self.manifest.transform
        return [done.apply(image) for image in images] if done else list(images)

    def answer(self, seen: Sequence[Seen]) -> list[Seen]:
        """The same, with the OUTPUTS for those that have pixels."""
        return put_through(self._graph, OUTPUTS, seen)


@dataclass(frozen=True, slots=True)
class Parity:
    """How far a bundle's probabilities are from those that training computed."""

    max_difference: float
    atol: float
    images: int

    @property
    def passed(self) -> bool:
        return self.max_difference <= self.atol


def check_parity(
    bundle: Bundle, images: Sequence[Pixels], expected: npt.NDArray[Any], *, atol: float = 1e-3, threads: int = 1
) -> Parity:
    """The largest difference between the bundle's probabilities and `expected`, (N, C), on these images."""
    shape = (len(images), len(bundle.manifest.classes))
    if expected.shape != shape:
        raise InvalidInput(
            f"The expected probabilities have shape {expected.shape}, not {shape}.", hint="Give one row per image."
        )
    probabilities = ModelSession(bundle, threads=threads).predict(images).probabilities
    return Parity(float(np.abs(probabilities - expected).max()), atol, len(images))
