"""receipt, lineage, audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Limit, Noun, Table
from sightloop.interfaces.sdk import Workspace

receipt = Noun("Receipts: what automatic decisions left.")
lineage = Noun("Lineage: what stands on what.")
audit = Noun("Audit: the hash-chained record of every change.")


@receipt.command("list", example="sightloop receipt list --kind model.gate")
def list_receipts(
    ws: Workspace, kind: Annotated[str, typer.Option(help="Of this kind.")] = "", limit: Limit = 50
) -> Any:
    """List receipts."""
    return Table(ws.receipts.list(kind=kind or None, limit=limit), ("id", "kind", "rule", "subject", "made_at"))


@receipt.command("show", example="sightloop receipt show rcp_01h...")
def show(ws: Workspace, receipt: str) -> Any:
    """Show a receipt: claim, evidence, inputs, outcome."""
    return ws.receipts.get(receipt)


@receipt.command("replay", example="sightloop receipt replay rcp_01h...")
def replay(ws: Workspace, receipt: str) -> Any:
    """Compute the decision again from its inputs."""
    return ws.receipts.replay(receipt)


@lineage.command("show", example="sightloop lineage show prd_01h...")
def show_lineage(ws: Workspace, thing: str) -> Any:
    """Show what a prediction, model or dataset version, sample or annotation stands on, and what on it."""
    return ws.lineage.show(thing)


Actor = Annotated[str, typer.Option(help="By this actor.")]
Subject = Annotated[str, typer.Option(help="About this thing.")]
Action = Annotated[str, typer.Option(help='Of this action; a star ends a beginning: "labels.*".')]


@audit.command("list", example="sightloop audit list --newest --action 'alias.*'")
def list_audit(
    ws: Workspace,
    limit: Limit = 50,
    actor: Actor = "",
    subject: Subject = "",
    action: Action = "",
    newest: Annotated[bool, typer.Option(help="Newest first.")] = False,
) -> Any:
    """List audit entries, oldest first."""
    found = ws.audit.list(
        limit=limit, actor=actor or None, subject=subject or None, action=action or None, newest=newest
    )
    return Table(found, ("sequence", "at", "actor", "action", "subject"))


@audit.command("export", example="sightloop audit export audit.jsonl")
def export(ws: Workspace, path: Path, actor: Actor = "", subject: Subject = "", action: Action = "") -> Any:
    """Write audit entries into a file, oldest first, one JSON object a line."""
    kept = ws.audit.export(path, actor=actor or None, subject=subject or None, action=action or None)
    return {"file": kept.name}


@audit.command("verify", example="sightloop audit verify")
def verify(ws: Workspace) -> Any:
    """Check that the chain is whole."""
    return ws.audit.verify()
