"""A batch of media is looked at: decoded in killable children and, where that is asked, put through a graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.errors import InvalidMedia
from sightloop.inference.decoding import Decoded, DecodePool, DecodeRequest
from sightloop.inference.graphs import MAX_IMAGE_PIXELS, GraphSession, Pixels

OUTPUTS: Final = ("probabilities", "logits", "embedding")  # of a bundle


@dataclass(frozen=True, slots=True)
class Batch:
    """Media, and what is wanted of each."""

    media: Sequence[bytes]
    wants: Sequence[DecodeRequest]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a medium is, or why it cannot be told.

    Attributes:
        pixels: uint8 (H, W, 3) as graphs take them, at most 16 megapixels; None where there are none, or
            what a graph said came instead.
        said: the outputs of the graph, float32, a row each; empty where none was asked.
        seconds: its share of the graph's time.
    """

    found: Decoded | InvalidMedia
    pixels: Pixels | None = None
    said: tuple[npt.NDArray[np.float32], ...] = ()
    seconds: float = 0.0

    def without_pixels(self) -> Seen:
        """The same, small enough to travel or to be kept."""
        found = replace(self.found, pixels=None) if isinstance(self.found, Decoded) else self.found
        return replace(self, found=found, pixels=None)


def look(pool: DecodePool, side: int, batch: Batch) -> list[Seen]:
    """Each medium decoded; what has too many pixels for a graph is reduced to `side` by `side`."""
    seen = []
    found = pool.map(batch.media, batch.wants)
    for data, want, one in zip(batch.media, batch.wants, found, strict=True):
        try:
            seen.append(Seen(one, embeddable(pool, data, one, side, want) if isinstance(one, Decoded) else None))
        except InvalidMedia as refused:
            seen.append(Seen(refused))
    return seen


def embeddable(pool: DecodePool, data: bytes, found: Decoded, side: int, want: DecodeRequest) -> Pixels | None:
    """uint8 (H, W, 3): the decoded pixels, or the picture reduced to `side` by `side` where it has too many."""
    pixels = found.pixels
    if pixels is None or found.width * found.height > MAX_IMAGE_PIXELS:
        less = DecodeRequest(size=(side, side), declared=want.declared, anything=want.anything, pts=want.pts)
        pixels = pool.decode(data, replace(less, suffix=want.suffix)).pixels
    return pixels


@dataclass(frozen=True, slots=True)
class FarLook:
    """Opens, in another process, what looks at batches and puts them through a graph.

    Attributes:
        limits: arguments of the DecodePool there, of one child.
        graph: ONNX model with one input, uint8 (N, H, W, 3); `outputs` are the names of what it says.
    """

    limits: Mapping[str, Any]
    side: int
    graph: bytes
    outputs: Sequence[str] = OUTPUTS

    def __call__(self) -> Callable[[Batch], list[Seen]]:
        """What looks at a batch; its pixels do not come back."""
        pool, session = DecodePool(workers=1, **self.limits), GraphSession(self.graph)

        def far(batch: Batch) -> list[Seen]:
            return [one.without_pixels() for one in put_through(session, self.outputs, look(pool, self.side, batch))]

        return far


def put_through(session: GraphSession, outputs: Sequence[str], seen: Sequence[Seen]) -> list[Seen]:
    """The same, with what the graph says of those that have pixels."""
    shown = {at: one.pixels for at, one in enumerate(seen) if one.pixels is not None}
    answered = list(seen)
    if shown:
        began = time.monotonic()
        said = session.run(list(shown.values()), outputs)
        share = (time.monotonic() - began) / len(shown)
        for row, at in enumerate(shown):
            answered[at] = replace(seen[at], said=tuple(output[row] for output in said), seconds=share)
    return answered
