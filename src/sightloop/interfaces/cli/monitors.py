"""monitor, rule, alert."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table, sample_ids
from sightloop.interfaces.sdk import Workspace

monitor = Noun("Monitors: sequential tests with a controlled false-alarm rate.")
rule = Noun("Rules: fire once on a run of equal predictions.")
alert = Noun("Alerts: raised alarms and fired rules.")
Reference = Annotated[str, typer.Option(help='Held-out samples: "cells@latest:reference".')]
Fit = Annotated[str, typer.Option(help='Samples the model knows: "cells@latest:train".')]


@monitor.command("create", example="sightloop monitor create line-1 --deployment line-1 --reference cells@1:reference")
def create(
    ws: Workspace,
    name: str,
    deployment: Annotated[str, typer.Option(help="What to watch.")],
    reference: Reference,
    fit: Fit = "",
    alpha: Annotated[float, typer.Option(help="Chance of ever raising a false alarm.")] = 0.01,
    kind: Annotated[list[str] | None, typer.Option(help="embedding, score, label, quality or latency; repeat.")] = None,
    regime: Annotated[list[str] | None, typer.Option(help='Compare within: "hour", or a facet; repeat.')] = None,
    by: Annotated[list[str] | None, typer.Option(help="Watch the values of this facet apart, too; repeat.")] = None,
) -> Any:
    """Watch a deployment against reference samples."""
    return ws.monitors.create(
        name,
        deployment=deployment,
        reference=sample_ids(ws, reference),
        fit=sample_ids(ws, fit),
        alpha=alpha,
        kinds=kind or ("embedding", "score"),
        regime=regime or (),
        slices=by or (),
    )


@monitor.command("list", example="sightloop monitor list")
def list_monitors(ws: Workspace) -> Any:
    """List monitors."""
    return Table(ws.monitors.list(), ("name", "deployment", "state", "sequence"))


@monitor.command("show", example="sightloop monitor show line-1")
def show(ws: Workspace, name: str) -> Any:
    """Show a monitor with its evidence."""
    return ws.monitors.get(name)


@monitor.command("estimate", example="sightloop monitor estimate line-1 --audits 60")
def estimate(
    ws: Workspace,
    name: str,
    audits: Annotated[int, typer.Option(help="Predictions to draw at random for people to check.")] = 60,
    upto: Annotated[int | None, typer.Option(help='The "upto" of an earlier answer: the same draw.')] = None,
) -> Any:
    """Estimate the accuracy without labels, and draw an audit of it."""
    return ws.monitors.estimate(name, audits=audits, upto=upto)


@monitor.command("rebase", example="sightloop monitor rebase line-1 --reference cells@2:reference")
def rebase(ws: Workspace, name: str, reference: Reference, fit: Fit = "") -> Any:
    """Start again on a new reference."""
    return ws.monitors.rebase(name, reference=sample_ids(ws, reference), fit=sample_ids(ws, fit))


@rule.command("create", example="sightloop rule create three --deployment line-1 --label defect --consecutive 3")
def create_rule(
    ws: Workspace,
    name: str,
    deployment: Annotated[str, typer.Option(help="What to watch.")],
    label: Annotated[str, typer.Option(help="The label.")],
    consecutive: Annotated[int, typer.Option(help="How often in a row.")] = 3,
) -> Any:
    """Fire once when a label comes so often in a row."""
    return ws.rules.create(name, deployment=deployment, label=label, consecutive=consecutive)


@rule.command("reset", example="sightloop rule reset three")
def reset_rule(ws: Workspace, name: str) -> Any:
    """Arm a fired rule again."""
    return ws.rules.reset(name)


@alert.command("list", example="sightloop alert list --state raised")
def list_alerts(ws: Workspace, state: Annotated[str, typer.Option(help="raised or acknowledged.")] = "") -> Any:
    """List alerts."""
    return Table(ws.alerts.list(state=state or None), ("id", "kind", "monitor", "state", "raised_at", "receipt"))


@alert.command("show", example="sightloop alert show alt_01h...")
def show_alert(ws: Workspace, alert: str) -> Any:
    """Show an alert with its evidence."""
    return ws.alerts.get(alert)


@alert.command("acknowledge", example="sightloop alert acknowledge alt_01h...")
def acknowledge(ws: Workspace, alert: str) -> Any:
    """Acknowledge an alert."""
    return ws.alerts.acknowledge(alert)
