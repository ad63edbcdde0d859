"""A loop that has closed, backed up while it is open, answers the same from a restored folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sightloop
from tests.journeys.small_loop import SETTINGS, SmallLoop, questions

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def restored(closed: SmallLoop, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("restored") / "installation"
    with sightloop.connect(closed.folder, settings=SETTINGS) as ws:
        backup = closed.folder / "backups" / ws.backups.create().output.id
        answers = questions(ws)
    command = [sys.executable, "-m", "sightloop", "backup", "restore", str(backup), "--folder", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == backup.name
    return answers, folder


def test_a_restored_installation_answers_the_same(closed: SmallLoop, restored: tuple[dict[str, Any], Path]) -> None:
    before, folder = restored
    with sightloop.connect(folder, settings=SETTINGS) as ws:
        after = questions(ws)
        sample = closed.budget["poly"]["test"][0]
        served = ws.deployments.predict("line-1", closed.plant.image(closed.names[sample]))
        report = ws.fsck(deep=True)
    assert after == before
    assert served.model_version == closed.v1
    assert list(report.problems) == []
