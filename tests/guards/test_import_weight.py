"""`import sightloop` is light, and so is asking the command line for help."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "fastapi", "sqlalchemy", "lance", "pyarrow", "onnxruntime", "onnx", "sklearn", "dbos")


@pytest.mark.parametrize("module", ["sightloop", "sightloop.interfaces.cli", "sightloop.inference.decode_child"])
def test_importing_it_pulls_nothing_heavy(module: str) -> None:
    script = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_opening_a_folder_waits_for_no_statistics_trainer_or_runtime() -> None:
    heavy = ("scipy.stats", "scipy.optimize", "scipy.fft", "sklearn", "onnxruntime")
    script = f"import sys, sightloop.app; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
