"""policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table, read_file
from sightloop.interfaces.sdk import Workspace

policy = Noun("Policies: declared rules of the loop.")


@policy.command("apply", example="sightloop policy apply keep-up.yaml")
def apply(ws: Workspace, path: Path) -> Any:
    """Create or replace a policy from a YAML file."""
    return ws.policies.apply(read_file(path).decode(errors="replace"))


@policy.command("list", example="sightloop policy list")
def list_policies(ws: Workspace) -> Any:
    """List policies."""
    return Table(ws.policies.list(), ("id", "name", "number", "enabled"))


@policy.command("show", example="sightloop policy show keep-up")
def show(ws: Workspace, name: str) -> Any:
    """Show a policy."""
    return ws.policies.get(name)


@policy.command("dry-run", example="sightloop policy dry-run keep-up")
def dry_run(ws: Workspace, name: str) -> Any:
    """Show what a policy would do on the newest alert, and what it would cost."""
    return ws.policies.dry_run(name)


@policy.command("stop", example="sightloop policy stop keep-up")
def stop(ws: Workspace, name: Annotated[str, typer.Argument(help="Which; every one if none is named.")] = "") -> Any:
    """Stop a policy, or every automatic act in the workspace."""
    return ws.policies.stop(name or None)


@policy.command("enable", example="sightloop policy enable keep-up")
def enable(ws: Workspace, name: Annotated[str, typer.Argument(help="Which; the workspace if none.")] = "") -> Any:
    """Let a policy, or the workspace after the kill switch, act again."""
    return ws.policies.enable(name or None)
