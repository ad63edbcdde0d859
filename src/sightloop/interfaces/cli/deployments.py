"""deploy, predict, deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Alias, Limit, Noun, Table, command, parse_filter, read_file
from sightloop.interfaces.sdk import Workspace

deployment = Noun("Deployments: model versions that answer.")
prediction = Noun("Predictions: what was answered, and what came of it.")


def register(app: typer.Typer) -> None:
    """Adds the commands that stand at the top of the tree."""
    command(app, "deploy", example="sightloop deploy line-1 --model cells")(deploy)
    command(app, "predict", example="sightloop predict line-1 cell.png")(predict)
    deployment.command("deploy", example="sightloop deployment deploy line-1 --model cells")(deploy)


def deploy(
    ws: Workspace, name: str, model: Annotated[str, typer.Option(help="The model.")], alias: Alias = "champion"
) -> Any:
    """Serve the version that an alias names."""
    return ws.deployments.deploy(name, model=model, alias=alias)


def predict(ws: Workspace, name: str, image: Path) -> Any:
    """Predict one image."""
    return ws.deployments.predict(name, read_file(image))


@deployment.command("list", example="sightloop deployment list")
def list_deployments(ws: Workspace) -> Any:
    """List deployments."""
    return Table(ws.deployments.list(), ("name", "model", "model_version", "state", "endpoint"))


@deployment.command("rollback", example="sightloop deployment rollback line-1")
def rollback(ws: Workspace, name: str) -> Any:
    """Goes back to the version that held the alias before, with the alias."""
    return ws.deployments.rollback(name)


@deployment.command("sync", example="sightloop deployment sync line-1")
def sync(ws: Workspace, name: str) -> Any:
    """Switch to the version that the alias names now, without dropping a request."""
    return ws.deployments.sync(name)


@deployment.command("stop", example="sightloop deployment stop line-1")
def stop(ws: Workspace, name: str) -> Any:
    """Stop answering."""
    return ws.deployments.stop(name)


@deployment.command("metrics", example="sightloop deployment metrics line-1 --bins 24")
def metrics(
    ws: Workspace, name: str, bins: Annotated[int, typer.Option(help="How many parts of the last 24 hours.")] = 24
) -> Any:
    """Show what a deployment answered over the last 24 hours."""
    found = ws.deployments.metrics(name, bins=bins)
    return Table(found.bins, ("at", "count", "p50_ms", "p95_ms", "mean_score", "labels"))


@prediction.command("list", example="sightloop prediction list --deployment line-1")
def list_predictions(
    ws: Workspace,
    deployment: Annotated[str, typer.Option(help="Of this deployment.")] = "",
    sample: Annotated[str, typer.Option(help="On this sample.")] = "",
    limit: Limit = 20,
) -> Any:
    """List predictions in the order of the log."""
    found = ws.predictions.list(deployment=deployment or None, sample=sample or None, limit=limit)
    return Table(found, ("sequence", "id", "deployment", "label", "score", "model_version"))


@prediction.command("show", example="sightloop prediction show prd_01h...")
def show_prediction(ws: Workspace, prediction: str) -> Any:
    """Show a prediction with its outcome."""
    return ws.predictions.get(prediction)


@prediction.command("outcome", example="sightloop prediction outcome prd_01h... label=defect")
def outcome(
    ws: Workspace, prediction: str, outcome: Annotated[str, typer.Argument(help='"label=defect", or JSON.')]
) -> Any:
    """Record the delayed truth or business result of a prediction."""
    return ws.predictions.outcome(prediction, parse_filter(outcome) or {})
