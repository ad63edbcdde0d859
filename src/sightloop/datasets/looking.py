"""Media are looked at where the executor has room: here, or with their vectors on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from sightloop.inference import Batch, DecodePool, Embedder, FarLook, Seen, look
from sightloop.runs import Executor, Work


class Looking:
    """Batches of media to what they are. On a cluster they are embedded too, and only vectors come back.

    Attributes:
        side: in pixels, to which an image is reduced that has too many pixels for the embedder.
    """

    def __init__(self, executor: Executor, decoder: DecodePool, embedder: Embedder) -> None:
        self.side = embedder.size
        self._executor = executor
        self._decoder = decoder
        self._embedder = embedder

    @property
    def cores(self) -> int:
        """How many batches are looked at together."""
        return self._executor.cores

    def map(self, batches: Iterable[Batch]) -> Iterator[list[Seen]]:
        """One list for each batch, in order."""
        here = partial(look, self._decoder, self.side)
        return self._executor.map(Work(f"look {self._embedder.id}", here, self._far), batches)

    def _far(self) -> FarLook:
        return FarLook(self._decoder.limits, self.side, self._embedder.graph, ("features",))
