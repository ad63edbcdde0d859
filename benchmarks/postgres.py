"""What a change costs on PostgreSQL against SQLite: `python -m benchmarks.postgres`.

One change is what every click does: a unit of work with one event, its audit entry and the heads of both, made durable
(fsync on, synchronous=FULL and synchronous_commit=on). Both databases lie on the same disk and take turns in rounds, so
that what else the machine does falls on both. Also: the same from four threads (writers take turns on both), a read of
the newest 100 events, and what one writing transaction costs without and within a run, whose token it checks.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.results import keep
from sightloop.domain import Caller, Role
from sightloop.events import Events
from sightloop.runs.fencing import claim, holding, refuse_late_writes
from sightloop.storage import Records, metadata
from tests import postgres_server

ROUNDS = 5
CHANGES = 10
CALLER = Caller("default", "usr_bench", Role.ADMIN)
RUN: dict[str, Any] = {
    "workspace_id": "default", "id": "run_bench", "sequence": 1, "kind": "bench", "state": "running", "params": {},
    "resources": {}, "progress": {}, "output": {}, "error": {}, "actor": "usr_bench", "role": "admin", "trace_id": "",
    "code_version": "", "started_at": "", "ended_at": "",
}  # fmt: skip


def main() -> None:
    """Keeps the medians of the rounds, in milliseconds a change, and the ratio of the two databases."""
    with tempfile.TemporaryDirectory() as folder, postgres_server.running() as server:
        houses = {
            "sqlite": Records(f"sqlite:///{Path(folder)}/sightloop.db"),
            "postgresql": Records(server.new_database("bench")),
        }
        ms: dict[str, dict[str, list[float]]] = {}
        for records in houses.values():
            records.migrate()
            records.before_each_write(refuse_late_writes)
            with records.write() as connection:
                connection.execute(sa.insert(metadata.tables["runs"]).values(RUN))
        for number in range(ROUNDS + 1):
            for name, records in houses.items():
                for what, figure in _round(records).items():
                    if number:  # the first warms both up
                        ms.setdefault(what, {}).setdefault(name, []).append(figure)
        for records in houses.values():
            records.close()
    figures = {
        what: {name: round(statistics.median(of), 3) for name, of in found.items()} for what, found in ms.items()
    }
    for found in figures.values():
        found["ratio"] = round(found["postgresql"] / found["sqlite"], 2)
    print(figures)
    keep("postgres", {"ms": figures, "rounds": ROUNDS, "changes_a_round": CHANGES, "load": os.getloadavg()[0]})


def _round(records: Records) -> dict[str, float]:
    events = Events(records)
    token = claim(records, "default", "run_bench", "bench", lambda: True)

    def change() -> None:
        with events.change(CALLER, "bench.write", "ben_1") as one:
            one.emit("sightloop.bench.written", {"text": "x" * 100})

    def changes() -> None:
        for _ in range(CHANGES):
            change()

    def in_a_run() -> None:
        with holding(token):
            changes()

    def at_once() -> None:
        threads = [threading.Thread(target=changes) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return {
        "change": _ms(changes, CHANGES),
        "change_in_a_run": _ms(in_a_run, CHANGES),
        "change_of_four_threads": _ms(at_once, 4 * CHANGES),
        "read_100_events": _ms(lambda: events.since("default", 0, 100), 1),
    }


def _ms(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000 / count


if __name__ == "__main__":
    main()
