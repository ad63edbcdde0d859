"""Control's hand on the serving process: started, watched, restarted, ended."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import httpx

from sightloop.errors import Unavailable
from sightloop.serving.deployment_file import ServingFolder
from sightloop.settings import Settings

START_S: Final = 60.0
END_S: Final = 15.0
LONGEST_PAUSE_S: Final = 5.0


class Supervisor:
    """One serving process for the folder, kept alive until `close`. The port stays the same over restarts."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._place = ServingFolder(folder)
        self._folder = folder
        self._settings = settings
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where the process answers; empty before it was started."""
        return f"http://{self._settings.serving.host}:{self._port}" if self._port else ""

    @property
    def pid(self) -> int:
        """The process id; 0 before it was started."""
        return self._process.pid if self._process else 0

    def ensure(self) -> None:
        """Returns once the process answers; starts it where it does not run. Raises Unavailable."""
        with self._lock:
            if self._closing.is_set():
                raise Unavailable("The installation is being closed.", hint="Open it again.")
            if self._process is None:
                left_over = _end_left_over(self._place)
                wanted = self._settings.serving.port
                self._port = wanted or (left_over if _is_free(self._settings.serving.host, left_over) else free_port())
                self._process = self._start()
                self._watcher = threading.Thread(target=self._watch, name="serving-watch", daemon=True)
                self._watcher.start()
        self._wait_until_alive()

    def close(self) -> None:
        """Returns once the process has answered what it had taken in, and is gone."""
        self._closing.set()
        with self._lock:
            process = self._process
            if process is not None:
                _end(process)
        if self._watcher is not None:
            self._watcher.join()

    def _start(self) -> subprocess.Popen[bytes]:
        settings = self._settings
        overrides = {
            "serving": settings.serving.model_dump(mode="json"),
            "decode": settings.decode.model_dump(mode="json"),
            "api": settings.api.model_dump(mode="json"),
            "faults": settings.faults,
        }
        command = [
            *(sys.executable, "-P", "-m", "sightloop.serving.process", "--folder", str(self._folder)),
            *("--host", settings.serving.host, "--port", str(self._port), "--settings", json.dumps(overrides)),
        ]
        path = os.pathsep.join(part for part in sys.path if part)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})

    def _watch(self) -> None:
        pause_s = 0.1
        while (process := self._process) is not None:
            began = time.monotonic()
            process.wait()
            if time.monotonic() - began > START_S:
                pause_s = 0.1
            if self._closing.wait(pause_s):
                return
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            with self._lock:
                if self._closing.is_set():
                    return
                self._process = self._start()

    def _wait_until_alive(self) -> None:
        deadline = time.monotonic() + START_S
        with httpx.Client(trust_env=False, timeout=2.0) as client:
            while time.monotonic() < deadline and not self._closing.is_set():
                try:
                    if client.get(f"{self.address}/healthz").status_code == 200:
                        return
                except httpx.TransportError:
                    self._closing.wait(0.02)
        raise Unavailable("The serving process does not start.", hint="Its output says why: run sightloop serving.")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    if not port:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_left_over(place: ServingFolder) -> int:
    """The port of the process that an earlier control left behind, after it ended; 0 if there was none.

    Whoever holds the lock wrote its process id into it, so no other process can be hit.
    """
    try:
        descriptor = os.open(place.lock, os.O_RDWR)
    except FileNotFoundError:
        return 0
    try:
        deadline = time.monotonic() + END_S
        while _held(descriptor):
            who = json.loads(os.pread(descriptor, 200, 0) or b"{}")
            if "pid" in who:
                os.kill(who["pid"], signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.05)
        return int(json.loads(os.pread(descriptor, 200, 0) or b"{}").get("port", 0))
    except (ProcessLookupError, ValueError):
        return 0
    finally:
        os.close(descriptor)


def _held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
