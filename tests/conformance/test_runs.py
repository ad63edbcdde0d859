"""Runs: finished steps never run again, whatever dies, on every database."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records
from tests.conformance.conftest import ADMIN
from tests.conformance.work import work
from tests.journeys.crash_process import run as in_process


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
    killed, said = in_process(work, address, str(tmp_path), "control", fault, answer=tmp_path / "killed.json")
    assert killed == -signal.SIGKILL, said
    again = in_process(work, address, str(tmp_path), "control", answer=tmp_path / "again.json")
    assert again == (0, {"ok": True})
    (run,) = Runs(records, events, tmp_path / "runs.db").list(ADMIN)
    told = [event["type"] for event in events.since("default", 0)]
    assert ((tmp_path / "done.txt").read_text(), run.state, told) == (
        done,
        "succeeded",
        ["sightloop.run.started", "sightloop.run.succeeded"],
    )
