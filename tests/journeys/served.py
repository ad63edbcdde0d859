"""A copy of the folder of the closed loop, served by a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.journeys.small_plant import SmallPlant


class Served:
    """`sightloop serve` on a folder, and the command line beside it."""

    def __init__(self, folder: Path, plant: SmallPlant) -> None:
        self.folder = folder
        self.plant = plant
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sightloop", "serve", str(folder), "--port", "0"],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        self.address = self._process.stderr.readline().split()[-1]
        self._process.stderr.readline()

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

    def stop(self) -> None:
        """Returns once the process has ended; asserts that it ended well."""
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0
