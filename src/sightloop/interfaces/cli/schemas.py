"""schema."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table
from sightloop.interfaces.sdk import Workspace

schema = Noun("Label schemas: the classes that labels are drawn from.")


@schema.command("create", example="sightloop schema create cells ok defect")
def create(ws: Workspace, name: str, classes: Annotated[list[str], typer.Argument(help="Two or more.")]) -> Any:
    """Create a label schema, or its next version."""
    return ws.schemas.create(name, classes)


@schema.command("list", example="sightloop schema list")
def list_schemas(ws: Workspace) -> Any:
    """List label schemas, the newest version of each."""
    return Table(ws.schemas.list(), ("id", "name", "version", "classes"))


@schema.command("show", example="sightloop schema show cells")
def show(ws: Workspace, name: str) -> Any:
    """Show a label schema."""
    return ws.schemas.get(name)
