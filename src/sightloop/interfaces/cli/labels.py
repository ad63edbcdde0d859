"""label."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Seed, Table, parse_filter, sample_ids
from sightloop.interfaces.sdk import Workspace

label = Noun("Labelling: people answer what is uncertain, a bound accepts the rest.")


@label.command("start", example="sightloop label start mono --schema cells --where cell_type=mono")
def start(
    ws: Workspace,
    name: str,
    schema: Annotated[str, typer.Option(help="The label schema.")],
    where: Annotated[str, typer.Option(help="Which samples: a filter.")] = "",
    version: Annotated[str, typer.Option(help='Which samples: "cells@latest" or "cells@latest:train".')] = "",
    context: Annotated[str, typer.Option(help="Labelled samples that also train: like --version.")] = "",
    eps: Annotated[float, typer.Option(help="Share of wrong labels accepted at most.")] = 0.05,
    alpha: Annotated[float, typer.Option(help="Chance that the bound fails at most.")] = 0.05,
    seed: Seed = 0,
) -> Any:
    """Start a campaign over samples."""
    every = ws.samples.list(where=parse_filter(where))
    chosen = sample_ids(ws, version) if version else [str(found["id"]) for found in every]
    return ws.campaigns.start(
        name=name, schema=schema, samples=chosen, eps=eps, alpha=alpha, seed=seed, context=sample_ids(ws, context)
    )


@label.command("list", example="sightloop label list")
def list_campaigns(ws: Workspace) -> Any:
    """List campaigns."""
    return Table(ws.campaigns.list(), ("id", "name", "state"))


@label.command("next", example="sightloop label next")
def next_item(ws: Workspace, campaign: Annotated[str, typer.Option(help="Of this campaign only.")] = "") -> Any:
    """Take the next item of the queue."""
    return ws.queue.next(campaign or None) or "Nothing waits."


@label.command("answer", example="sightloop label answer itm_01h... fix --label defect")
def answer(
    ws: Workspace,
    item: str,
    verb: Annotated[str, typer.Argument(help="accept, fix, reject or skip.")],
    label: Annotated[str, typer.Option(help="The right label, for fix.")] = "",
) -> Any:
    """Answer an item."""
    return ws.queue.answer(item, verb, label=label or None)


@label.command("undo", example="sightloop label undo")
def undo(ws: Workspace) -> Any:
    """Take the last answer back."""
    return ws.queue.undo()


@label.command("status", example="sightloop label status cmp_01h...")
def status(ws: Workspace, campaign: str) -> Any:
    """Show where a campaign stands, and who labelled how much."""
    return ws.campaigns.get(campaign).counts()
