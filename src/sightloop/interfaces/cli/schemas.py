"""schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table, read_mapping
from sightloop.interfaces.sdk import Workspace

schema = Noun("Label schemas: the classes that labels are drawn from.")


@schema.command("create", example="sightloop schema create parts bolt crack --geometry box --geometry polygon")
def create(
    ws: Workspace,
    name: str,
    classes: Annotated[list[str], typer.Argument(help="One or more.")],
    geometry: Annotated[
        list[str] | None, typer.Option(help="class, box, rotated_box, polygon, polyline, mask, keypoints, cuboid.")
    ] = None,
    more: Annotated[Path | None, typer.Option(help="YAML or JSON: colours, skeleton, attributes.")] = None,
) -> Any:
    """Create a label schema, or its next version."""
    given = {} if more is None else read_mapping(more)
    known = {key: given.get(key) for key in ("colours", "skeleton", "attributes")}
    return ws.schemas.create(name, classes, geometry_types=geometry or ("class",), **known)


@schema.command("list", example="sightloop schema list")
def list_schemas(ws: Workspace) -> Any:
    """List label schemas, the newest version of each."""
    return Table(ws.schemas.list(), ("id", "name", "version", "classes"))


@schema.command("show", example="sightloop schema show cells")
def show(ws: Workspace, name: str) -> Any:
    """Show a label schema."""
    return ws.schemas.get(name)
