"""webhook."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table
from sightloop.interfaces.sdk import Workspace

webhook = Noun("Webhooks: events to receivers and brokers outside.")


@webhook.command("create", example="sightloop webhook create https://mes.example.com/in --event sightloop.alert.raised")
def create(
    ws: Workspace,
    url: Annotated[str, typer.Argument(help='Where to; or "sink:NAME", a broker that the operator declared.')],
    event: Annotated[list[str], typer.Option(help='Event type, or "*"; give several.')],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
) -> Any:
    """Create a webhook; its signing secret is shown this once (a sink has none)."""
    return ws.webhooks.create(url, events=event, name=name)


@webhook.command("list", example="sightloop webhook list")
def list_webhooks(ws: Workspace) -> Any:
    """List webhooks, with what waits and what was given up."""
    return Table(ws.webhooks.list(), ("id", "name", "url", "event_types", "pending", "dead", "waiting_since"))


@webhook.command("delete", example="sightloop webhook delete whk_01h...")
def delete(ws: Workspace, webhook: str) -> Any:
    """Delete a webhook."""
    return ws.webhooks.delete(webhook)


@webhook.command("deliveries", example="sightloop webhook deliveries --state dead")
def deliveries(ws: Workspace, state: Annotated[str, typer.Option(help="pending, delivered or dead.")] = "") -> Any:
    """List deliveries."""
    found = ws.webhooks.deliveries(state=state or None)
    return Table(found, ("id", "webhook_id", "event_id", "state", "attempts", "status", "detail"))


@webhook.command("redeliver", example="sightloop webhook redeliver dlv_01h...")
def redeliver(ws: Workspace, delivery: str) -> Any:
    """Send a delivery again."""
    return ws.webhooks.redeliver(delivery)
