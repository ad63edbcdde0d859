"""The same loop on PostgreSQL, and a worker beside the server that dies in its midst."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sightloop
from examples.solar_cells.line_controller import LineController
from tests.journeys.served import Served
from tests.journeys.small_loop import SETTINGS, close_the_loop
from tests.journeys.small_plant import make_plant

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]


@pytest.mark.soak
def test_the_loop_closes_on_postgresql_as_on_sqlite(postgres_url: str, tmp_path: Path) -> None:
    controller = LineController(tmp_path / "line-controller.jsonl")
    settings = {**SETTINGS, "storage": {"records_url": postgres_url}}
    told = close_the_loop(
        tmp_path / "installation", make_plant(tmp_path, mono=160, poly=230), controller, settings=settings
    )
    controller.close()
    assert (told.cycle.state, told.at_reopening == told.at_close, told.silent) == ("done", True, 0)
    assert (told.problems, told.audit_ok, told.budget_broken, told.share) == ([], True, [], 1.0)
    assert [same for _, same in told.replays if not same] == []
    assert not (tmp_path / "installation" / "sightloop.db").exists()


@pytest.mark.crash
def test_an_ingest_whose_worker_was_killed_is_finished_by_another(postgres_url: str, tmp_path: Path) -> None:
    plant, folder = make_plant(tmp_path, mono=8), tmp_path / "installation"
    settings = {"SIGHTLOOP_STORAGE__RECORDS_URL": postgres_url, "SIGHTLOOP_RUNS__LEASE_S": "3"}

    def hire(name: str, **more: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "sightloop", "worker", str(folder), "--name", name]
        started = subprocess.Popen(words, env={**os.environ, **settings, **more}, stderr=subprocess.PIPE, text=True)
        assert started.stderr is not None
        started.stderr.readline()
        return started

    server = Served(folder, environment={**settings, "SIGHTLOOP_RUNS__CORES": "0"})
    try:
        first = hire("ann", SIGHTLOOP_FAULTS="ingest.after_lance=kill")
        with sightloop.connect(folder) as ws:
            run = ws.ingest(plant.images, wait=False)
            assert first.wait(120) == -signal.SIGKILL
            second = hire("bob")
            ended: Any = ws.runs.wait(run.id, timeout_s=120)
            assert ended.output.ingested + ended.output.known == len(plant.labels)
            assert sorted(sample.name for sample in ws.samples.list()) == sorted(plant.labels)
            assert (ws.fsck(deep=True).problems, ws.audit.verify().ok) == ([], True)
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
    finally:
        server.stop()
