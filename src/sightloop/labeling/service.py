"""The verbs of labeling: campaigns, the queue that they fill, and the answers that people give."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from sightloop.datasets import NewAnnotation
from sightloop.domain import Basis, Caller, now
from sightloop.errors import Conflict, InvalidInput, NotEnoughData, NotFound, Refused, not_found
from sightloop.events import Change
from sightloop.labeling.campaigns import Campaigns
from sightloop.labeling.plan import Purpose, draw, settled
from sightloop.labeling.records import (
    ANSWERED,
    ASKING,
    OPEN,
    VERBS,
    Answer,
    Campaign,
    Counts,
    QueueItem,
    Waiting,
    answer_of,
    item_of,
    new_item,
)  # fmt: skip
from sightloop.labeling.tables import answers, campaigns, queue_items
from sightloop.storage import faultpoint, insert_once
from sightloop.vision import Interval, binomial_interval

LEASE_S: Final = 600.0
AFTER_ALL: Final = 1_000_000_000  # the round of second opinions: they come when nothing else is open


class Labeling(Campaigns):
    """Campaigns and their queue. Every answer is kept; nothing is ever deleted."""

    def next_item(self, caller: Caller, campaign: str | None = None) -> QueueItem | None:
        """The next open question, kept for the caller for ten minutes; None where nothing is asked at the moment.

        The same caller gets the same item until it is answered. Where a campaign has no open item, it moves on first.
        """
        wanted = [self.campaign(caller, campaign)] if campaign else self.campaigns(caller, state=ASKING)
        for one in wanted:
            if one.state == ASKING:
                self.advance(caller, one.id)
            item = self._lease(caller, one.id)
            if item is not None:
                return item
        return None

    def item(self, caller: Caller, item_id: str) -> QueueItem:
        """One item. Raises NotFound."""
        with self._records.read() as connection:
            return item_of(_item_row(connection, caller, item_id))

    def items(self, caller: Caller, campaign: str, state: str | None = None) -> list[QueueItem]:
        """The items of a campaign, in the order in which they were asked for."""
        self.campaign(caller, campaign)
        query = _items(caller, campaign)
        if state is not None:
            query = query.where(queue_items.c.state == state)
        with self._records.read() as connection:
            return [item_of(row) for row in connection.execute(query)]

    def answer(
        self,
        caller: Caller,
        item_id: str,
        verb: str,
        *,
        label: str | None = None,
        expected_revision: int | None = None,
        duration_s: float = 0.0,
    ) -> QueueItem:
        """The item with its answer. Under the same idempotency key the answer is given once.

        Args:
            verb: "accept" the suggestion, "fix" it or, where the item is blind, give the label; "reject" the sample as
                one that has no right label; "skip" it. What is rejected or skipped stays unlabelled, and in an audit
                it counts as a wrong label.
            expected_revision: revision of the sample's annotation that the person saw, 0 for none.

        Raises:
            Conflict: answered already, kept for somebody else, or the annotation has changed meanwhile.
            InvalidInput: a verb or label that does not fit the item.
        """
        answer_id = caller.new_id("ans")
        with self._records.read() as connection:
            row = _item_row(connection, caller, item_id)
            if connection.execute(_answer(caller, answer_id)).first():
                return item_of(row)
        campaign = self.campaign(caller, row.campaign)
        chosen = self._label_of(caller, campaign, item_of(row), verb, label)
        with self._events.change(caller, "labels.answer", item_id) as change:
            row = _item_row(change.connection, caller, item_id)
            _check_free(row, caller)
            annotation = ""
            if chosen and row.purpose != Purpose.SECOND and self._stands(change, caller, row, chosen):
                annotation = self._write(change, caller, campaign, row, chosen, expected_revision, duration_s)
            faultpoint("review.unkept")
            _keep(change, caller, answer_id, row, verb, chosen, duration_s, annotation, "")
            change.execute(_update(caller, item_id), {"state": ANSWERED, "verb": verb, "label": chosen})
            change.emit(
                "sightloop.labels.answered",
                {"item": item_id, "campaign": campaign.id, "verb": verb, "annotation": annotation},
            )
        return self.item(caller, item_id)

    def undo(self, caller: Caller, campaign: str | None = None) -> QueueItem:
        """The item of the caller's last answer, open again; the answer is kept, its annotation retracted by a revision.

        Raises:
            NotFound: the caller has no answer to take back.
            Refused: the campaign has already built on the answer.
        """
        answer_id = caller.new_id("ans")
        with self._records.read() as connection:
            done = connection.execute(_answer(caller, answer_id)).first()
        if done is not None:
            return self.item(caller, done.item)
        with self._events.change(caller, "labels.undo", campaign or "") as change:
            last = _last_answer(change, caller, campaign)
            row = _item_row(change.connection, caller, last.item)
            home = self.campaign(caller, last.campaign)
            if row.purpose != Purpose.SECOND and row.round != home.round - 1:
                raise Refused(
                    "The campaign has already built on this answer.",
                    hint="Write a new annotation of the sample instead; the decision's receipt stays as it is.",
                    item=row.id,
                )
            annotation = ""
            if last.annotation:
                others = _votes(change, caller, row)
                annotation = self._write(change, caller, home, row, settled(others, "") if others else "", None, 0.0)
            _keep(change, caller, answer_id, row, "undo", "", 0.0, annotation, last.id)
            change.execute(_update(caller, row.id), {"state": OPEN, "verb": "", "label": ""})
            change.emit("sightloop.labels.undone", {"item": row.id, "campaign": last.campaign, "answer": last.id})
        return self.item(caller, last.item)

    def answers(self, caller: Caller, campaign: str) -> list[Answer]:
        """All answers of a campaign, in the order in which they came, those taken back included."""
        self.campaign(caller, campaign)
        query = (
            sa.select(answers)
            .where(answers.c.workspace_id == caller.workspace, answers.c.campaign == campaign)
            .order_by(answers.c.number)
        )
        with self._records.read() as connection:
            return [answer_of(row) for row in connection.execute(query)]

    def second_opinions(self, caller: Caller, campaign: str, count: int, seed: int = 0) -> list[QueueItem]:
        """New blind items about samples that a person has labelled, drawn at random; answers change no annotation."""
        home = self.campaign(caller, campaign)
        mine = self.items(caller, campaign)
        asked = {item.sample for item in mine if item.purpose is Purpose.SECOND}
        labelled = sorted({item.sample for item in mine if item.label and item.sample not in asked})
        if not labelled or count < 1:
            raise NotEnoughData("No sample waits for a second opinion.", hint="Answer items of the campaign first.")
        picked = [labelled[i] for i in draw(np.arange(len(labelled)), count, seed)]
        made_at = now().isoformat()
        rows = [
            new_item(caller, home, sample, Purpose.SECOND, AFTER_ALL, len(asked) + at, "", 0.0, made_at)
            for at, sample in enumerate(picked)
        ]
        with self._events.change(caller, "labels.second", campaign) as change:
            insert_once(change.connection, queue_items, rows)
            change.emit("sightloop.labels.asked", {"campaign": campaign, "purpose": "second", "count": len(rows)})
        return [self.item(caller, row["id"]) for row in rows]

    def disagreement(self, caller: Caller, campaign: str) -> Interval:
        """The share of second opinions that differ from the first, with its 95 % Clopper-Pearson limits.

        Where both people err independently at rate e on two classes, it is 2 e (1 - e).
        """
        mine = [item for item in self.items(caller, campaign, ANSWERED) if item.label]
        first = {item.sample: item.label for item in mine if item.purpose not in (Purpose.SECOND, Purpose.CHECK)}
        pairs = [(first[item.sample], item.label) for item in mine if item.purpose is Purpose.SECOND]
        if not pairs:
            raise NotEnoughData("There are no second opinions yet.", hint="Ask for some: second_opinions(count).")
        return binomial_interval(sum(a != b for a, b in pairs), len(pairs))

    def counts(self, caller: Caller, campaign: str) -> Counts:
        """Decisions so far by purpose and verb, and in seconds; `human` is every answer that a person was asked for."""
        home = self.campaign(caller, campaign)
        kept = self.answers(caller, campaign)
        given = [one for one in kept if one.verb != "undo"]
        why = Counter(one.purpose for one in given)
        how = Counter(one.verb for one in given)
        with self._records.read() as connection:
            waiting = connection.execute(_items(caller, campaign).where(queue_items.c.state == OPEN)).all()
        return {
            "size": home.size,
            "human": len(given),
            "auto": sum(attempt["accepted"] for attempt in home.attempts),
            "open": len(waiting),
            "seeds": why[Purpose.SEED],
            "lessons": why[Purpose.LESSON],
            "audits": why[Purpose.AUDIT],
            "doubts": why[Purpose.DOUBT],
            "rest": why[Purpose.REST],
            "checks": why[Purpose.CHECK],
            "seconds": why[Purpose.SECOND],
            "accepts": how["accept"],
            "fixes": how["fix"],
            "rejects": how["reject"],
            "skips": how["skip"],
            "undone": len(kept) - len(given),
            "duration_s": round(sum(one.duration_s for one in given), 3),
        }

    def waiting(self, caller: Caller) -> list[Waiting]:
        """The campaigns in which questions wait for people, the longest-waiting first."""
        mine = campaigns.c.workspace_id == queue_items.c.workspace_id
        query = (
            sa.select(campaigns.c.id, campaigns.c.name, sa.func.count(), sa.func.min(queue_items.c.made_at))
            .join(queue_items, mine & (campaigns.c.id == queue_items.c.campaign))
            .where(campaigns.c.workspace_id == caller.workspace, queue_items.c.state == OPEN)
            .group_by(campaigns.c.id, campaigns.c.name)
        )
        with self._records.read() as connection:
            found = [Waiting(*row) for row in connection.execute(query)]
        return sorted(found, key=lambda one: (one.since, one.subject))

    def references(self, workspace: str) -> set[str]:
        """Digests of all blobs that campaigns and their receipts point at."""
        found: set[str] = set()
        with self._records.read() as connection:
            for row in connection.execute(sa.select(campaigns).where(campaigns.c.workspace_id == workspace)):
                found |= {row.pool, *(attempt[kind] for attempt in row.attempts for kind in ("data", "evidence"))}
        return found - {""}

    def check(self, workspace: str) -> list[str]:
        """What is wrong: blobs that are gone, answered items without an answer, answers without an item."""
        there = set(self._stores.workspace(workspace).blobs.digests())
        problems = [f"campaigns: blob {one[:12]} is gone" for one in sorted(self.references(workspace) - there)]
        items = sa.select(queue_items.c.id).where(queue_items.c.workspace_id == workspace)
        said = sa.select(answers.c.item).where(answers.c.workspace_id == workspace)
        with self._records.read() as connection:
            for item in connection.scalars(items.where(queue_items.c.state == ANSWERED, queue_items.c.id.not_in(said))):
                problems.append(f"labels: item {item} is answered without an answer")
            for answer in connection.scalars(
                sa.select(answers.c.id).where(answers.c.workspace_id == workspace, answers.c.item.not_in(items))
            ):
                problems.append(f"labels: answer {answer} belongs to no item")
        return problems

    def _lease(self, caller: Caller, campaign: str) -> QueueItem | None:
        moment = now()
        free = sa.or_(queue_items.c.leased_by.in_(["", caller.actor]), queue_items.c.leased_until < moment.isoformat())
        query = _items(caller, campaign).where(queue_items.c.state == OPEN, free).limit(1)
        mine = sa.select(answers.c.sample).where(
            answers.c.workspace_id == caller.workspace,
            answers.c.campaign == campaign,
            answers.c.author == caller.actor,
        )
        others = query.where(sa.or_(queue_items.c.purpose != str(Purpose.CHECK), queue_items.c.sample.not_in(mine)))
        with self._records.write() as connection:
            row = connection.execute(others).first() or connection.execute(query).first()
            if row is None:
                return None
            until = (moment + timedelta(seconds=LEASE_S)).isoformat()
            connection.execute(_update(caller, row.id), {"leased_by": caller.actor, "leased_until": until})
        return self.item(caller, row.id)

    def _label_of(self, caller: Caller, campaign: Campaign, item: QueueItem, verb: str, label: str | None) -> str:
        """The class that the answer means, or nothing for a reject or skip."""
        if verb not in VERBS:
            raise InvalidInput(f'"{verb}" is no answer.', hint=f"Answers: {', '.join(VERBS)}.")
        if verb in ("reject", "skip"):
            return ""
        if verb == "accept":
            if not item.suggestion:
                raise InvalidInput("This item shows no suggestion to accept.", hint='Give the label: "fix".')
            if label not in (None, "", item.suggestion):
                raise InvalidInput(
                    f'The suggestion is "{item.suggestion}", not "{label}".', hint='Use "fix" to differ.'
                )
            return item.suggestion
        classes = self._datasets.schema(caller, campaign.schema).classes
        if not label or label not in classes:
            raise InvalidInput(
                f'"{label or ""}" is no class of the schema.', hint=f"Classes: {', '.join(classes[:10])}."
            )
        return label

    def _stands(self, change: Change, caller: Caller, row: Any, chosen: str) -> bool:
        """Whether the answer makes its label that of the sample: always, unless it checks answers that outweigh it."""
        before = _votes(change, caller, row)
        return not before or chosen == settled([*before, chosen], "") != settled(before, "")

    def _write(
        self,
        change: Change,
        caller: Caller,
        campaign: Campaign,
        row: Any,
        label: str,
        expected: int | None,
        seconds: float,
    ) -> str:
        """The id of the new revision of the sample's annotation."""
        shown = item_of(row).suggestion
        basis = Basis.DRAWN if not shown else Basis.ACCEPTED if shown == label else Basis.CORRECTED
        new = NewAnnotation(
            sample=row.sample, schema=campaign.schema, label=label, basis=basis, author=caller.actor,
            expected_revision=expected, queue_item=row.id, duration_s=seconds,
        )  # fmt: skip
        return self._annotations.write(change, caller, [new])[0].id


def _votes(change: Change, caller: Caller, row: Any) -> list[str]:
    """What was answered in the campaign about the item's sample, in the order of the questions, without this item."""
    query = _items(caller, row.campaign).where(
        queue_items.c.sample == row.sample,
        queue_items.c.state == ANSWERED,
        queue_items.c.purpose != str(Purpose.SECOND),
        queue_items.c.id != row.id,
    )
    return [one.label for one in change.execute(query)]


def _items(caller: Caller, campaign: str) -> sa.Select[Any]:
    return (
        sa.select(queue_items)
        .where(queue_items.c.workspace_id == caller.workspace, queue_items.c.campaign == campaign)
        .order_by(queue_items.c.round, queue_items.c.position, queue_items.c.id)
    )


def _item_row(connection: sa.Connection, caller: Caller, item_id: str) -> Any:
    query = sa.select(queue_items).where(queue_items.c.workspace_id == caller.workspace, queue_items.c.id == item_id)
    row = connection.execute(query).first()
    if row is None:
        raise not_found("item", item_id, hint="Fetch the next one: sightloop label next")
    return row


def _check_free(row: Any, caller: Caller) -> None:
    if row.state == ANSWERED:
        raise Conflict(
            f"The item {row.id} is answered already.", hint="Fetch the next one, or undo the answer.", verb=row.verb
        )
    if row.leased_by not in ("", caller.actor) and row.leased_until > now().isoformat():
        raise Conflict(f"The item {row.id} is kept for somebody else.", hint="Fetch the next one.")


def _answer(caller: Caller, answer_id: str) -> sa.Select[Any]:
    return sa.select(answers).where(answers.c.workspace_id == caller.workspace, answers.c.id == answer_id)


def _last_answer(change: Change, caller: Caller, campaign: str | None) -> Any:
    undone = sa.select(answers.c.undoes).where(answers.c.workspace_id == caller.workspace)
    query = sa.select(answers).where(
        answers.c.workspace_id == caller.workspace,
        answers.c.author == caller.actor,
        answers.c.verb != "undo",
        answers.c.id.not_in(undone),
    )
    if campaign is not None:
        query = query.where(answers.c.campaign == campaign)
    row = change.execute(query.order_by(answers.c.number.desc()).limit(1)).first()
    if row is None:
        raise NotFound("You have given no answer that could be taken back.", hint="Fetch the next item.")
    return row


def _keep(
    change: Change, caller: Caller, answer_id: str, row: Any, verb: str, label: str, seconds: float, annotation: str,
    undoes: str,
) -> None:  # fmt: skip
    newest = sa.select(sa.func.coalesce(sa.func.max(answers.c.number), 0)).where(
        answers.c.workspace_id == caller.workspace
    )
    change.execute(
        sa.insert(answers),
        {
            "workspace_id": caller.workspace, "id": answer_id, "number": change.execute(newest).scalar_one() + 1,
            "item": row.id, "campaign": row.campaign, "sample": row.sample, "purpose": row.purpose, "verb": verb,
            "label": label, "author": caller.actor, "duration_s": seconds, "annotation": annotation, "undoes": undoes,
            "made_at": now().isoformat(),
        },
    )  # fmt: skip


def _update(caller: Caller, item_id: str) -> sa.Update:
    return sa.update(queue_items).where(queue_items.c.workspace_id == caller.workspace, queue_items.c.id == item_id)
