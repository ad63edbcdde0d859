"""dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Seed, Table, parse_filter, parse_shares, read_file
from sightloop.interfaces.sdk import Workspace

dataset = Noun("Datasets and their immutable versions, named like cells@3 or cells@latest.")
_COLUMNS = ("id", "number", "branch", "counts", "hash", "note")
Branch = Annotated[str, typer.Option(help="A branch of the dataset.")]


@dataset.command("create", example="sightloop dataset create cells --schema cells")
def create(ws: Workspace, name: str, schema: Annotated[str, typer.Option(help="Its label schema.")]) -> Any:
    """Create an empty dataset."""
    return ws.datasets.create(name, schema=schema)


@dataset.command("list", example="sightloop dataset list")
def list_datasets(ws: Workspace) -> Any:
    """List datasets."""
    return Table(ws.datasets.list(), ("id", "name", "schema"))


@dataset.command("commit", example="sightloop dataset commit cells --where cell_type=mono --splits train=0.8,val=0.2")
def commit(
    ws: Workspace,
    name: str,
    where: Annotated[str, typer.Option(help='Samples to add: "cell_type=mono", or JSON.')] = "",
    splits: Annotated[str, typer.Option(help='Shares: "train=0.8,val=0.2".')] = "",
    strata: Annotated[list[str] | None, typer.Option(help="Metadata fields kept in proportion.")] = None,
    seed: Seed = 0,
    note: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
    accept_leaks: Annotated[str, typer.Option(help="Why kin may stand in training and in another split.")] = "",
    branch: Branch = "main",
) -> Any:
    """Freeze a new version; near-duplicates, and samples of one medium, group, subject or entity, stay together."""
    return ws.datasets.get(name).commit(
        where=parse_filter(where), splits=parse_shares(splits), strata=strata or (), seed=seed, note=note,
        branch=branch, accept_leaks=accept_leaks,
    )  # fmt: skip


@dataset.command("branch", example="sightloop dataset branch cells relabelled --at 3")
def branch(
    ws: Workspace,
    name: str,
    branch: str,
    at: Annotated[str, typer.Option(help="The version where it begins; the newest of main by default.")] = "",
) -> Any:
    """Begin a line of versions of its own; its newest is NAME@BRANCH."""
    return ws.datasets.get(name).branch(branch, at)


@dataset.command("branches", example="sightloop dataset branches cells")
def branches(ws: Workspace, name: str) -> Any:
    """List branches with their newest versions."""
    return Table(ws.datasets.get(name).branches(), ("name", "number", "head", "began"))


@dataset.command("merge", example="sightloop dataset merge cells relabelled --into main")
def merge(
    ws: Workspace,
    name: str,
    source: str,
    into: Branch = "main",
    prefer: Annotated[str, typer.Option(help='Where both placed a sample: "ours" (of --into) or "theirs".')] = "",
) -> Any:
    """Take what a branch changed into another one; say which samples both placed differently."""
    return ws.datasets.get(name).merge(source, into=into, prefer=prefer or None)


@dataset.command("rollback", example="sightloop dataset rollback cells 3")
def rollback(ws: Workspace, name: str, to: str, branch: Branch = "main") -> Any:
    """Make a new version that holds what an older one does."""
    return ws.datasets.get(name).rollback(to, branch=branch)


@dataset.command("versions", example="sightloop dataset versions cells")
def versions(ws: Workspace, name: str) -> Any:
    """List the versions of a dataset."""
    return Table(ws.datasets.get(name).versions(), _COLUMNS)


@dataset.command("diff", example="sightloop dataset diff cells@1 cells@2")
def diff(ws: Workspace, a: str, b: str) -> Any:
    """Show what changed from one version to another."""
    return ws.datasets.diff(a, b)


@dataset.command("label-errors", example="sightloop dataset label-errors cells@latest")
def label_errors(ws: Workspace, version: str) -> Any:
    """Rank the labels that are probably wrong."""
    found = ws.find_label_errors(version).output
    return Table(found.suspects, ("sample", "label", "suggested", "score", "quality"))


@dataset.command("export", example="sightloop dataset export cells@latest coco cells.zip")
def export(ws: Workspace, version: str, format: str, path: Path) -> Any:
    """Write a version as an archive in one of the label formats; say what it cannot keep."""
    losses = [f"{one.count} times: {one.what}" for one in ws.datasets.losses(version, format)]
    return {"file": str(ws.datasets.export(version, format, path)), "losses": losses}


@dataset.command("formats", example="sightloop dataset formats")
def formats(ws: Workspace) -> Any:
    """List the label formats of export and import."""
    return Table(ws.datasets.formats(), ("name", "title", "keeps"))


@dataset.command("import", example="sightloop dataset import cells labels.csv --format csv")
def import_(
    ws: Workspace,
    schema: str,
    path: Path,
    format: Annotated[str, typer.Option(help="One of: sightloop dataset formats.")] = "csv",
) -> Any:
    """Import labels and objects of known samples from a file or an archive."""
    return ws.labels.import_(schema, read_file(path), format=format)
