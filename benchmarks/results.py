"""Where figures are kept: one JSON file a benchmark, with the machine that they were measured on."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def keep(name: str, figures: dict[str, Any]) -> Path:
    """The file that now holds the figures."""
    FOLDER.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({"at": at, "machine": machine, **figures}, indent=2, sort_keys=True) + "\n")
    print(f"kept in benchmarks/results/{path.name}", file=sys.stderr)
    return path
