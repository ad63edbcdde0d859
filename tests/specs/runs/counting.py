"""A run of three steps under a fixed key, in a process that may be killed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from sightloop.domain import Caller, Role
from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records, configure_faults


def count(folder: Path, faults: str, wait_s: float) -> dict[str, Any]:
    """The output of the run, which notes its steps in done.txt."""
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    runs = Runs(records, Events(records), folder / "runs.db")
    caller = Caller("default", "usr_ada", Role.ADMIN).keyed("the one run")

    def note(name: str) -> str:
        with (folder / "done.txt").open("a") as file:
            file.write(name)
        return name

    def work(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        for name in "abc":
            context.step(name, partial(note, name))
            context.uses("sample", f"smp_{name}")
        return {"ok": True}

    runs.register("count", work)
    configure_faults(faults)
    runs.launch()
    output = dict(runs.wait(caller, runs.start(caller, "count", {}).id, wait_s).output)
    runs.close()
    records.close()
    return output
