"""Recovery: what was under way goes on, and what was finished is not done again."""

from __future__ import annotations

import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records
from tests.journeys.crash_process import run as run_process
from tests.specs.runs.conftest import ADMIN
from tests.specs.runs.counting import count


def counted(folder: Path, faults: str, wait_s: float = 60) -> tuple[int, Any]:
    """The exit code of a process that did or took up the run, and the output, or why there is none."""
    return run_process(count, folder, faults, wait_s, answer=folder / f"answer-{len([*folder.glob('answer-*')])}")


@pytest.mark.crash
@pytest.mark.parametrize(
    ("fault", "done"),
    [
        ("change.before_commit=kill", "abc"),
        ("run.registered=kill", "abc"),
        ("run.step.before_commit=kill@2", "abbc"),
        ("run.step.committed=kill@2", "abc"),
        ("change.committed=kill@2", "abc"),
    ],
)
def test_a_killed_run_goes_on_and_redoes_only_the_step_that_was_under_way(
    tmp_path: Path, fault: str, done: str
) -> None:
    killed, said = counted(tmp_path, fault)
    assert killed == -signal.SIGKILL, said
    assert counted(tmp_path, "") == (0, {"ok": True})
    records = Records(f"sqlite:///{tmp_path}/sightloop.db")
    events = Events(records)
    (run,) = Runs(records, events, tmp_path / "runs.db").list(ADMIN)
    links = Runs(records, events, tmp_path / "runs.db").links(ADMIN, run=run.id)
    told = [event["type"] for event in events.since("default", 0)]
    records.close()
    assert ((tmp_path / "done.txt").read_text(), [link.artifact for link in links], told) == (
        done,
        ["smp_a", "smp_b", "smp_c"],
        ["sightloop.run.started", "sightloop.run.succeeded"],
    )


def test_a_closed_installation_leaves_its_runs_to_the_next_launch(runs: Runs) -> None:
    began, go_on, passes = threading.Event(), threading.Event(), []

    def work(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        context.step("first", lambda: passes.append("first"))
        began.set()
        go_on.wait(20.0)
        context.step("second", lambda: passes.append("second"))
        return {}

    runs.register("work", work)
    runs.launch()
    started = runs.start(ADMIN, "work", {})
    began.wait(20.0)
    threading.Timer(0.2, go_on.set).start()
    runs.close()
    runs.launch()
    runs.wait(ADMIN, started.id)
    assert passes == ["first", "second"]


def test_a_failed_step_stays_failed_on_a_second_pass(runs: Runs) -> None:
    began, go_on, tries = threading.Event(), threading.Event(), []

    def divide() -> float:
        tries.append(1)
        return 1 / 0

    def work(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        try:
            context.step("divide", divide)
        except Exception as error:
            told = str(error)
        began.set()
        go_on.wait(20.0)
        context.pause_point()
        return {"told": told}

    runs.register("work", work)
    runs.launch()
    started = runs.start(ADMIN, "work", {})
    began.wait(20.0)
    threading.Timer(0.2, go_on.set).start()
    runs.close()
    runs.launch()
    run = runs.wait(ADMIN, started.id)
    assert (len(tries), run.output) == (1, {"told": 'The step "divide" failed with ZeroDivisionError.'})


@pytest.mark.crash
def test_a_run_that_took_the_process_down_too_often_is_ended_as_failed(tmp_path: Path) -> None:
    counted(tmp_path, "run.step.before_commit=kill")
    with closing(sqlite3.connect(tmp_path / "runs.db")) as database, database:
        database.execute("UPDATE workflow_status SET recovery_attempts = 99")
    counted(tmp_path, "", wait_s=3)
    assert "The run ended without a result." in counted(tmp_path, "")[1]
