"""The door of labeling: campaigns that ask as little as a risk bound allows, and queues in which people review."""

from sightloop.labeling.acceptance import replay_acceptance
from sightloop.labeling.ports import Suggester, Suggestions
from sightloop.labeling.records import Answer, Campaign, QueueItem
from sightloop.labeling.reviews import Reviews, Verdict
from sightloop.labeling.service import Labeling

__all__ = [
    "Answer",
    "Campaign",
    "Labeling",
    "QueueItem",
    "Reviews",
    "Suggester",
    "Suggestions",
    "Verdict",
    "replay_acceptance",
]
