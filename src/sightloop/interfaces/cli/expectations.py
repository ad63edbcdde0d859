"""expectations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.errors import NotFound
from sightloop.interfaces.cli.commanding import Noun, Table
from sightloop.interfaces.sdk import Workspace

expectations = Noun("Expectations: what samples are to be like, at ingest and at commit.")
File = Annotated[Path, typer.Argument(help="YAML: source or dataset, and the rules under expect.")]
_REPORT = ("rule", "otherwise", "checked", "broken", "where")


@expectations.command("set", example="sightloop expectations set line-2.yaml")
def set_(ws: Workspace, file: File) -> Any:
    """Put rules in force for a source, a dataset, or every source."""
    return ws.expectations.set(file)


@expectations.command("list", example="sightloop expectations list")
def list_expectations(ws: Workspace) -> Any:
    """List the rules in force."""
    return Table(ws.expectations.list(), ("id", "scope", "number", "digest", "made_at"))


@expectations.command("show", example="sightloop expectations show source:line-2")
def show(ws: Workspace, which: Annotated[str, typer.Argument(help="source:NAME, dataset:NAME, all, or an id.")]) -> Any:
    """Show rules, by scope or by id."""
    return _found(ws, which)


@expectations.command("check", example="sightloop expectations check line-2.yaml")
def check(ws: Workspace, rules: Annotated[str, typer.Argument(help="A file, a scope, or an id.")]) -> Any:
    """Try rules over the samples that are there; nothing is changed."""
    path = Path(rules)
    return Table(ws.expectations.check(path if path.is_file() else _found(ws, rules).text), _REPORT)


def _found(ws: Workspace, which: str) -> Any:
    scope = "" if which == "all" else which
    in_force = {one.scope: one for one in ws.expectations.list()}
    if scope in in_force:
        return in_force[scope]
    if which.startswith("exp_"):
        return ws.expectations.get(which)
    raise NotFound(f'Nothing is expected of "{which}".', hint="List them: sightloop expectations list")
