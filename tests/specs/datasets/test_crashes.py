"""An ingest that is killed between two writes and started again ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.specs.datasets.world import picture

pytestmark = pytest.mark.crash
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(130):
        (folder / f"{i:03}.png").write_bytes(picture(i, size=(32, 24)))
    (folder / "000-again.png").write_bytes(picture(0, size=(32, 24)))
    (folder / "broken.png").write_bytes(b"not an image")
    return folder


@pytest.fixture(scope="module")
def undisturbed(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ingest(tmp_path_factory.mktemp("calm"), pictures).stdout)
    return found


@pytest.mark.parametrize(
    "fault",
    [
        "ingest.after_blobs=kill",
        "ingest.after_lance=kill",
        "table.written=kill@3",
        "change.before_commit=kill@4",
        "ingest.after_sql=kill",
        "ingest.after_sql=kill@2",
    ],
)
def test_a_killed_ingest_ends_the_same_after_a_restart(
    fault: str, pictures: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    assert ingest(tmp_path, pictures, fault).returncode == -signal.SIGKILL
    assert json.loads(ingest(tmp_path, pictures).stdout) == undisturbed


def test_the_undisturbed_ingest_is_whole(undisturbed: dict[str, Any]) -> None:
    assert undisturbed["output"]["ingested"] == 130
    assert undisturbed["output"]["known"] == 1
    assert undisturbed["output"]["quarantined"] == 1
    assert undisturbed["problems"] == []
    assert undisturbed["lineage"] == 130


def ingest(folder: Path, pictures: Path, faults: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "tests.specs.datasets.ingest_once", str(folder), str(pictures), faults],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
