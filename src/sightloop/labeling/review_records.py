"""Review queues, their items and answers as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sightloop.datasets import LabelledObject

OPEN, ADJUDICATE, DONE = "open", "adjudicate", "done"
LABEL = "label"
GIVEN, UNDONE, RETURNED = "given", "undone", "returned"
COUNTED: Final = ("approve", "fix", "reject")
REVIEW_VERBS: Final = (*COUNTED, "skip", "send_back", "adjudicate")
CLASS, BOXES = "class", "boxes"


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """Images that people look at, one after the other.

    Attributes:
        schema: its name; mode: "class" asks for one class of each image, "boxes" for objects.
        geometry: the geometry type that is drawn first.
        answers_wanted: from different people for each image, none of whom sees what others said if `blind`.
        agreement: answers that agree less go to adjudication; 0 to 1.
        counts: images that wait for a first answer ("open"), for further ones ("answered"), for adjudication, and done.
    """

    id: str
    name: str
    schema: str
    mode: str
    geometry: str
    answers_wanted: int
    agreement: float
    blind: bool
    counts: Mapping[str, int]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody said of an image: all objects that should stand there; and how far he agrees with the others."""

    author: str
    verb: str
    objects: Sequence[Mapping[str, Any]]
    agreement: float | None


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One image to look at.

    Attributes:
        kind: "label", or "adjudicate" where answers differ.
        suggestions: what models say; empty where blind.
        answers: to adjudicate, those of all; where the item came back, the own one.
        agreement: of all answers, where they are to be adjudicated.
        reason: why it was sent back.
        revision: newest number written for the sample under the schema; 0 where blind.
    """

    id: str
    queue: str
    schema: str
    mode: str
    geometry: str
    sample: str
    kind: str
    blind: bool
    suggestions: Sequence[LabelledObject]
    answers: Sequence[Opinion]
    agreement: float | None
    reason: str
    revision: int
    leased_until: datetime | None


@dataclass(frozen=True, slots=True)
class NextReviewItem:
    """The item to answer, leased to the caller, and those that come after it, leased to nobody."""

    item: ReviewItem | None
    upcoming: Sequence[ReviewItem]


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """An answer as it was taken; it does not tell whether the image was a honeypot."""

    id: str
    item: str
    sample: str
    verb: str
    made_at: datetime
