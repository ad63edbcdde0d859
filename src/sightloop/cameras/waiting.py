"""Frames that wait to be sent, and which of them goes when there is no room: only as the camera's policy says."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

DROPS: Final = ("oldest", "newest", "never")


@dataclass(frozen=True, slots=True)
class Frame:
    """One sampled frame: JPEG bytes, and when it was received."""

    jpeg: bytes
    at: datetime


class Waiting:
    """At most `room` frames in order.

    Args:
        drop: what a full queue does with the next frame: the "oldest" goes, the "newest" goes, or "never" any, then
            whoever puts waits.
    """

    def __init__(self, room: int, drop: str) -> None:
        self._room = room
        self._drop = drop
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._ended = False

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: Frame) -> int:
        """How many frames the policy dropped: 0 or 1."""
        with self._changed:
            if self._drop == "never":
                self._changed.wait_for(lambda: len(self._frames) < self._room or self._ended)
            dropped = int(len(self._frames) >= self._room or self._ended)
            if dropped and (self._drop == "newest" or self._ended):
                return 1
            if dropped:
                self._frames.popleft()
            self._frames.append(frame)
            self._changed.notify_all()
            return dropped

    def take(self) -> Frame | None:
        """The oldest frame, waited for; None once the end was said and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._ended)
            if not self._frames:
                return None
            frame = self._frames.popleft()
            self._changed.notify_all()
            return frame

    def end(self) -> None:
        """Returns once no more frames are taken in; those that wait are still given."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def clear(self) -> int:
        """How many frames waited; none does now."""
        with self._changed:
            count = len(self._frames)
            self._frames.clear()
            self._changed.notify_all()
            return count
