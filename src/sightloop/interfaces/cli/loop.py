"""loop."""

from __future__ import annotations

from typing import Any

from sightloop.interfaces.cli.commanding import Noun, Table
from sightloop.interfaces.sdk import Workspace

loop = Noun("The loop: what the policies drive.")


@loop.command("tick", example="sightloop loop tick")
def tick(ws: Workspace) -> Any:
    """Take one look: import predictions, raise alerts, advance cycles."""
    return ws.loop.tick()


@loop.command("cycles", example="sightloop loop cycles")
def cycles(ws: Workspace) -> Any:
    """List cycles."""
    return Table(ws.loop.cycles(), ("id", "policy", "state", "alert"))


@loop.command("show", example="sightloop loop show cyc_01h...")
def show(ws: Workspace, cycle: str) -> Any:
    """Show a cycle with what each phase did."""
    return ws.loop.cycle(cycle)


@loop.command("resume", example="sightloop loop resume cyc_01h...")
def resume(ws: Workspace, cycle: str) -> Any:
    """Set a failed, stopped or refused cycle back to where it ended."""
    return ws.loop.resume(cycle)


@loop.command("cancel", example="sightloop loop cancel cyc_01h...")
def cancel(ws: Workspace, cycle: str) -> Any:
    """Stop a cycle."""
    return ws.loop.cancel(cycle)
