"""Campaigns and the queue that people answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from sightloop.domain import Permission
from sightloop.interfaces.api.parsing import Body, Listed, Name, Seed, items_of
from sightloop.interfaces.api.routing import Ask, Routes
from sightloop.labeling import Answer, Campaign, Counts, QueueItem
from sightloop.vision import Interval

routes = Routes("labeling")


class NewCampaign(Body):
    name: Name
    label_schema: str = Field(alias="schema")
    samples: list[str] = Field(min_length=1)
    eps: float = Field(0.05, gt=0, le=0.2)
    alpha: float = Field(0.05, gt=0, le=0.2)
    seed_count: int | None = Field(None, ge=1, lt=2**31)
    batch: int | None = Field(None, ge=1, lt=2**31)
    seed: Seed = 0
    context: tuple[str, ...] = ()


class Next(Body):
    campaign: str | None = None


class Verdict(Body):
    verb: Literal["accept", "fix", "reject", "skip"]
    label: str | None = None
    expected_revision: int | None = Field(None, ge=0, lt=2**31)
    duration_s: float = Field(0.0, ge=0)


class SecondOpinions(Body):
    count: int = Field(ge=1, lt=2**31)
    seed: Seed = 0


@dataclass(frozen=True, slots=True)
class NextItem:
    """The next item; None where nothing waits."""

    item: QueueItem | None


@routes.post("/campaigns", permission=Permission.DATASET_WRITE)
def start_campaign(ask: Ask, body: NewCampaign) -> Campaign:
    """A campaign over the samples; it asks people until the bound lets it accept the rest."""
    given = body.model_dump(exclude_none=True)
    return ask.installation.labeling.start_campaign(ask.caller, schema=given.pop("label_schema"), **given)


@routes.get("/campaigns", permission=Permission.READ)
def list_campaigns(ask: Ask) -> Listed[Campaign]:
    """All campaigns."""
    return items_of(ask.installation.labeling.campaigns(ask.caller))


@routes.get("/campaigns/{campaign}", permission=Permission.READ)
def show_campaign(ask: Ask, campaign: str) -> Campaign:
    """One campaign."""
    return ask.installation.labeling.campaign(ask.caller, campaign)


@routes.post("/campaigns/{campaign}/advance", permission=Permission.LABEL)
def advance_campaign(ask: Ask, campaign: str) -> Campaign:
    """The campaign after every step that needs no person."""
    return ask.installation.labeling.advance(ask.caller, campaign)


@routes.get("/campaigns/{campaign}/counts", permission=Permission.READ)
def count_decisions(ask: Ask, campaign: str) -> Counts:
    """How many labels came from people, from the rule, and from audits."""
    return ask.installation.labeling.counts(ask.caller, campaign)


@routes.get("/campaigns/{campaign}/items", permission=Permission.READ)
def list_items(ask: Ask, campaign: str, state: str | None = None) -> Listed[QueueItem]:
    """The campaign's queue items."""
    return items_of(ask.installation.labeling.items(ask.caller, campaign, state))


@routes.get("/campaigns/{campaign}/answers", permission=Permission.READ)
def list_answers(ask: Ask, campaign: str) -> Listed[Answer]:
    """Every answer in order, those taken back included."""
    return items_of(ask.installation.labeling.answers(ask.caller, campaign))


@routes.post("/campaigns/{campaign}/second-opinions", permission=Permission.DATASET_WRITE)
def ask_second_opinions(ask: Ask, campaign: str, body: SecondOpinions) -> Listed[QueueItem]:
    """New blind items about samples that a person has labelled; their answers change no annotation."""
    return items_of(ask.installation.labeling.second_opinions(ask.caller, campaign, body.count, body.seed))


@routes.get("/campaigns/{campaign}/disagreement", permission=Permission.READ)
def show_disagreement(ask: Ask, campaign: str) -> Interval:
    """The share of second opinions that differ from the first, with its 95 % limits."""
    return ask.installation.labeling.disagreement(ask.caller, campaign)


@routes.post("/queue/next", permission=Permission.LABEL)
def next_item(ask: Ask, body: Next) -> NextItem:
    """The next item, leased to the caller; null where nothing waits."""
    return NextItem(ask.installation.labeling.next_item(ask.caller, body.campaign))


@routes.post("/queue/items/{item}/answer", permission=Permission.LABEL)
def answer_item(ask: Ask, item: str, body: Verdict) -> QueueItem:
    """The answered item."""
    return ask.installation.labeling.answer(
        ask.caller,
        item,
        body.verb,
        label=body.label,
        expected_revision=body.expected_revision,
        duration_s=body.duration_s,
    )


@routes.post("/queue/undo", permission=Permission.LABEL)
def undo_answer(ask: Ask) -> QueueItem:
    """The item whose answer, the caller's newest, was taken back."""
    return ask.installation.labeling.undo(ask.caller)
