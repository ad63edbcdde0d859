"""The door of labeling: campaigns that ask people as little as a risk bound allows, and the queue of questions."""

from sightloop.labeling.acceptance import replay_acceptance
from sightloop.labeling.ports import Suggester, Suggestions
from sightloop.labeling.records import Answer, Campaign, Counts, QueueItem
from sightloop.labeling.service import Labeling

__all__ = ["Answer", "Campaign", "Counts", "Labeling", "QueueItem", "Suggester", "Suggestions", "replay_acceptance"]
