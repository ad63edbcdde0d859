"""One camera at work: a thread that reads and samples, and one that sends; between them, what waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from sightloop.cameras.waiting import Frame, Waiting
from sightloop.domain import now
from sightloop.errors import InvalidMedia, SightloopError

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
DRAIN_S: Final = 10.0
STARTING, RUNNING, RECONNECTING, STOPPED = "starting", "running", "reconnecting", "stopped"


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a camera's frames since it was added.

    `sampled` = sent + failed + dropped + ended + lost + those that wait.

    Attributes:
        seen: frames that the stream gave; sampled: those that were due.
        sent: answered by the deployment, or kept where there is none; kept: on their way to be samples, durably.
        failed: refused for good; dropped: by the policy, as there was no room; ended: waited when it was stopped.
        lost: waited when the process died.
        connected: how often a connection came to be.
    """

    seen: int = 0
    sampled: int = 0
    sent: int = 0
    kept: int = 0
    failed: int = 0
    dropped: int = 0
    ended: int = 0
    lost: int = 0
    connected: int = 0

    def after_a_crash(self) -> Counts:
        """The same, with what was on its way when the process died counted as lost."""
        known = self.sent + self.failed + self.dropped + self.ended
        return replace(self, lost=max(0, self.sampled - known))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a camera stands, since when, why, and the newest figures.

    Attributes:
        fps: frames a second that the stream gave since it was connected.
        latency_ms: from sending the newest frame to its answer; lag_s: from receiving it to its answer.
        facts: codec, width, height and fps, as the stream claims them.
    """

    state: str
    since: datetime
    detail: str = ""
    fps: float = 0.0
    latency_ms: float = 0.0
    lag_s: float = 0.0
    label: str = ""
    score: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class Stream(Protocol):
    """What a camera gives; `inference.Capture` is one."""

    facts: dict[str, Any]

    def look(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one frame: whether it was kept, and the prediction's label and score where it was predicted."""

    kept: bool
    label: str = ""
    score: float | None = None


class Flow:
    """Runs from `start` to `stop`; it connects again for as long as it takes.

    Args:
        connect: opens the stream; raises SightloopError.
        send: returns once the frame is where it is to go; raises SightloopError, which is tried again if it may pass.
        tell: is told of each change of state.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Stream]],
        send: Callable[[Frame], Sent],
        tell: Callable[[Standing], None],
        *,
        room: int,
        drop: str,
        counts: Counts,
    ) -> None:
        self._connect = connect
        self._send = send
        self._tell = tell
        self._waiting = Waiting(room, drop)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.counts = counts
        self.standing = Standing(STARTING, now())
        self.newest: Frame | None = None

    @property
    def waiting(self) -> int:
        """How many frames wait to be sent."""
        return len(self._waiting)

    def start(self) -> None:
        self._threads = [
            threading.Thread(target=work, name=f"camera-{work.__name__.strip('_')}", daemon=True)
            for work in (self._read, self._forward)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns once nothing is read or sent any more; what waits is sent first, as long as that takes DRAIN_S."""
        self._stopping.set()
        self._waiting.end()
        until = time.monotonic() + DRAIN_S
        for thread in reversed(self._threads):
            thread.join(max(0.0, until - time.monotonic()))
        self._count(ended=self._waiting.clear())
        for thread in self._threads:
            thread.join()
        self._stand(STOPPED)

    def _read(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                with self._connect() as stream:
                    began, seen = time.monotonic(), 0
                    while not self._stopping.is_set():
                        look = stream.look()
                        seen += look.seen
                        if look.seen and self.standing.state != RUNNING:
                            self._count(connected=1)
                            self._stand(RUNNING, facts=stream.facts)
                        if seen:
                            pause_s = FIRST_PAUSE_S
                            self._show(fps=round(seen / max(0.1, time.monotonic() - began), 2))
                        self._take(look)
            except SightloopError as error:
                self._stand(RECONNECTING, error.message)
            except Exception as error:
                self._stand(RECONNECTING, f"Unexpected: {type(error).__name__}.")
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _take(self, look: Any) -> None:
        self._count(seen=look.seen, sampled=int(bool(look.jpeg)))
        if look.jpeg:
            self.newest = Frame(look.jpeg, look.at)
            gone = self._waiting.put(self.newest)
            stopped = gone and self._stopping.is_set()
            self._count(**{"ended" if stopped else "dropped": gone})

    def _forward(self) -> None:
        while (frame := self._waiting.take()) is not None:
            self._deliver(frame)

    def _deliver(self, frame: Frame) -> None:
        """Returns once the frame is sent, refused for good, or given up because the camera is stopped."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                sent = self._send(frame)
            except InvalidMedia as error:
                self._count(failed=1)
                self._show(detail=error.message)
                return
            except Exception as error:
                message = error.message if isinstance(error, SightloopError) else f"Unexpected: {type(error).__name__}."
                self._show(detail=message)
                if self._stopping.wait(pause_s):
                    self._count(ended=1)
                    return
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            self._count(sent=1, kept=int(sent.kept))
            self._show(
                detail="" if self.standing.state == RUNNING else self.standing.detail,
                latency_ms=round((time.monotonic() - began) * 1000, 1),
                lag_s=round((now() - frame.at).total_seconds(), 3),
                label=sent.label,
                score=sent.score,
            )
            return

    def _count(self, **more: int) -> None:
        with self._lock:
            self.counts = replace(
                self.counts, **{name: getattr(self.counts, name) + count for name, count in more.items()}
            )

    def _show(self, **more: Any) -> None:
        with self._lock:
            self.standing = replace(self.standing, **more)

    def _stand(self, state: str, detail: str = "", facts: dict[str, Any] | None = None) -> None:
        changed = state != self.standing.state
        self._show(
            state=state,
            since=now() if changed else self.standing.since,
            detail=detail,
            fps=self.standing.fps if state == RUNNING else 0.0,
            facts=facts or self.standing.facts,
        )
        if changed:
            self._tell(self.standing)
