"""train, model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Alias, Noun, Table, command, progress, read_file, read_mapping
from sightloop.interfaces.sdk import Workspace

model = Noun("Models and their versions, named like cells@3 or cells@champion.")


def register(app: typer.Typer) -> None:
    """Adds the command that stands at the top of the tree."""
    command(app, "train", example="sightloop train cells --dataset cells@latest --test cells-test@latest")(train)


def train(
    ws: Workspace,
    name: Annotated[str, typer.Argument(metavar="MODEL", help="The model that gets a version.")],
    dataset: Annotated[str, typer.Option(help="Dataset version to learn from.")],
    test: Annotated[str, typer.Option(help="Frozen dataset version to be measured on.")],
    recipe: Annotated[Path | None, typer.Option(help="YAML; the default recipe if not given.")] = None,
    accept_leaks: Annotated[str, typer.Option(help="Why kin may stand in training and in the test.")] = "",
    wait: Annotated[bool, typer.Option(help="Return when it has ended.")] = True,
) -> Any:
    """Train, evaluate and register a version of a model."""
    declared = None if recipe is None else read_mapping(recipe)
    with progress("Training") as follow:
        said = {"model": name, "dataset": dataset, "test": test, "accept_leaks": accept_leaks}
        return ws.train(declared, **said, wait=wait, progress=follow)


@model.command("list", example="sightloop model list")
def list_models(ws: Workspace) -> Any:
    """List models."""
    return Table(ws.models.list(), ("id", "name", "versions", "aliases"))


@model.command("versions", example="sightloop model versions cells")
def versions(ws: Workspace, name: str) -> Any:
    """List the versions of a model."""
    return Table(ws.models.versions(name), ("id", "number", "dataset_version", "run", "made_at"))


@model.command("evaluate", example="sightloop model evaluate cells@champion --test cells-test@2")
def evaluate(
    ws: Workspace, version: str, test: Annotated[str, typer.Option(help="Frozen dataset version to be measured on.")]
) -> Any:
    """Evaluate a version on another test version."""
    return ws.evaluate(version, test=test)


@model.command("gate", example="sightloop model gate cells@2 --champion cells@champion --slice cell_type")
def gate(
    ws: Workspace,
    challenger: str,
    champion: Annotated[str, typer.Option(help="The version to compare with; none for a first version.")] = "",
    slice: Annotated[list[str] | None, typer.Option(help="Metadata field: not worse on any of its values.")] = None,
    superiority: Annotated[list[str] | None, typer.Option(help='Better here: "cell_type=poly".')] = None,
    margin: Annotated[float, typer.Option(help="How much worse is still not worse.")] = 0.05,
    alpha: Annotated[float, typer.Option(help="Chance that a worse one passes at most.")] = 0.05,
    minimum_auroc: Annotated[float | None, typer.Option(help="For a first version.")] = None,
) -> Any:
    """Test whether a version may replace another."""
    return ws.models.gate(
        challenger,
        champion=champion or None,
        margin=margin,
        alpha=alpha,
        slices=slice or (),
        superiority=superiority or (),
        minimum_auroc=minimum_auroc,
    )


@model.command("promote", example="sightloop model promote cells cells@2 --gate gat_01h...")
def promote(
    ws: Workspace,
    name: str,
    version: str,
    gate: Annotated[str, typer.Option(help="The passed gate.")] = "",
    alias: Alias = "champion",
    reason: Annotated[str, typer.Option(help="Needed without a gate; it is recorded.")] = "",
) -> Any:
    """Move an alias to a version."""
    return ws.models.promote(name, version, gate=gate or None, alias=alias, reason=reason)


@model.command("rollback", example="sightloop model rollback cells")
def rollback(ws: Workspace, name: str, alias: Alias = "champion") -> Any:
    """Move an alias back to the version that held it before."""
    return ws.models.rollback(name, alias=alias)


@model.command("card", example="sightloop model card cells@champion")
def card(ws: Workspace, version: str) -> Any:
    """Print the model card."""
    return ws.models.card(version)


@model.command("export", example="sightloop model export cells@champion cells.zip")
def export(ws: Workspace, version: str, path: Path) -> Any:
    """Write the bundle of a version to a file."""
    return str(ws.models.export(version, path))


@model.command("import", example="sightloop model import cells cells.zip --test cells-test@2")
def import_bundle(
    ws: Workspace,
    name: Annotated[str, typer.Argument(metavar="MODEL", help="The model that gets a version.")],
    path: Path,
    test: Annotated[str, typer.Option(help="Frozen dataset version to be measured on.")],
    dataset: Annotated[str, typer.Option(help="Version that it was trained on, where it is known here.")] = "",
) -> Any:
    """Make a version of a bundle from elsewhere."""
    return ws.models.import_(name, read_file(path), test=test, dataset=dataset or None)
