"""kill -9 at one fault point per boundary, then the same call again: nothing acknowledged is lost, nothing is twice.

Each trial runs the call in a process of its own with the point armed, sees it die by SIGKILL, opens the folder again,
repeats the call with the same idempotency key and compares with what a run that never crashed holds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import sightloop
from tests.journeys.small_plant import SmallPlant, make_plant

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> SmallPlant:
    return make_plant(tmp_path_factory.mktemp("plant"), mono=24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "installation"


def die_in(folder: Path, point: str, call: str, *names: str) -> None:
    """Runs the call (lines over `ws`) with the point armed, and asserts that it died there."""
    program = "import sys, sightloop\nwith sightloop.connect(sys.argv[1]) as ws:\n" + textwrap.indent(call, "    ")
    ended = subprocess.run(
        [sys.executable, "-c", program, str(folder), *names],
        env={**os.environ, "SIGHTLOOP_FAULTS": f"{point}=kill"},
        capture_output=True,
        timeout=120,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]


INGEST = 'ws.ingest(sys.argv[2], key="ingest")'


@pytest.mark.parametrize(
    "point", ["ingest.after_blobs", "ingest.after_lance", "ingest.after_sql", "run.step.before_commit"]
)
def test_an_ingest_that_was_killed_ends_with_each_image_once(point: str, folder: Path, plant: SmallPlant) -> None:
    die_in(folder, point, INGEST, str(plant.images))
    with sightloop.connect(folder) as ws:
        run = ws.ingest(plant.images, key="ingest")
        names = sorted(sample.name for sample in ws.samples.list())
        assert run.output.ingested + run.output.known == len(plant.labels)
        assert names == sorted(plant.labels)
        assert ws.fsck().problems == []


def test_a_change_that_was_committed_but_not_acknowledged_is_not_made_twice(folder: Path) -> None:
    call = 'ws.schemas.create("cells", ["ok", "defect"], key="schema")'
    die_in(folder, "change.committed", call)
    with sightloop.connect(folder) as ws:
        again = ws.schemas.create("cells", ["ok", "defect"], key="schema")
        assert again.version == 1
        assert ws.audit.verify().ok
        assert ws.fsck().problems == []


def test_a_change_that_was_not_committed_left_nothing(folder: Path) -> None:
    die_in(folder, "change.before_commit", 'ws.schemas.create("cells", ["ok", "defect"], key="schema")')
    with sightloop.connect(folder) as ws:
        with pytest.raises(sightloop.SightloopError):
            ws.schemas.get("cells")
        assert ws.fsck().problems == []


def labelled_ids(ws: Any) -> list[str]:
    return sorted(ws.labels.heads("cells"))


def test_labels_that_were_acknowledged_before_a_kill_are_all_there(folder: Path, plant: SmallPlant) -> None:
    with sightloop.connect(folder) as ws:
        ws.ingest(plant.images)
        ws.schemas.create("cells", ["ok", "defect"])
        samples = sorted(sample.id for sample in ws.samples.list())
    call = """
    for sample in sys.argv[2:]:
        ws.labels.import_("cells", {sample: "ok"}, key=sample)
        print(sample, flush=True)
    """
    program = "import sys, sightloop\nwith sightloop.connect(sys.argv[1]) as ws:\n" + textwrap.indent(
        textwrap.dedent(call), "    "
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(folder), *samples], stdout=subprocess.PIPE)
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().decode().strip() for _ in range(5)]
    child.kill()
    child.wait()
    with sightloop.connect(folder) as ws:
        there = labelled_ids(ws)
        assert set(acknowledged) <= set(there)
        assert ws.audit.verify().ok
        assert ws.fsck().problems == []
