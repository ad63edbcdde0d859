"""Starting real servers that packages carry, each on free ports and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

PATIENCE_S = 60.0


def program(name: str, package: str) -> str:
    """The path of a program that a package brings; without it the test is skipped, except where CI is set."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    return found or missing(name, package)


def missing(name: str, package: str) -> str:
    """Skips the test, or fails it where CI is set."""
    said = f"{name} is missing: install {package}"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as open_now:
        sockets = [open_now.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


class Server:
    """A process that can be killed and started again with the same command."""

    def __init__(self, command: Sequence[str], log: Path, ready: Callable[[], bool]) -> None:
        self._command = list(command)
        self._log = log
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once the server answers."""
        with self._log.open("ab") as log:
            self._process = _spawn(self._command, log)
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                pytest.fail(f"{self._command[0]} does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def pause(self) -> None:
        """Returns at once; a running process answers nothing from now on, and forgets nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def start_or_resume(self) -> None:
        """Returns once the server answers, with all that it knew."""
        if self._process is None:
            self.start()
        else:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Returns once the process is gone, without a chance to say goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            return self._ready()
        except Exception:
            return False


def listens(port: int) -> bool:
    """Whether somebody listens on the port of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def _spawn(command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
