"""A folder served by a real process, for benchmarks that look at it from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def served(folder: Path) -> Iterator[psutil.Process]:
    """The control process of `sightloop serve` on the folder, ended with the block."""
    command = [sys.executable, "-m", "sightloop", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        if not said.startswith("Sightloop serves"):
            raise SystemExit(f"sightloop serve did not start: {said}{process.stderr.read()}")
        try:
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
