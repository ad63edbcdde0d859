"""transform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table, parse_filter, progress
from sightloop.interfaces.sdk import Workspace

transform = Noun("Transforms: what is done to pictures before a model sees them.")


@transform.command("set", example="sightloop transform set cells.yaml")
def set_(ws: Workspace, file: Annotated[Path, typer.Argument(help="YAML: name, and steps.")]) -> Any:
    """Declare a transform, or its next version."""
    return ws.transforms.set(file)


@transform.command("list", example="sightloop transform list")
def list_transforms(ws: Workspace) -> Any:
    """List transforms, every version."""
    return Table(ws.transforms.list(), ("name", "number", "steps"))


@transform.command("show", example="sightloop transform show cells@2")
def show(ws: Workspace, name: str) -> Any:
    """Show a transform; a name means its newest version."""
    return ws.transforms.get(name)


@transform.command("backfill", example="sightloop transform backfill cells --where source=line-2")
def backfill(
    ws: Workspace,
    name: str,
    where: Annotated[str, typer.Option(help='Of these samples: "cell_type=mono", or JSON.')] = "",
    wait: Annotated[bool, typer.Option(help="Return when it has ended.")] = True,
) -> Any:
    """Make of samples what the transform has not made yet."""
    run = ws.transforms.backfill(name, where=parse_filter(where))
    if not wait:
        return run
    with progress("Transforming") as follow:
        return ws.runs.wait(run, progress=follow)
