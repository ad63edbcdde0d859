"""Several reviewers on one queue, in any order: no answer is lost, none counts twice, no item has two reviewers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sightloop.domain import Caller, Role, new_id
from sightloop.errors import Conflict, NotFound, Refused
from sightloop.labeling import QueueItem
from sightloop.labeling.tables import queue_items
from tests.specs.labeling.plant import CLASSES, Plant

REVIEWERS = ("anna", "ben", "cleo")
PARTS = 40


@pytest.fixture(scope="module")
def parts(installation: Plant, tmp_path_factory: pytest.TempPathFactory) -> Plant:
    here = installation.elsewhere(Caller(new_id("wsp"), "planner", Role.ADMIN))
    return here.with_parts(PARTS, tmp_path_factory.mktemp("parts"))


class Queue(RuleBasedStateMachine):
    """One campaign on a schema of its own, beside a list of what was acknowledged to whom."""

    plant: Plant
    schemas: Iterator[int]

    @initialize()
    def start(self) -> None:
        schema = f"machine-{next(self.schemas)}"
        self.plant.datasets.create_schema(self.plant.caller, schema, CLASSES)
        self.campaign = self.plant.campaign(key=schema, name=schema, schema=schema).id
        self.schema = schema
        self.held: dict[str, QueueItem] = {}
        self.answered: list[tuple[str, str]] = []
        self.undone = 0

    def caller(self, who: str) -> Caller:
        return replace(self.plant.caller, actor=who)

    @rule(who=st.sampled_from(REVIEWERS))
    def fetch(self, who: str) -> None:
        item = self.plant.labeling.next_item(self.caller(who), self.campaign)
        if item is None:
            return
        assert all(held.id != item.id for other, held in self.held.items() if other != who)
        self.held[who] = item

    @precondition(lambda self: self.held)
    @rule(who=st.sampled_from(REVIEWERS), twice=st.booleans())
    def answer(self, who: str, twice: bool) -> None:
        if who not in self.held:
            return
        item, keyed = self.held.pop(who), self.caller(who).keyed("machine", new_id("key"))
        for _ in range(1 + twice):
            self.plant.labeling.answer(keyed, item.id, "fix", label=self.plant.truth[item.sample])
        self.answered.append((who, item.id))

    @precondition(lambda self: self.held)
    @rule(who=st.sampled_from(REVIEWERS), other=st.sampled_from(REVIEWERS))
    def answer_what_somebody_else_holds(self, who: str, other: str) -> None:
        if who == other or other not in self.held:
            return
        try:
            self.plant.labeling.answer(self.caller(who), self.held[other].id, "skip")
        except Conflict:
            return
        raise AssertionError("an item that is kept for somebody else was answered")

    @rule(who=st.sampled_from(REVIEWERS))
    def undo(self, who: str) -> None:
        mine = [index for index, (author, _) in enumerate(self.answered) if author == who]
        try:
            item = self.plant.labeling.undo(self.caller(who), self.campaign)
        except (NotFound, Refused):
            return
        assert self.answered.pop(mine[-1]) == (who, item.id)
        self.undone += 1

    @rule()
    def every_lease_runs_out(self) -> None:
        with self.plant.records.write() as connection:
            connection.execute(
                sa.update(queue_items).where(queue_items.c.campaign == self.campaign).values(leased_until="")
            )
        self.held.clear()

    @invariant()
    def what_was_acknowledged_stands_and_nothing_else(self) -> None:
        if not hasattr(self, "campaign"):
            return
        kept = self.plant.labeling.answers(self.plant.caller, self.campaign)
        given = Counter((one.author, one.item) for one in kept if one.verb != "undo")
        taken_back = Counter((one.author, one.item) for one in kept if one.verb == "undo")
        assert sorted((given - taken_back).elements()) == sorted(self.answered)
        assert sum(taken_back.values()) == self.undone
        assert max(Counter(item for _, item in self.answered).values(), default=0) <= 1


def test_no_answer_is_lost_and_none_counts_twice_whatever_reviewers_do(parts: Plant) -> None:
    Queue.plant, Queue.schemas = parts, count()
    few = settings(
        max_examples=8,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # a failure is told as it was found: to shorten it takes longer than a test may
    )
    run_state_machine_as_test(Queue, settings=few)


def test_reviewers_at_work_at_once_never_answer_the_same_item(parts: Plant) -> None:
    parts.datasets.create_schema(parts.caller, "crowd", CLASSES)
    campaign = parts.campaign(key="crowd", name="crowd", schema="crowd").id
    barrier = threading.Barrier(4)

    def review(who: str) -> list[str]:
        mine = replace(parts.caller, actor=who)
        barrier.wait()
        done: list[str] = []
        while len(done) < 8 and (item := parts.labeling.next_item(mine, campaign)) is not None:
            parts.labeling.answer(mine.keyed(item.id), item.id, "fix", label=parts.truth[item.sample])
            done.append(item.id)
        return done

    with ThreadPoolExecutor(4) as threads:
        done = [one for mine in threads.map(review, ("anna", "ben", "cleo", "dora")) for one in mine]
    assert len(done) == len(set(done))
    assert sorted(one.item for one in parts.labeling.answers(parts.caller, campaign)) == sorted(done)


def test_two_answers_to_one_item_at_the_same_moment_keep_one_and_tell_the_other(parts: Plant, tmp_path: Path) -> None:
    parts.datasets.create_schema(parts.caller, "race", CLASSES)
    campaign = parts.campaign(key="race", name="race", schema="race").id
    item = parts.labeling.next_item(parts.caller, campaign)
    assert item is not None
    barrier = threading.Barrier(2)

    def answer(label: str) -> str:
        barrier.wait()
        try:
            return parts.labeling.answer(parts.caller.keyed(label), item.id, "fix", label=label).label
        except Conflict as conflict:
            return conflict.message

    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(answer, CLASSES))
    assert sum(one in CLASSES for one in said) == 1
    assert sum("answered already" in one for one in said) == 1
