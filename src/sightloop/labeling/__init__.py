"""The door of labeling: campaigns that ask as little as a risk bound allows, and queues in which people review."""

from sightloop.labeling.acceptance import replay_acceptance
from sightloop.labeling.consensus import Agreement
from sightloop.labeling.ports import Suggester, Suggestions
from sightloop.labeling.records import Answer, Campaign, Counts, QueueItem
from sightloop.labeling.review_records import NextReviewItem, ReviewAnswer, ReviewItem, ReviewQueue
from sightloop.labeling.reviews import Reviews, Verdict
from sightloop.labeling.service import Labeling

__all__ = [
    "Agreement",
    "Answer",
    "Campaign",
    "Counts",
    "Labeling",
    "NextReviewItem",
    "QueueItem",
    "ReviewAnswer",
    "ReviewItem",
    "ReviewQueue",
    "Reviews",
    "Suggester",
    "Suggestions",
    "Verdict",
    "replay_acceptance",
]
