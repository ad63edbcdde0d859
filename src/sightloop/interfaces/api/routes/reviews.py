"""Review queues: images that people look at, alone or several of them blind, and how far they agree."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sightloop.domain import Permission
from sightloop.errors import InvalidInput
from sightloop.interfaces.api.parsing import Body, Listed, Name, Seed, items_of
from sightloop.interfaces.api.routes.objects import GivenObject
from sightloop.interfaces.api.routing import Ask, Routes
from sightloop.labeling import Agreement, NextReviewItem, ReviewAnswer, ReviewItem, ReviewQueue, Verdict

routes = Routes("reviews")


class NewQueue(Body):
    name: Name
    label_schema: str = Field(alias="schema")
    samples: list[str] | None = None
    where: dict[str, Any] | None = None
    answers_wanted: int = Field(1, ge=1, le=20)
    honeypots: list[str] = Field(default_factory=list, max_length=1000)
    agreement: float = Field(0.7, ge=0, le=1)
    geometry: str = ""
    seed: Seed = 0


class NextReview(Body):
    after: str = ""


class ReviewedObject(GivenObject):
    id: str = Field(max_length=64)


class Review(Body):
    verb: Literal["approve", "fix", "reject", "skip", "send_back", "adjudicate"]
    objects: list[ReviewedObject] | None = Field(None, max_length=500)
    label: str = ""
    reason: str = ""
    duration_s: float = Field(0.0, ge=0, le=1e6)
    expected_revision: int | None = Field(None, ge=0, lt=2**31)


@routes.post("/review-queues", permission=Permission.DATASET_WRITE)
def create_review_queue(ask: Ask, body: NewQueue) -> ReviewQueue:
    """A queue over the samples, or over those that the filter selects."""
    given = body.model_dump(exclude={"label_schema", "samples", "where"})
    if (body.samples is None) == (body.where is None):
        raise InvalidInput("A queue is made of samples or of a filter.", hint='Give either "samples" or "where".')
    samples = body.samples
    if samples is None:
        samples = list(ask.installation.datasets.sample_ids(ask.caller, body.where))
    return ask.installation.reviews.create(ask.caller, schema=body.label_schema, samples=samples, **given)


@routes.get("/review-queues", permission=Permission.READ)
def list_review_queues(ask: Ask) -> Listed[ReviewQueue]:
    """All review queues."""
    return items_of(ask.installation.reviews.queues(ask.caller))


@routes.get("/review-queues/{queue}", permission=Permission.READ)
def show_review_queue(ask: Ask, queue: str) -> ReviewQueue:
    """One review queue, with its counts."""
    return ask.installation.reviews.queue(ask.caller, queue)


@routes.post("/review-queues/{queue}/next", permission=Permission.LABEL, kept=False)
def next_review(ask: Ask, queue: str, body: NextReview) -> NextReviewItem:
    """The next item, leased to the caller, null where nothing waits; and the three that come after it."""
    return ask.installation.reviews.next(ask.caller, queue, body.after)


@routes.get("/review-queues/{queue}/agreement", permission=Permission.READ)
def show_agreement(ask: Ask, queue: str) -> Agreement:
    """How far people agree, by class and person, and how often each was right about honeypots, with 95 % limits."""
    return ask.installation.reviews.agreement(ask.caller, queue)


@routes.get("/review-items/{item}", permission=Permission.LABEL)
def show_review_item(ask: Ask, item: str) -> ReviewItem:
    """One item, as the caller may see it."""
    return ask.installation.reviews.item(ask.caller, item)


@routes.post("/review-items/{item}/answer", permission=Permission.LABEL)
def answer_review(ask: Ask, item: str, body: Review) -> ReviewAnswer:
    """The answer as it was taken."""
    objects = None if body.objects is None else [one.operation(one.id) for one in body.objects]
    rest = body.model_dump(exclude={"objects"})
    return ask.installation.reviews.answer(ask.caller, item, Verdict(objects=objects, **rest))


@routes.post("/review-items/{item}/undo", permission=Permission.LABEL)
def undo_review(ask: Ask, item: str) -> ReviewAnswer:
    """The undoing of the caller's last answer to the item, with what it wrote."""
    return ask.installation.reviews.undo(ask.caller, item)
