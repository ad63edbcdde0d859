"""Campaigns, items and answers as values, and as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from sightloop.domain import Caller, derived_id
from sightloop.labeling.plan import Purpose, Schedule

VERBS = ("accept", "fix", "reject", "skip")
OPEN, ANSWERED = "open", "answered"
ASKING, DONE = "asking", "done"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A pool of samples on its way to labels.

    Attributes:
        schema: id of the label schema.
        state: "asking" while people or the rule have something to decide, then "done".
        round: how many moves were made; each batch of items belongs to one.
        attempts: the regions that were proposed: {"data": digest, "size", "state": "open" | "certified" | "given_up",
            "receipt", "accepted", "evidence": digest}.
    """

    id: str
    name: str
    schema: str
    state: str
    round: int
    size: int
    schedule: Schedule
    attempts: tuple[Mapping[str, Any], ...]
    policy: str
    made_at: datetime
    ended_at: datetime | None
    pool: str


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One question to a person.

    Attributes:
        purpose: why it is asked; a blind item shows no suggestion.
        suggestion, score: the suggested class and its probability; empty and 0 where blind.
        state: "open" or "answered"; verb and label are the answer ("" for a reject or skip).
        leased_until: until when it is kept for whoever fetched it; None if for nobody.
    """

    id: str
    campaign: str
    sample: str
    purpose: Purpose
    blind: bool
    suggestion: str
    score: float
    state: str
    verb: str
    label: str
    round: int
    position: int
    leased_until: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many questions of a campaign or a review queue wait for people, and since when the first of them does."""

    subject: str
    name: str
    count: int
    since: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said, kept for ever. `undoes` names the answer that an undo took back."""

    id: str
    item: str
    campaign: str
    sample: str
    purpose: Purpose
    verb: str
    label: str
    author: str
    duration_s: float
    annotation: str
    undoes: str
    made_at: datetime


class Counts(TypedDict):
    """Decisions on a campaign so far, by purpose and by verb; `human` is all that people made, `auto` the rule's."""

    size: int
    human: int
    auto: int
    open: int
    seeds: int
    lessons: int
    audits: int
    doubts: int
    rest: int
    checks: int
    seconds: int
    accepts: int
    fixes: int
    rejects: int
    skips: int
    undone: int
    duration_s: float


def campaign_of(row: Any) -> Campaign:
    """The campaign that a row holds."""
    known = {field.name for field in fields(Schedule)}
    return Campaign(
        id=row.id, name=row.name, schema=row.schema_id, state=row.state, round=row.round, size=row.size,
        schedule=Schedule(**{key: value for key, value in row.schedule.items() if key in known}),
        attempts=tuple(row.attempts), policy=row.policy, made_at=datetime.fromisoformat(row.made_at),
        ended_at=_time(row.ended_at), pool=row.pool,
    )  # fmt: skip


def item_of(row: Any) -> QueueItem:
    """The item that a row holds; what a blind item must not show is not in it."""
    purpose = Purpose(row.purpose)
    return QueueItem(
        id=row.id, campaign=row.campaign, sample=row.sample, purpose=purpose, blind=purpose.blind,
        suggestion="" if purpose.blind else row.suggestion, score=0.0 if purpose.blind else row.score,
        state=row.state, verb=row.verb, label=row.label, round=row.round, position=row.position,
        leased_until=_time(row.leased_until),
    )  # fmt: skip


def answer_of(row: Any) -> Answer:
    """The answer that a row holds."""
    return Answer(
        id=row.id, item=row.item, campaign=row.campaign, sample=row.sample, purpose=Purpose(row.purpose),
        verb=row.verb, label=row.label, author=row.author, duration_s=row.duration_s, annotation=row.annotation,
        undoes=row.undoes, made_at=datetime.fromisoformat(row.made_at),
    )  # fmt: skip


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def new_item(
    caller: Caller, campaign: Campaign, sample: str, purpose: Purpose, round_: int, position: int, label: str,
    score: float, made_at: str,
) -> dict[str, Any]:  # fmt: skip
    """The row of a new item; a sample is asked about once, once more for a second opinion, and by checks."""
    kind = {Purpose.SECOND: "second", Purpose.CHECK: f"check-{round_}"}.get(purpose, "item")
    return {
        "workspace_id": caller.workspace, "id": derived_id("itm", caller.workspace, campaign.id, sample, kind),
        "campaign": campaign.id, "sample": sample, "round": round_, "position": position, "purpose": str(purpose),
        "attempt": len(campaign.attempts) if purpose in (Purpose.AUDIT, Purpose.DOUBT) else 0, "suggestion": label,
        "score": score, "state": OPEN, "verb": "", "label": "", "leased_by": "", "leased_until": "",
        "made_at": made_at,
    }  # fmt: skip
