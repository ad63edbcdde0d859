"""Child processes that may be killed: whatever reads bytes from strangers runs in one of these.

A child is `python -m MODULE` over pipes, not multiprocessing: forking breaks Lance, and spawning runs the
caller's own script again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from sightloop.errors import SightloopError, Unavailable, from_problem
from sightloop.inference.frames import Message, Payload, read_message, write_message

START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use: address space, and for each request processor time and wall time."""

    memory_bytes: int
    cpu_s: int
    wall_s: float


class ChildLost(SightloopError):
    """The child did not survive the request. `reason` is timeout, out_of_memory or crashed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"A child process was lost: {reason}.", reason=reason)
        self.reason = reason


class Child:
    """One child process that answers one request at a time."""

    def __init__(self, module: str, limits: Limits) -> None:
        self._limits = limits
        self._ready = False
        self.asked = 0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-B", "-m", module, str(limits.memory_bytes), str(limits.cpu_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        except OSError as error:
            raise _cannot_start("the system refuses a new process") from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, header: dict[str, Any], payloads: Sequence[Payload] = ()) -> Message:
        """The child's answer.

        Raises:
            ChildLost: it crashed, or passed a limit; it is dead and needs a successor.
            Unavailable: it cannot start at all.
            SightloopError: what the child itself raised about this request; it lives on.
        """
        if not self._ready:
            self._wait_until_ready()
        self.asked += 1
        reply, parts = self._exchange(self._limits.wall_s, header, payloads)
        if "problem" in reply:
            raise from_problem(reply["problem"])
        return reply, parts

    def kill(self) -> None:
        """End the child and collect it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                cast(IO[bytes], pipe).close()
            except OSError:  # what was still to be written has no reader any more
                continue

    def _wait_until_ready(self) -> None:
        try:
            self._exchange(START_TIMEOUT_S, None, ())
        except ChildLost as lost:
            raise _cannot_start(lost.reason) from lost
        self._ready = True

    def _exchange(self, wall_s: float, header: dict[str, Any] | None, payloads: Sequence[Payload]) -> Message:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(wall_s, expire)
        timer.daemon = True
        timer.start()
        try:
            if header is not None:
                write_message(cast(IO[bytes], self._process.stdin), header, payloads)
            reply, parts = read_message(cast(IO[bytes], self._process.stdout))
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            reply, parts = {"lost": ""}, []
        finally:
            timer.cancel()
            timer.join()
        if expired.is_set():
            self.kill()
            raise ChildLost("timeout")
        if "lost" in reply:
            reason = reply["lost"] or self._cause_of_death()
            self.kill()
            raise ChildLost(reason)
        return reply, parts

    def _cause_of_death(self) -> str:
        try:
            ended_by = -self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return "crashed"
        if ended_by == signal.SIGXCPU:
            return "timeout"
        return "out_of_memory" if ended_by == signal.SIGKILL else "crashed"


def ask_once(module: str, limits: Limits, header: dict[str, Any], payloads: Sequence[Payload] = ()) -> Message:
    """The answer of a child that lives for this one request; raises as `Child.ask` does."""
    child = Child(module, limits)
    try:
        return child.ask(header, payloads)
    finally:
        child.kill()


def _cannot_start(why: str) -> Unavailable:
    return Unavailable(
        f"A child process for untrusted bytes does not start ({why}).",
        hint="Check that the machine has memory to spare and that the installation is complete: pip check",
    )


def _environment() -> dict[str, str]:
    """A child sees where to import from and nothing else: no secrets; one thread per child, as children are many."""
    return {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
