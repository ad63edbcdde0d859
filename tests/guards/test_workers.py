"""What is made once for a group of tests is made once: the group stays on one worker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

FILES = {
    "journeys/test_loop_one": "loop",
    "journeys/test_loop_two": "loop",
    "test_a": "a",
    "test_b": "b",
    "test_c": "c",
}
TESTS = "import pytest\n@pytest.mark.parametrize('number', range(5))\ndef test_it(number): pass\n"


def test_the_tests_of_a_group_run_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "tests" / "journeys").mkdir(parents=True)
    for name in FILES:
        (tmp_path / "tests" / f"{name}.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p tests.groups --import-mode=importlib\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    said = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-v", "-n", "2", "tests"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    workers = defaultdict(set)
    for worker, name in re.findall(r"\[(gw\d)\].* PASSED tests/(.+)\.py::", said):
        workers[FILES[name]].add(worker)
    assert set(workers) == set(FILES.values())
    assert {len(found) for found in workers.values()} == {1}
    assert {worker for found in workers.values() for worker in found} == {"gw0", "gw1"}
