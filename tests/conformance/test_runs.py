"""Runs: finished steps never run again, whatever dies, on every database."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records
from tests.conformance.conftest import ADMIN

WORK = Path(__file__).with_name("work.py")


def work(address: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a process did that opened the records and saw the one run through."""
    arguments = [sys.executable, str(WORK), address, str(folder), *words]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=90)


def test_a_run_ends_with_the_output_of_its_function_and_its_lineage(
    records: Records, events: Events, tmp_path: Path
) -> None:
    runs = Runs(records, events, tmp_path / "runs.db", cores=2)

    def double(context: RunContext, params: dict[str, int]) -> dict[str, int]:
        context.uses("sample", "smp_1")
        return {"doubled": context.step("double", lambda: params["number"] * 2)}

    runs.register("double", double)
    runs.launch()
    run = runs.wait(ADMIN, runs.start(ADMIN.keyed("k"), "double", {"number": 21}).id)
    again = runs.start(ADMIN.keyed("k"), "double", {"number": 21})
    linked = [link.artifact for link in runs.links(ADMIN, run=run.id)]
    runs.close()
    assert (run.output, again.id, linked) == ({"doubled": 42}, run.id, ["smp_1"])


@pytest.mark.crash
@pytest.mark.parametrize(
    ("fault", "done"), [("run.step.before_commit=kill@2", "abbc"), ("change.committed=kill@2", "abc")]
)
def test_a_killed_run_goes_on_and_redoes_only_the_step_that_was_under_way(
    address: str, records: Records, events: Events, tmp_path: Path, fault: str, done: str
) -> None:
    killed = work(address, tmp_path, "control", fault)
    again = work(address, tmp_path, "control")
    assert (killed.returncode, again.stdout) == (-signal.SIGKILL, "{'ok': True}\n"), again.stderr[-2000:]
    (run,) = Runs(records, events, tmp_path / "runs.db").list(ADMIN)
    told = [event["type"] for event in events.since("default", 0)]
    assert ((tmp_path / "done.txt").read_text(), run.state, told) == (
        done,
        "succeeded",
        ["sightloop.run.started", "sightloop.run.succeeded"],
    )
