"""The micro-batcher: requests that come together are answered together, and a lone one never waits."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict, deque
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
RETRY_AFTER_S: Final = 1


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


@dataclass(slots=True, eq=False)
class Place:
    """A request in the queue: whose it is, when its answer has no use any more (monotonic), whether its client left.

    `arriving` until its images are in line.
    """

    key: str
    expires_at: float = math.inf
    left: bool = False
    arriving: bool = False

    @property
    def useless(self) -> bool:
        return self.left or time.monotonic() > self.expires_at


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """An image in the queue, the request that it came with, who waits for it, and since when (monotonic seconds)."""

    image: Pixels
    place: Place
    future: Future[Claim]
    since: float


class Batcher:
    """One thread that answers for one deployment.

    A batch starts when it is full, when nobody else is on the way (admitted, but still being decoded), or when
    its first image has waited `max_wait_s`. It takes from the keys in turn, and nothing that nobody waits for.
    """

    def __init__(
        self, engine: Engine, *, max_batch: int, max_wait_s: float, queue_limit: int, queue_s: float = math.inf
    ) -> None:
        self.engine = engine
        self.batches = 0
        self.images = 0
        self.abandoned = 0
        self._max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._queue_limit = queue_limit
        self._queue_s = queue_s
        self._changed = threading.Condition()  # its lock is re-entrant
        self._waiting: OrderedDict[str, deque[Waiting]] = OrderedDict()
        self._admitted = 0
        self._arriving: Counter[str] = Counter()
        self._coming = 0
        self._running = 0
        self._seconds_per_image = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Requests that were admitted and have no answer yet."""
        return self._admitted

    @property
    def queued(self) -> int:
        """Images that wait for their turn."""
        with self._changed:
            return sum(map(len, self._waiting.values()))

    @contextmanager
    def admitted(self, key: str = "") -> Iterator[Place]:
        """A block that holds one of the places in the queue; raises Overloaded when none is free.

        None is free when `queue_limit` are held, or when more than a batch is before this key's turn and would
        take longer than `queue_s`.
        """
        with self._changed:
            if self._closed:
                raise Unavailable("The deployment is being taken down.", hint="Ask another deployment.")
            held, before = self.depth, self._before(key)
            if held >= self._queue_limit or (
                before > self._max_batch and before * self._seconds_per_image > self._queue_s
            ):
                raise Overloaded(
                    f"{held} requests are waiting already.",
                    hint=f"Try again in {RETRY_AFTER_S} s, or raise the settings serving.queue_limit and queue_ms.",
                    retry_after_s=RETRY_AFTER_S,
                )
            self._admitted += 1
            self._arriving[key] += 1
        try:
            yield (place := Place(key, arriving=True))
        finally:
            place.left = True
            with self._changed:
                self._admitted -= 1
                self._arrived(place)
                if self._closed:
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

    def predict(self, place: Place, images: Sequence[Pixels]) -> list[Claim]:
        """The claims on uint8 (H, W, 3) images, in their order; waits for them.

        Raises Overloaded where nobody waits for them any more when it is their turn: they are not predicted.
        """
        if not images:
            return []
        futures: list[Future[Claim]] = [Future() for _ in images]
        arrived = time.monotonic()
        with self._changed:
            self._arrived(place)
            line = self._waiting.setdefault(place.key, deque())
            line.extend(Waiting(image, place, future, arrived) for image, future in zip(images, futures, strict=True))
            self._changed.notify_all()
        return [future.result() for future in futures]

    def close(self) -> None:
        """Returns once all that was admitted is answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _arrived(self, place: Place) -> None:
        if place.arriving:
            place.arriving = False
            self._arriving[place.key] -= 1
            if not self._arriving[place.key]:
                del self._arriving[place.key]

    def _before(self, key: str) -> int:
        """How many images are answered before one of this key that comes now; a request on its way counts as one."""
        ahead = Counter({each: len(line) for each, line in self._waiting.items()}) + self._arriving
        return self._running + sum(min(count, ahead[key] + 1) for count in ahead.values())

    def _run(self) -> None:
        while batch := self._gather():
            began = time.monotonic()
            if not self._claim(batch):
                for one in batch:
                    self._claim([one], last=True)
            spent_s = (time.monotonic() - began) / len(batch)
            self._seconds_per_image += (SMOOTHING if self.batches else 1.0) * (spent_s - self._seconds_per_image)
            self.batches += 1
            self.images += len(batch)

    def _claim(self, batch: Sequence[Waiting], last: bool = False) -> bool:
        """Whether the batch has its answers. One bad image must not fail its neighbours: they are tried one by one."""
        engine = self.engine
        try:
            said = engine.session.predict(engine.session.prepared([waiting.image for waiting in batch]))
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
            self._running = 0
            while True:
                while not self._waiting:
                    if self._closed and self.depth == 0:
                        return []
                    self._changed.wait()
                deadline = min(line[0].since for line in self._waiting.values()) + self._max_wait_s
                while self._coming and self.queued < self._max_batch and (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(left)
                batch = self._take()
                if batch:
                    self._running = len(batch)
                    return batch

    def _take(self) -> list[Waiting]:
        """Up to a batch of images, one of each key in turn; those of no use are answered here and left out."""
        batch: list[Waiting] = []
        while self._waiting and len(batch) < self._max_batch:
            key, line = next(iter(self._waiting.items()))
            one = line.popleft()
            if line:
                self._waiting.move_to_end(key)
            else:
                del self._waiting[key]
            if one.place.useless:
                self.abandoned += 1
                one.future.set_exception(
                    Overloaded(
                        "The request's time had passed before its turn came.",
                        hint="Allow it more time, or send fewer at once.",
                        retry_after_s=RETRY_AFTER_S,
                    )
                )
            else:
                batch.append(one)
        return batch
