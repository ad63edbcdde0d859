"""Commands on what samples are of."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table
from sightloop.interfaces.sdk import Workspace

entity = Noun("Entities: cameras, assets, persons and work orders behind samples.")


@entity.command("list", example="sightloop entity list camera")
def list_entities(
    ws: Workspace,
    kind: Annotated[str, typer.Argument(help="camera, asset, person or work_order; all if not given.")] = "",
) -> Any:
    """List what samples are of, with all its names."""
    return Table(ws.entities.list(kind or None), ("id", "kind", "name", "samples", "names"))


@entity.command("rules", example="sightloop entity rules")
def rules(ws: Workspace) -> Any:
    """List which field names entities of which kind."""
    return Table(ws.entities.rules(), ("field", "kind"))


@entity.command("rule", example="sightloop entity rule line camera")
def rule(ws: Workspace, field: str, kind: str) -> Any:
    """Let a field name cameras, assets, persons or work orders; "none" takes the rule away."""
    return Table(ws.entities.set_rule(field, "" if kind == "none" else kind)["items"], ("field", "kind"))


@entity.command("merge", example="sightloop entity merge camera cam-1 north-gate")
def merge(ws: Workspace, kind: str, name: str, into: str) -> Any:
    """Let a name mean another entity of its kind."""
    return ws.entities.merge(kind, name, into)


@entity.command("split", example="sightloop entity split camera cam-1")
def split(ws: Workspace, kind: str, name: str) -> Any:
    """Take a merge back."""
    return Table(ws.entities.split(kind, name)["items"], ("id", "kind", "name", "samples", "names"))
