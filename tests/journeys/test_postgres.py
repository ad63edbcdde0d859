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
from sightloop.app import restore_installation
from sightloop.settings import load_settings
from tests import postgres_server
from tests.journeys.served import Served
from tests.journeys.small_loop import SETTINGS, SmallLoop, close_the_loop, questions
from tests.journeys.small_plant import make_plant

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def closed_on_postgres(
    postgres: postgres_server.Server, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SmallLoop, dict[str, Any]]:
    """A loop that has closed on PostgreSQL, and its settings."""
    home = tmp_path_factory.mktemp("on-postgres")
    settings = {**SETTINGS, "storage": {"records_url": postgres.new_database("closed_loop")}}
    controller = LineController(home / "line-controller.jsonl")
    told = close_the_loop(home / "installation", make_plant(home, mono=160, poly=230), controller, settings=settings)
    controller.close()
    return told, settings


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_the_loop_closes_on_postgresql_as_on_sqlite(closed_on_postgres: tuple[SmallLoop, dict[str, Any]]) -> None:
    told, _ = closed_on_postgres
    assert (told.cycle.state, told.at_reopening == told.at_close, told.silent) == ("done", True, 0)
    assert (told.problems, told.audit_ok, told.budget_broken, told.share) == ([], True, [], 1.0)
    assert [same for _, same in told.replays if not same] == []
    assert not (told.folder / "sightloop.db").exists()


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_loop_that_closed_on_postgresql_answers_the_same_from_another_database(
    closed_on_postgres: tuple[SmallLoop, dict[str, Any]], postgres: postgres_server.Server, tmp_path: Path
) -> None:
    told, settings = closed_on_postgres
    with sightloop.connect(told.folder, settings=settings) as ws:
        backup = told.folder / "backups" / ws.backups.create().output.id
        before = questions(ws)
    other = {**SETTINGS, "storage": {"records_url": postgres.new_database("restored_loop")}}
    restore_installation(backup, tmp_path / "restored", load_settings(tmp_path / "restored", other))
    with sightloop.connect(tmp_path / "restored", settings=other) as ws:
        assert questions(ws) == before
        sample = told.budget["poly"]["test"][0]
        assert ws.deployments.predict("line-1", told.plant.image(told.names[sample])).model_version == told.v1
        assert list(ws.fsck(deep=True).problems) == []


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
