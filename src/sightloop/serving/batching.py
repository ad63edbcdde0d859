"""The micro-batcher: requests that come together are answered together, and a lone one never waits."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sightloop.errors import Overloaded, SightloopError, Unavailable
from sightloop.inference import ModelSession

Pixels = npt.NDArray[np.uint8]
SMOOTHING: Final = 0.1


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded version. Batches read it once, so a switch falls between two batches."""

    model: str
    model_version: str
    session: ModelSession


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What an engine says of one image: probabilities (C,), embedding (E,), float32."""

    engine: Engine
    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """An image in the queue, who waits for it, and since when (monotonic seconds)."""

    image: Pixels
    future: Future[Claim]
    since: float


class Batcher:
    """One thread that answers for one deployment.

    A batch starts when it is full, when nobody else is on the way (admitted, but still being decoded), or when
    its first image has waited `max_wait_s`.
    """

    def __init__(self, engine: Engine, *, max_batch: int, max_wait_s: float, queue_limit: int) -> None:
        self.engine = engine
        self.batches = 0
        self.images = 0
        self._max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._queue_limit = queue_limit
        self._changed = threading.Condition()
        self._waiting: deque[Waiting] = deque()
        self._admitted = 0
        self._coming = 0
        self._seconds_per_image = 0.02
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Requests that were admitted and have no answer yet."""
        return self._admitted

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A block that holds one of the places in the queue; raises Overloaded when none is free."""
        with self._changed:
            if self._closed:
                raise Unavailable("The deployment is being taken down.", hint="Ask another deployment.")
            if self._admitted >= self._queue_limit:
                wait_s = max(1, math.ceil(self._admitted * self._seconds_per_image))
                raise Overloaded(
                    f"{self._admitted} requests are waiting already.",
                    hint=f"Try again in {wait_s} s, or raise the setting serving.queue_limit.",
                    retry_after_s=wait_s,
                )
            self._admitted += 1
        try:
            yield
        finally:
            with self._changed:
                self._admitted -= 1
                self._changed.notify_all()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """A block in which images are made ready: a batch that has begun to gather waits a little for them."""
        with self._changed:
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1
                self._changed.notify_all()

    def predict(self, images: Sequence[Pixels]) -> list[Claim]:
        """The claims on uint8 (H, W, 3) images, in their order; waits for them."""
        futures: list[Future[Claim]] = [Future() for _ in images]
        arrived = time.monotonic()
        with self._changed:
            self._waiting.extend(Waiting(image, future, arrived) for image, future in zip(images, futures, strict=True))
            self._changed.notify_all()
        return [future.result() for future in futures]

    def close(self) -> None:
        """Returns once all that was admitted is answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._gather():
            began = time.monotonic()
            if not self._claim(batch):
                for one in batch:
                    self._claim([one], last=True)
            spent_s = (time.monotonic() - began) / len(batch)
            self._seconds_per_image += SMOOTHING * (spent_s - self._seconds_per_image)
            self.batches += 1
            self.images += len(batch)

    def _claim(self, batch: Sequence[Waiting], last: bool = False) -> bool:
        """Whether the batch has its answers. One bad image must not fail its neighbours: they are tried one by one."""
        engine = self.engine
        try:
            said = engine.session.predict([waiting.image for waiting in batch])
        except Exception as error:  # the thread outlives whatever a model does
            failure = error if isinstance(error, SightloopError) else SightloopError("The model failed.")
            if last:
                batch[0].future.set_exception(failure)
            return False
        for row, waiting in enumerate(batch):
            waiting.future.set_result(Claim(engine, said.probabilities[row], said.embedding[row]))
        return True

    def _gather(self) -> list[Waiting]:
        """The next batch; empty when closed and nothing is left."""
        with self._changed:
            while not self._waiting:
                if self._closed and self._admitted == 0:
                    return []
                self._changed.wait()
            deadline = self._waiting[0].since + self._max_wait_s
            while len(self._waiting) < self._max_batch and self._coming and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return [self._waiting.popleft() for _ in range(min(self._max_batch, len(self._waiting)))]
