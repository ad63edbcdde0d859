"""A folder served by a process of its own, and the command line beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

LONGEST_START_S = 120.0


class Served:
    """`sightloop serve` on a folder, once it answers.

    Args:
        port: its port; any free one by default.
        environment: variables that it has beside those of this process.

    Attributes:
        address: its URL; link: the one-time link of its owner.
    """

    def __init__(self, folder: Path, *, port: int = 0, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **(environment or {})}
        self._said = os.memfd_create("stderr")  # not a pipe, which nobody would empty
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sightloop", "serve", str(folder), "--port", str(port)],
            env=self._environment,
            stderr=self._said,
        )
        until = time.monotonic() + LONGEST_START_S
        while len(lines := self._lines()) < 2 or "Sightloop serves" not in lines[0]:
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise AssertionError(f"sightloop serve did not start: {lines[-20:]}")
            time.sleep(0.05)
        self.address, self.link = (line.split()[-1] for line in lines[:2])

    def command(self, *words: str) -> Any:
        """What `sightloop ... --json` printed; asserts that it went well."""
        ended = subprocess.run(
            [sys.executable, "-m", "sightloop", *words, "--folder", str(self.folder), "--json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{' '.join(words)}: {ended.stderr}"
        return json.loads(ended.stdout)

    def kill(self) -> None:
        """Returns once the process is dead of SIGKILL."""
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL

    def stop(self) -> None:
        """Returns once the process has ended; asserts that it ended well."""
        self.process.terminate()
        assert self.process.wait(60) == 0, self._lines()[-20:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def _lines(self) -> list[str]:
        """The whole lines that it said first; its log, which is JSON, is left out."""
        lines = os.pread(self._said, 1 << 16, 0).decode().split("\n")[:-1]
        return [line for line in lines if not line.startswith("{")]
