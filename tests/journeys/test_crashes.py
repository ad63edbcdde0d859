"""kill -9 at one fault point per boundary, then the same call again: nothing acknowledged is lost, nothing is twice.

Each trial runs the call in a process of its own with the point armed, sees it die by SIGKILL, opens the folder again,
repeats the call with the same idempotency key and compares with what a run that never crashed holds.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sightloop
from examples.solar_cells.line_controller import LineController
from tests.journeys.small_loop import SETTINGS, SmallLoop
from tests.journeys.small_plant import SmallPlant, make_plant

pytestmark = [pytest.mark.crash, pytest.mark.timeout(400)]
INGEST = 'ws.ingest(sys.argv[2], key="ingest")'
SCHEMA = 'ws.schemas.create("cells", ["ok", "defect"], key="schema")'


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> SmallPlant:
    return make_plant(tmp_path_factory.mktemp("plant"), mono=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "installation"


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[LineController]:
    listening = LineController(tmp_path / "line-controller.jsonl")
    yield listening
    listening.close()


def start(folder: Path, call: str, *words: str, faults: str = "") -> subprocess.Popen[bytes]:
    """A process that opens the folder, with fault points armed, and runs the call (lines over `ws`)."""
    opening = f"import sys, time, sightloop\nwith sightloop.connect(sys.argv[1], settings={SETTINGS!r}) as ws:\n"
    program = opening + textwrap.indent(textwrap.dedent(call).strip(), "    ")
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), *words],
        env={**os.environ, "SIGHTLOOP_FAULTS": faults, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def die_in(folder: Path, point: str, call: str, *words: str) -> None:
    """Runs the call with the point armed, and asserts that it died there."""
    child = start(folder, call, *words, faults=f"{point}=kill")
    _, said = child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL, said.decode()[-2000:]


@pytest.mark.parametrize("point", ["ingest.after_blobs", "ingest.after_lance", "run.step.before_commit"])
def test_an_ingest_that_was_killed_ends_with_each_image_once(point: str, folder: Path, plant: SmallPlant) -> None:
    die_in(folder, point, INGEST, str(plant.images))
    with sightloop.connect(folder) as ws:
        run = ws.ingest(plant.images, key="ingest")
        assert run.output.ingested + run.output.known == len(plant.labels)
        assert sorted(sample.name for sample in ws.samples.list()) == sorted(plant.labels)
        assert ws.fsck(deep=True).problems == []


def test_a_change_that_was_committed_but_not_acknowledged_is_not_made_twice(folder: Path) -> None:
    die_in(folder, "change.committed", SCHEMA)
    with sightloop.connect(folder) as ws:
        assert ws.schemas.get("cells").version == 1
        assert ws.schemas.create("cells", ["ok", "defect"], key="schema").version == 1
        assert ws.audit.verify().ok
        assert ws.fsck().problems == []


def test_a_change_that_was_not_committed_left_nothing(folder: Path) -> None:
    die_in(folder, "change.before_commit", SCHEMA)
    with sightloop.connect(folder) as ws:
        with pytest.raises(sightloop.SightloopError):
            ws.schemas.get("cells")
        assert ws.schemas.create("cells", ["ok", "defect"], key="schema").version == 1
        assert ws.fsck().problems == []


def test_labels_that_were_acknowledged_before_a_kill_are_all_there(folder: Path, plant: SmallPlant) -> None:
    call = """
    ws.ingest(sys.argv[2])
    ws.schemas.create("cells", ["ok", "defect"])
    for sample in ws.samples.list():
        ws.labels.import_("cells", {sample.id: "ok"}, key=sample.id)
        print(sample.id, flush=True)
    """
    child = start(folder, call, str(plant.images))
    assert child.stdout is not None
    acknowledged = {child.stdout.readline().decode().strip() for _ in range(3)}
    child.kill()
    child.communicate()
    with sightloop.connect(folder) as ws:
        assert acknowledged <= set(ws.labels.heads("cells"))
        assert ws.audit.verify().ok
        assert ws.fsck().problems == []


@pytest.mark.parametrize(("point", "sent"), [("delivery.before_send", 0), ("delivery.after_send", 1)])
def test_a_delivery_that_was_killed_is_acted_on_once(
    point: str, sent: int, folder: Path, controller: LineController
) -> None:
    with sightloop.connect(folder, settings=SETTINGS) as ws:
        controller.trust(ws.webhooks.create(controller.url, events=["sightloop.schema.created"]).secret)
    die_in(folder, point, f"{SCHEMA}\ntime.sleep(60)")
    assert len(controller.actions()) == sent
    with sightloop.connect(folder, settings=SETTINGS) as ws:
        ws.schemas.create("cells", ["ok", "defect"], key="schema")
        until = time.monotonic() + 30
        while [one.state for one in ws.webhooks.deliveries()] != ["delivered"] and time.monotonic() < until:
            time.sleep(0.05)
        assert [one.state for one in ws.webhooks.deliveries()] == ["delivered"]
        assert ws.fsck().problems == []
    assert len(controller.actions()) == 1


def test_a_request_that_outlives_the_serving_process_is_one_prediction(closed: SmallLoop, folder: Path) -> None:
    shutil.copytree(closed.folder, folder)
    image = closed.plant.image(closed.names[closed.budget["mono"]["test"][0]])
    with sightloop.connect(folder, settings={**SETTINGS, "faults": "prediction.logged=kill@2"}) as ws:
        before = {prediction.id for prediction in ws.predictions.list()}
        first = ws.deployments.predict("line-1", image, request_id="first")
        second = ws.deployments.predict("line-1", image, request_id="second")
        again = ws.deployments.predict("line-1", image, request_id="second")
        assert again.prediction_id == second.prediction_id
        logged = [prediction.id for prediction in ws.predictions.list() if prediction.id not in before]
        assert sorted(logged) == sorted([first.prediction_id, second.prediction_id])
        assert ws.fsck().problems == []
