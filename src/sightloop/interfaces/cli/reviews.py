"""review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Seed, Table, parse_filter, read_mapping
from sightloop.interfaces.sdk import Workspace

review = Noun("Review queues: images that people look at, alone or several of them blind.")


@review.command("create", example="sightloop review create night --schema parts --where shift=night --answers 2")
def create(
    ws: Workspace,
    name: str,
    schema: Annotated[str, typer.Option(help="The label schema.")],
    where: Annotated[str, typer.Option(help="Which samples: a filter; all if none.")] = "",
    answers: Annotated[int, typer.Option(help="From different people, blind if more than one.")] = 1,
    honeypots: Annotated[list[str] | None, typer.Option(help="Samples whose truth is known.")] = None,
    agreement: Annotated[float, typer.Option(help="Answers that agree less are adjudicated.")] = 0.7,
    geometry: Annotated[str, typer.Option(help="What is drawn first.")] = "",
    seed: Seed = 0,
) -> Any:
    """Make a queue over samples."""
    return ws.reviews.create(
        name,
        schema=schema,
        where=parse_filter(where) or {},
        answers_wanted=answers,
        honeypots=honeypots or (),
        agreement=agreement,
        geometry=geometry,
        seed=seed,
    )


@review.command("list", example="sightloop review list")
def list_queues(ws: Workspace) -> Any:
    """List review queues with their counts."""
    return Table(ws.reviews.list(), ("id", "name", "mode", "answers_wanted", "counts"))


@review.command("next", example="sightloop review next rvq_01h...")
def next_item(ws: Workspace, queue: str) -> Any:
    """Take the next item of a queue."""
    return ws.reviews.next(queue)["item"] or "Nothing waits."


@review.command("answer", example="sightloop review answer rvi_01h... fix --label defect")
def answer(
    ws: Workspace,
    item: str,
    verb: Annotated[str, typer.Argument(help="approve, fix, reject, skip, send_back or adjudicate.")],
    label: Annotated[str, typer.Option(help="The class of the image.")] = "",
    objects: Annotated[Path | None, typer.Option(help='YAML or JSON: {"objects": [...]}, all that is right.')] = None,
    reason: Annotated[str, typer.Option(help="Why it goes back.")] = "",
) -> Any:
    """Answer an item."""
    given = None if objects is None else read_mapping(objects).get("objects")
    return ws.reviews.answer(item, verb, label=label, objects=given, reason=reason)


@review.command("undo", example="sightloop review undo rvi_01h...")
def undo(ws: Workspace, item: str) -> Any:
    """Take the own last answer to an item back."""
    return ws.reviews.undo(item)


@review.command("agreement", example="sightloop review agreement rvq_01h...")
def agreement(ws: Workspace, queue: str) -> Any:
    """Show how far people agree, by class and person."""
    return ws.reviews.agreement(queue)
