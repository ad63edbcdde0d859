"""key, workspace."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table
from sightloop.interfaces.sdk import Workspace

key = Noun("API keys of the workspace.")
workspace = Noun("Workspaces: the tenants of the installation.")


@key.command("create", example="sightloop key create labeler --name anna --days 90")
def create(
    ws: Workspace,
    role: Annotated[str, typer.Argument(help="predictor, pusher, viewer, labeler, engineer or admin.")],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    days: Annotated[int | None, typer.Option(help="Valid for so many days; for ever if not given.")] = None,
    deployment: Annotated[str, typer.Option(help="The only deployment that a predictor may ask.")] = "",
) -> Any:
    """Create an API key; it is shown this once."""
    return ws.keys.create(role, name=name, days=days, deployment=deployment)


@key.command("list", example="sightloop key list")
def list_keys(ws: Workspace) -> Any:
    """List API keys."""
    return Table(
        ws.keys.list(), ("id", "name", "role", "deployment", "made_at", "expires_at", "last_used", "revoked_at")
    )


@key.command("revoke", example="sightloop key revoke key_01h...")
def revoke(ws: Workspace, api_key: Annotated[str, typer.Argument(help="Its id.")]) -> Any:
    """Revoke an API key."""
    return ws.keys.revoke(api_key)


@workspace.command("create", example="sightloop workspace create plant-2")
def create_workspace(ws: Workspace, name: str) -> Any:
    """Create a workspace; the key of its first admin is shown this once."""
    return ws.workspaces.create(name)


@workspace.command("list", example="sightloop workspace list")
def list_workspaces(ws: Workspace) -> Any:
    """List workspaces."""
    return Table(ws.workspaces.list(), ("id", "name"))
