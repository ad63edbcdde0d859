"""Review queues: which image is looked at next, and by whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from sightloop.datasets import Datasets, LabelledObject
from sightloop.domain import Caller, derived_id, now
from sightloop.errors import Conflict, InvalidInput, NotEnoughData, not_found
from sightloop.events import Events
from sightloop.labeling.consensus import shares_of
from sightloop.labeling.ports import Predictions
from sightloop.labeling.records import Waiting
from sightloop.labeling.review_records import (
    ADJUDICATE,
    BOXES,
    CLASS,
    DONE,
    GIVEN,
    LABEL,
    OPEN,
    RETURNED,
    NextReviewItem,
    Opinion,
    ReviewItem,
    ReviewQueue,
)
from sightloop.labeling.tables import review_answers, review_items, review_queues
from sightloop.storage import Records, insert_once

LEASE_S: Final = 600.0
MAX_ANSWERS: Final = 20
MAX_HONEYPOTS: Final = 1000
_AHEAD: Final = 4  # the item itself and three to fetch in advance
_READ: Final = 100


class Queues:
    """Makes review queues and hands their items out."""

    def __init__(self, records: Records, events: Events, datasets: Datasets, predictions: Predictions) -> None:
        self._records = records
        self._events = events
        self._datasets = datasets
        self._predictions = predictions

    def create(
        self,
        caller: Caller,
        *,
        name: str,
        schema: str,
        samples: Sequence[str],
        answers_wanted: int = 1,
        honeypots: Sequence[str] = (),
        agreement: float = 0.7,
        geometry: str = "",
        seed: int = 0,
    ) -> ReviewQueue:
        """A queue over the samples, in their order.

        Args:
            answers_wanted: from different people for each sample; more than one makes the queue blind.
            honeypots: samples whose truth is known: what stands on them now. They are mixed in, are asked of everybody,
                and change nothing; they make the queue blind too.
            agreement: answers that agree less go to adjudication.
            geometry: what is drawn first; empty takes the schema's first one that is no class.
            seed: of the places of the honeypots.

        Raises:
            NotEnoughData: no samples, or nothing is known of a honeypot.
        """
        queue_id = caller.new_id("rvq")
        found = self._datasets.schema(caller, schema)
        drawn = geometry or next((one for one in found.geometry_types if one != CLASS), CLASS)
        if drawn not in found.geometry_types:
            raise InvalidInput(
                f'The schema "{found.name}" does not hold "{drawn}".',
                hint=f"It holds {', '.join(found.geometry_types)}.",
            )
        if not 1 <= answers_wanted <= MAX_ANSWERS or not 0 <= agreement <= 1 or len(honeypots) > MAX_HONEYPOTS:
            raise InvalidInput(
                "The queue asks for too many answers or honeypots, or for an agreement that is no share.",
                hint=f"At most {MAX_ANSWERS} answers and {MAX_HONEYPOTS} honeypots; agreement from 0 to 1.",
            )
        wanted = [one for one in dict.fromkeys(samples) if one not in set(honeypots)]
        if not wanted:
            raise NotEnoughData("There is nothing to review.", hint="Give samples, or a filter that selects some.")
        self._check_samples(caller, wanted)
        truths = self._truths(caller, found.id, list(dict.fromkeys(honeypots)), drawn)
        row = {
            "workspace_id": caller.workspace, "id": queue_id, "name": name, "schema_id": found.id,
            "mode": CLASS if drawn == CLASS else BOXES, "geometry": drawn, "answers_wanted": answers_wanted,
            "agreement": agreement, "blind": answers_wanted > 1 or bool(honeypots), "made_at": now().isoformat(),
        }  # fmt: skip
        order: list[str] = list(wanted)
        for at, sample in zip(
            np.random.default_rng(seed).integers(len(order) + 1, size=len(truths)), truths, strict=True
        ):
            order.insert(int(at), sample)
        items = [_new_item(caller, queue_id, one, at, truths.get(one)) for at, one in enumerate(order)]
        with self._events.change(caller, "review.queue", queue_id) as change:
            insert_once(change.connection, review_queues, [row])
            insert_once(change.connection, review_items, items)
            change.emit("sightloop.review.queued", {"queue": queue_id, "schema": found.id, "samples": len(wanted)})
        return self.queue(caller, queue_id)

    def queues(self, caller: Caller) -> list[ReviewQueue]:
        """All review queues, oldest first."""
        query = sa.select(review_queues).where(review_queues.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(review_queues.c.made_at, review_queues.c.id)).all()
            return [self._queue(connection, caller, row) for row in rows]

    def waiting(self, caller: Caller) -> list[Waiting]:
        """The queues in which images wait for people, the longest-waiting first; honeypots wait for nobody."""
        mine = review_queues.c.workspace_id == review_items.c.workspace_id
        query = (
            sa.select(review_queues.c.id, review_queues.c.name, sa.func.count(), review_queues.c.made_at)
            .join(review_items, mine & (review_queues.c.id == review_items.c.queue))
            .where(review_queues.c.workspace_id == caller.workspace, sa.not_(review_items.c.honeypot))
            .where(review_items.c.state.in_([OPEN, ADJUDICATE]))
            .group_by(review_queues.c.id, review_queues.c.name, review_queues.c.made_at)
        )
        with self._records.read() as connection:
            found = [Waiting(*row) for row in connection.execute(query)]
        return sorted(found, key=lambda one: (one.since, one.subject))

    def queue(self, caller: Caller, queue_id: str) -> ReviewQueue:
        """One review queue. Raises NotFound."""
        with self._records.read() as connection:
            return self._queue(connection, caller, queue_row(connection, caller, queue_id))

    def next(self, caller: Caller, queue_id: str, after: str = "") -> NextReviewItem:
        """The next item for the caller, kept for ten minutes: the same one until it is answered, or left by `after`.

        Nobody is asked twice about one image, except to adjudicate it where nobody else is left.
        """
        moment = now().isoformat()
        with self._records.write() as connection:
            row = queue_row(connection, caller, queue_id)
            left = item_row(connection, caller, after) if after else None
            if left is not None:
                leases = {actor: until for actor, until in left.leases.items() if actor != caller.actor}
                connection.execute(update_item(caller, left.id), {"leases": leases})
            found = self._eligible(connection, caller, row, left.position if left is not None else -1, moment)
            if not found:
                return NextReviewItem(None, ())
            until = (datetime.fromisoformat(moment) + timedelta(seconds=LEASE_S)).isoformat()
            leases = {actor: at for actor, at in found[0].leases.items() if at > moment} | {caller.actor: until}
            connection.execute(update_item(caller, found[0].id), {"leases": leases})
        return NextReviewItem(self.item(caller, found[0].id), [self.item(caller, one.id) for one in found[1:]])

    def item(self, caller: Caller, item_id: str) -> ReviewItem:
        """One item as the caller may see it. Raises NotFound."""
        with self._records.read() as connection:
            row = item_row(connection, caller, item_id)
            home = queue_row(connection, caller, row.queue)
            given = connection.execute(answers_of(caller, item_id)).all()
        schema = self._datasets.schema(caller, home.schema_id)
        blind = home.blind and row.state != ADJUDICATE
        judged = [one for one in given if one.state == GIVEN and one.kind == LABEL and one.verb != "skip"]
        shown: list[Opinion] = []
        if row.state == ADJUDICATE:
            shares = shares_of([one.objects for one in judged])
            shown = [_said(one, share) for one, share in zip(judged, shares, strict=True)]
        elif row.sent_to:
            shown = [_said(one) for one in given if one.author == caller.actor and one.state == RETURNED][-1:]
        until = row.leases.get(caller.actor)
        return ReviewItem(
            id=row.id, queue=row.queue, schema=schema.name, mode=home.mode, geometry=home.geometry, sample=row.sample,
            kind=ADJUDICATE if row.state == ADJUDICATE else LABEL, blind=blind,
            suggestions=[] if blind else self.suggestions(caller, row.sample, schema.id), answers=shown,
            agreement=row.agreement if row.state == ADJUDICATE else None, reason=row.reason,
            revision=0 if blind else self._datasets.objects.read(caller, row.sample, schema.id).revision,
            leased_until=datetime.fromisoformat(until) if until else None,
        )  # fmt: skip

    def suggestions(self, caller: Caller, sample: str, schema: str) -> list[LabelledObject]:
        """What the newest prediction, or a newer import, suggests for the sample."""
        prediction = self._predictions.newest_of(caller, sample)
        return self._datasets.objects.suggestions(caller, sample, schema, prediction)

    def _eligible(self, connection: sa.Connection, caller: Caller, home: Any, after: int, moment: str) -> list[Any]:
        """Up to four items that the caller may answer now: his own first, then by position from `after` on, around."""
        mine = sa.select(review_answers.c.item).where(
            review_answers.c.workspace_id == caller.workspace,
            review_answers.c.queue == home.id,
            review_answers.c.author == caller.actor,
            review_answers.c.state == GIVEN,
        )
        took_part = review_items.c.id.in_(mine)
        query = (
            sa.select(review_items, took_part.label("took_part"))
            .where(review_items.c.workspace_id == caller.workspace, review_items.c.queue == home.id)
            .where(sa.or_(review_items.c.state == ADJUDICATE, (review_items.c.state == OPEN) & ~took_part))
            .order_by(took_part, review_items.c.position <= after, review_items.c.position)
        )
        found: list[Any] = []
        start = 0
        while len(found) < _AHEAD or all(row.honeypot for row in found):
            rows = connection.execute(query.limit(_READ).offset(start)).all()
            found += [row for row in rows if is_free(row, home, caller.actor, moment)]
            start += _READ
            if len(rows) < _READ:
                break
        if all(row.honeypot for row in found):  # nothing but honeypots is left: the queue has ended for this person
            return []
        held = [row for row in found if row.leases.get(caller.actor, "") > moment and row.position != after]
        return [*held[:1], *(row for row in found if row not in held[:1])][:_AHEAD]

    def _truths(
        self, caller: Caller, schema: str, honeypots: Sequence[str], drawn: str
    ) -> dict[str, list[dict[str, Any]]]:
        found = self._datasets.annotations.objects(caller, schema, honeypots)
        truths = {}
        for sample in honeypots:
            known = [
                {"id": one.object, "label": one.label, "geometry_type": one.geometry_type, "geometry": one.geometry}
                for one in found.get(sample, [])
                if one.label and (one.geometry_type == CLASS) == (drawn == CLASS)
            ]
            if not known:
                raise NotEnoughData(
                    f"Nothing is known of the honeypot {sample}.", hint="Label it first, under the schema of the queue."
                )
            truths[sample] = known
        return truths

    def _check_samples(self, caller: Caller, samples: Sequence[str]) -> None:
        unknown = sorted(set(samples) - set(self._datasets.sample_ids(caller)))
        if unknown:
            raise not_found("sample", unknown[0], hint="List them: sightloop samples list")

    def _queue(self, connection: sa.Connection, caller: Caller, row: Any) -> ReviewQueue:
        begun = review_items.c.answered > 0
        query = (
            sa.select(review_items.c.state, begun.label("begun"), sa.func.count().label("many"))
            .where(review_items.c.workspace_id == caller.workspace, review_items.c.queue == row.id)
            .where(sa.not_(review_items.c.honeypot))
            .group_by(review_items.c.state, begun)
        )
        counts: Counter[str] = Counter({OPEN: 0, "answered": 0, ADJUDICATE: 0, DONE: 0})
        for one in connection.execute(query):
            counts["answered" if one.state == OPEN and one.begun else one.state] += one.many
        return ReviewQueue(
            id=row.id, name=row.name, schema=self._datasets.schema(caller, row.schema_id).name, mode=row.mode,
            geometry=row.geometry, answers_wanted=row.answers_wanted, agreement=row.agreement, blind=row.blind,
            counts=dict(counts), made_at=datetime.fromisoformat(row.made_at),
        )  # fmt: skip


def is_free(row: Any, home: Any, actor: str, moment: str) -> bool:
    """Whether the actor may answer the item now, as far as others are concerned."""
    others = sum(1 for one, until in row.leases.items() if one != actor and until > moment)
    if row.state == ADJUDICATE:
        return not others
    if row.sent_to:
        return bool(actor in row.sent_to)
    return bool(row.honeypot or row.answered + others < home.answers_wanted)


def check_free(row: Any, home: Any, caller: Caller, *, took_part: bool) -> None:
    """Nothing; raises Conflict where the caller may not answer the item now."""
    if row.state == DONE or (row.state == OPEN and took_part):
        raise Conflict(f"The item {row.id} is answered already.", hint="Fetch the next one, or undo the answer.")
    if not is_free(row, home, caller.actor, now().isoformat()):
        raise Conflict(f"The item {row.id} is kept for somebody else.", hint="Fetch the next one.")


def _said(one: Any, agreement: float | None = None) -> Opinion:
    return Opinion(one.author, one.verb, one.objects, agreement)


def _new_item(caller: Caller, queue: str, sample: str, position: int, truth: Any) -> dict[str, Any]:
    return {
        "workspace_id": caller.workspace, "id": derived_id("rvi", caller.workspace, queue, sample), "queue": queue,
        "sample": sample, "position": position, "state": OPEN, "honeypot": truth is not None, "truth": truth or [],
        "answered": 0, "agreement": None, "leases": {}, "sent_to": [], "reason": "",
    }  # fmt: skip


def queue_row(connection: sa.Connection, caller: Caller, queue_id: str) -> Any:
    """The row of a queue; raises NotFound."""
    mine = sa.select(review_queues).where(review_queues.c.workspace_id == caller.workspace)
    row = connection.execute(mine.where(review_queues.c.id == queue_id)).first()
    if row is None:
        raise not_found("review queue", queue_id, hint="List them: sightloop review list")
    return row


def item_row(connection: sa.Connection, caller: Caller, item_id: str) -> Any:
    """The row of an item; raises NotFound."""
    mine = sa.select(review_items).where(review_items.c.workspace_id == caller.workspace)
    row = connection.execute(mine.where(review_items.c.id == item_id)).first()
    if row is None:
        raise not_found("review item", item_id, hint="Fetch the next one: sightloop review next")
    return row


def answers_of(caller: Caller, item_id: str) -> sa.Select[Any]:
    """All answers about an item, in the order in which they came."""
    mine = sa.select(review_answers).where(review_answers.c.workspace_id == caller.workspace)
    return mine.where(review_answers.c.item == item_id).order_by(review_answers.c.number)


def update_item(caller: Caller, item_id: str) -> sa.Update:
    """An update of one item."""
    return sa.update(review_items).where(review_items.c.workspace_id == caller.workspace, review_items.c.id == item_id)
