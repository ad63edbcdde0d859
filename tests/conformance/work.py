"""A process that carries out runs: `work.py ADDRESS FOLDER NAME [FAULTS [LEASE_S [CORES]]]`.

"control" starts the one run and returns its output; any other name works until its standard input ends. Step b waits
while FOLDER/hold exists, with a change before and a change behind the wait.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from sightloop.domain import Caller, Role, new_id
from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records, configure_faults


def work(address: str, home: str, name: str, faults: str = "", lease_s: str = "15", cores: str = "1") -> Any:
    """The output of the one run where the name is "control"; None, when it ends, for a worker of another name."""
    folder, output = Path(home), None
    records = Records(address, session=new_id("wrk"))
    records.migrate()
    events = Events(records)
    runs = Runs(records, events, folder / "runs.db", cores=float(cores), name=name, lease_s=float(lease_s))
    admin = Caller("default", "usr_ada", Role.ADMIN)

    def write(step: str) -> None:
        with (folder / "done.txt").open("a") as file:
            file.write(step)

    def note(context: RunContext, step: str) -> str:
        write(step)
        (folder / f"in-{step}-{name}").write_text(str(os.getpid()))
        while step == "b" and (folder / "hold").exists():
            time.sleep(0.02)
        try:
            with events.change(context.caller, "note.write", f"not_{step}") as change:
                change.emit("sightloop.note.written", {"by": name})
        except BaseException as error:
            (folder / f"refused-{step}-{name}").write_text(type(error).__name__)
            raise
        return step

    def count(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        for step in "abc":
            context.step(step, partial(note, context, step))
            context.uses("sample", f"smp_{step}")
        return {"ok": True}

    def plain(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        for step in "abc":
            context.step(step, partial(write, step))
        return {"ok": True}

    runs.register("noted", count)
    runs.register("count", plain)
    configure_faults(faults)
    runs.launch()
    if name == "control":
        output = dict(runs.wait(admin, runs.start(admin.keyed("the one run"), "count", {}).id, 60.0).output)
    else:
        print("works", flush=True)
        sys.stdin.read()
    runs.close()
    records.close()
    return output


if __name__ == "__main__":
    work(*sys.argv[1:])
