"""Child processes that may be killed: whatever reads bytes from strangers runs in one of these.

A child is `python -m MODULE` over pipes, not multiprocessing: forking breaks Lance, and spawning runs the
caller's own script again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from sightloop.errors import SightloopError, Unavailable, from_problem
from sightloop.inference.frames import Message, Payload, read_message, write_message

START_TIMEOUT_S = 60.0
PIPE_BYTES = 1 << 20
ROOM_BYTES = 8 << 20
KEPT_BYTES = 32 << 20


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
        shared, self._room = _room()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-B", "-m", module, *map(str, (limits.memory_bytes, limits.cpu_s, shared))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=() if shared < 0 else (shared,),
            )
        except OSError as error:
            raise _cannot_start("the system refuses a new process") from error
        finally:
            if shared >= 0:
                os.close(shared)
        self._requests, self._answers = (
            cast(IO[bytes], pipe).fileno() for pipe in (self._process.stdin, self._process.stdout)
        )
        for pipe in (self._requests, self._answers):
            os.set_blocking(pipe, False)
            _widen(pipe)

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
        if self._room is not None:
            self._room.close()

    def _wait_until_ready(self) -> None:
        try:
            self._exchange(START_TIMEOUT_S, None, ())
        except ChildLost as lost:
            raise _cannot_start(lost.reason) from lost
        self._ready = True

    def _exchange(self, wall_s: float, header: dict[str, Any] | None, payloads: Sequence[Payload]) -> Message:
        stream = cast(IO[bytes], _Pipes(self._requests, self._answers, time.monotonic() + wall_s))
        try:
            if header is not None:
                write_message(stream, header, payloads)
            reply, parts = read_message(stream, self._room)
        except TimeoutError as error:
            self.kill()
            raise ChildLost("timeout") from error
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            reply, parts = {"lost": ""}, []
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


class _Pipes:
    """A child's two pipes as one stream, whose every wait ends with TimeoutError at the deadline (monotonic seconds).

    A pipe is polled, as a timer thread for each request would cost more than many a request.
    """

    def __init__(self, requests: int, answers: int, deadline: float) -> None:
        self._requests = requests
        self._answers = answers
        self._deadline = deadline

    def write(self, data: bytes | memoryview) -> None:
        left = memoryview(data).cast("B")
        while left:
            try:
                left = left[os.write(self._requests, left) :]
            except BlockingIOError:
                self._wait(self._requests, select.POLLOUT)

    def flush(self) -> None:
        return

    def read(self, size: int) -> bytes:
        """So many bytes; fewer where the child has closed its side."""
        chunks: list[bytes] = []
        while size > 0:
            try:
                chunk = os.read(self._answers, min(size, PIPE_BYTES))
            except BlockingIOError:
                self._wait(self._answers, select.POLLIN)
                continue
            if not chunk:
                break
            chunks.append(chunk)
            size -= len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _wait(self, pipe: int, event: int) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(max(0.0, 1000 * (self._deadline - time.monotonic()))):
            raise TimeoutError


def _widen(pipe: int) -> None:
    """Room for an image in the pipe, so that the two sides take fewer turns; Linux only, and only if it may."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (AttributeError, OSError):
        return


def _room() -> tuple[int, mmap.mmap | None]:
    """Memory to share with a child, as a descriptor for it and mapped here; -1 and None where there is none.

    Sealed, so that a child cannot shrink it: reading beyond its end would kill this process.
    """
    try:
        shared = os.memfd_create("answers", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except (AttributeError, OSError):
        return -1, None
    os.ftruncate(shared, ROOM_BYTES)
    fcntl.fcntl(shared, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return shared, mmap.mmap(shared, ROOM_BYTES, prot=mmap.PROT_READ)


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
    """A child sees where to import from and nothing else: no secrets; one thread per child, as children are many.

    glibc keeps what an image took for the next one, up to KEPT_BYTES: giving it back costs 700 page faults an image.
    """
    return {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": str(KEPT_BYTES),
        "MALLOC_TRIM_THRESHOLD_": str(KEPT_BYTES),
    }
