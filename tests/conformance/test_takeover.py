"""Two workers, one dead or slow: its runs are taken over, and what it still writes is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sightloop.domain import Run, new_id
from sightloop.errors import Locked
from sightloop.events import Events
from sightloop.runs import Runs
from sightloop.storage import Records
from tests.conformance.conftest import ADMIN

LEASE_S = 3.0
WORK = Path(__file__).with_name("work.py")
pytestmark = [pytest.mark.crash, pytest.mark.timeout(170)]


class Plant:
    """A control process that leaves runs to others (this process), and workers."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder
        self.records = Records(address, session=new_id("wrk"))
        self.events = Events(self.records)
        self.runs = Runs(self.records, self.events, folder / "unused", cores=0, lease_s=LEASE_S)
        self.runs.register("noted", lambda _context, _params: {})
        self.runs.launch()
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def hire(self, name: str) -> None:
        words = [sys.executable, str(WORK), self.address, str(self.folder), name, "", str(LEASE_S)]
        self.workers[name] = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.workers[name].stdout.readline() == b"works\n"  # type: ignore[union-attr]

    def held_run(self) -> tuple[Run, str]:
        """A run in the midst of its step b, and the worker that is at it."""
        (self.folder / "hold").touch()
        run = self.runs.start(ADMIN, "noted", {})
        wait_for(lambda: [*self.folder.glob("in-b-*")])
        return run, next(self.folder.glob("in-b-*")).name.removeprefix("in-b-")

    def let_go(self, run: Run) -> Run:
        """The run at its end, after its step b was let go."""
        (self.folder / "hold").unlink()
        return self.runs.wait(ADMIN, run.id, 90.0)

    def told(self) -> list[tuple[str, str]]:
        """What was told: the type of each event with who told it."""
        return [
            (event["type"].removeprefix("sightloop."), event["data"].get("by", ""))
            for event in self.events.since("default", 0)
        ]

    def close(self) -> None:
        for worker in self.workers.values():
            worker.kill()
            worker.communicate()
        self.runs.close()
        self.records.close()


@pytest.fixture
def plant(postgres_url: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(postgres_url, tmp_path)
    yield made
    made.close()


def wait_for(found: Callable[[], object], timeout_s: float = 90.0) -> None:
    until = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


def expected(first: str, second: str) -> list[tuple[str, str]]:
    notes = [("note.written", by) for by in (first, second, second)]
    return [("run.started", ""), *notes, ("run.succeeded", "")]


def test_a_worker_that_was_killed_is_followed_by_another(plant: Plant) -> None:
    plant.hire("ann")
    plant.hire("bob")
    run, first = plant.held_run()
    plant.workers[first].kill()
    second = "bob" if first == "ann" else "ann"
    ended = plant.let_go(run)
    assert (ended.output, plant.told()) == ({"ok": True}, expected(first, second))
    assert plant.events.audit_verify("default").ok


def test_a_worker_that_was_stopped_beyond_its_lease_writes_nothing_more_in_the_name_of_its_run(plant: Plant) -> None:
    plant.hire("ann")
    plant.hire("bob")
    run, first = plant.held_run()
    os.kill(plant.workers[first].pid, signal.SIGSTOP)
    second = "bob" if first == "ann" else "ann"
    wait_for(lambda: (plant.folder / f"in-b-{second}").exists())
    ended = plant.let_go(run)
    os.kill(plant.workers[first].pid, signal.SIGCONT)
    refused = plant.folder / f"refused-b-{first}"
    wait_for(lambda: refused.exists() and refused.read_text())
    assert (ended.output, refused.read_text(), plant.told()) == ({"ok": True}, "Superseded", expected(first, second))
    assert plant.events.audit_verify("default").ok
    assert (plant.folder / "done.txt").read_text() == "abbc"


def test_a_run_that_is_cancelled_while_a_worker_is_at_it_writes_nothing_more(plant: Plant) -> None:
    plant.hire("ann")
    run, _ = plant.held_run()
    plant.runs.cancel(ADMIN, run.id)
    (plant.folder / "hold").unlink()
    refused = plant.folder / "refused-b-ann"
    wait_for(lambda: refused.exists() and refused.read_text())
    another = plant.runs.start(ADMIN, "noted", {})
    assert plant.runs.wait(ADMIN, another.id, 90.0).output == {"ok": True}
    assert (refused.read_text(), plant.runs.get(ADMIN, run.id).state) == ("Superseded", "cancelled")
    assert (plant.folder / "done.txt").read_text() == "ababc"


def test_a_worker_that_comes_back_works_again(plant: Plant) -> None:
    plant.hire("ann")
    os.kill(plant.workers["ann"].pid, signal.SIGSTOP)
    wait_for(lambda: len(plant.runs._register.living()) == 1)  # type: ignore[union-attr]
    os.kill(plant.workers["ann"].pid, signal.SIGCONT)
    run = plant.runs.start(ADMIN, "noted", {})
    assert plant.runs.wait(ADMIN, run.id, 90.0).output == {"ok": True}


def test_two_live_workers_do_not_go_by_one_name(plant: Plant) -> None:
    second = Records(plant.address, session=new_id("wrk"))
    with pytest.raises(Locked, match="control"):
        Runs(second, Events(second), plant.folder / "unused", lease_s=LEASE_S)._register.enter()  # type: ignore[union-attr]
    second.close()
