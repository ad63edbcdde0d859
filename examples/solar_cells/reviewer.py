"""The reviewer of the demo: a replay of the data set's expert labels, behind the same interface as a person.

It sees what a person would see (an item and, unless the item is blind, a suggestion) and answers with the same verbs. The
report says that the answers are replayed. Times per answer are the ones BOUNDS.md assumes for a class: about two seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

CHOOSE_S = 2.0
"""Seconds that choosing or verifying a class takes a person (BOUNDS.md section 5)."""


def answer_open_items(
    workspace: Any, campaign: str, truth: Mapping[str, str], *, answered: Callable[[int], None] = lambda _: None
) -> int:
    """The number of items answered until the campaign asks for nothing more at the moment."""
    count = 0
    while (item := workspace.queue.next(campaign=campaign)) is not None:
        label = truth[item.sample]
        verb = "accept" if item.suggestion == label else "fix"
        workspace.queue.answer(item.id, verb, label=label, duration_s=CHOOSE_S, key=f"replay/{item.id}")
        count += 1
        answered(count)
    return count
