"""run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Limit, Noun, Table, progress
from sightloop.interfaces.sdk import Workspace

run = Noun("Runs: executions of work.")


@run.command("list", example="sightloop run list --kind ingest")
def list_runs(ws: Workspace, kind: Annotated[str, typer.Option(help="Of this kind.")] = "", limit: Limit = 20) -> Any:
    """List runs, newest first."""
    return Table(ws.runs.list(kind=kind or None, limit=limit), ("id", "kind", "state", "started_at", "progress"))


@run.command("show", example="sightloop run show run_01h...")
def show(ws: Workspace, run: str) -> Any:
    """Show a run."""
    return ws.runs.get(run)


@run.command("cancel", example="sightloop run cancel run_01h...")
def cancel(ws: Workspace, run: str) -> Any:
    """Cancel a run that has not ended; its work stops at its next step."""
    return ws.runs.cancel(run)


@run.command("wait", example="sightloop run wait run_01h...")
def wait(
    ws: Workspace, run: str, timeout_s: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 3600.0
) -> Any:
    """Wait until a run ends."""
    with progress("Waiting") as follow:
        return ws.runs.wait(run, timeout_s=timeout_s, progress=follow)
