"""What people answer in review queues, what comes of it, and how it is taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import LabelledObject, Operation
from sightloop.domain import AuthorKind, Basis, Caller, now
from sightloop.errors import Conflict, InvalidInput, NotFound, Refused
from sightloop.events import Change
from sightloop.labeling.consensus import Agreement, Tally, agreement_of, agreement_report, chosen_of
from sightloop.labeling.queues import Queues, answers_of, check_free, item_row, queue_row, update_item
from sightloop.labeling.review_records import (
    ADJUDICATE,
    CLASS,
    COUNTED,
    DONE,
    GIVEN,
    LABEL,
    OPEN,
    RETURNED,
    REVIEW_VERBS,
    UNDONE,
    ReviewAnswer,
)
from sightloop.labeling.tables import review_answers, review_items

MAX_OBJECTS: Final = 500
_MAX_REASON: Final = 2000
Objects = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody says of an item.

    Attributes:
        verb: "approve", "fix" or "reject" the image, "adjudicate" answers that differ, "skip", "send_back" to authors.
        objects: all that should stand on the image; None approves what stands and what is suggested.
        label: the class of the whole image.
        expected_revision: the newest revision of the sample that the person saw, 0 for none.
    """

    verb: str
    objects: Sequence[Operation] | None = None
    label: str = ""
    reason: str = ""
    duration_s: float = 0.0
    expected_revision: int | None = None


class Reviews(Queues):
    """Review queues with their answers. Every answer is kept; nothing is ever deleted."""

    def answer(self, caller: Caller, item_id: str, verdict: Verdict) -> ReviewAnswer:
        """The answer as it was taken. Under the same idempotency key it is taken once.

        What a review comes to is written as annotations: one answer at once, several where they agree enough or
        somebody has adjudicated them. A rejected image is left as it stands.

        Raises:
            Conflict: answered already, kept for somebody else, or the sample was written on meanwhile.
            InvalidInput: a verb or an object that does not fit the item.
            Refused: there is nobody to send it back to.
        """
        answer_id = caller.new_id("rva")
        with self._records.read() as connection:
            row = item_row(connection, caller, item_id)
            home = queue_row(connection, caller, row.queue)
            done = connection.execute(_answer(caller, answer_id)).first()
        if done is not None:
            return _taken(done, row.sample)
        kind = ADJUDICATE if row.state == ADJUDICATE else LABEL
        _check_verb(verdict, kind, blind=home.blind)
        objects = self._objects(caller, home, row, verdict)
        with self._events.change(caller, "review.answer", item_id) as change:
            row = item_row(change.connection, caller, item_id)
            given = [one for one in change.execute(answers_of(caller, item_id)) if one.state == GIVEN]
            if row.state != DONE and (kind == ADJUDICATE) != (row.state == ADJUDICATE):
                raise Conflict(f"The item {item_id} has changed meanwhile.", hint="Fetch it again.")
            check_free(row, home, caller, took_part=any(one.author == caller.actor for one in given))
            values = {
                "workspace_id": caller.workspace, "id": answer_id, "number": _number(change, caller),
                "queue": row.queue,
                "item": item_id, "author": caller.actor, "kind": kind, "verb": verdict.verb, "objects": objects,
                "written": {}, "reason": verdict.reason[:_MAX_REASON], "duration_s": verdict.duration_s,
                "agreement": _with_truth(home, row, objects) if row.honeypot else None, "state": GIVEN,
                "made_at": now().isoformat(),
            }  # fmt: skip
            moved, written = self._moved(change, caller, home, row, given, values, verdict)
            change.execute(sa.insert(review_answers), {**values, "written": written})
            leases = {actor: until for actor, until in row.leases.items() if actor != caller.actor}
            change.execute(update_item(caller, item_id), {"leases": leases, **moved})
            told = {"item": item_id, "queue": row.queue, "verb": verdict.verb}
            change.emit("sightloop.review.answered", told)
        return ReviewAnswer(answer_id, item_id, row.sample, verdict.verb, datetime.fromisoformat(values["made_at"]))

    def undo(self, caller: Caller, item_id: str) -> ReviewAnswer:
        """The caller's last answer to the item, taken back with what it wrote; the item is open again.

        Raises:
            NotFound: the caller has no answer there.
            Refused: somebody has built on it. Conflict: what it wrote was changed meanwhile.
        """
        undo_id = caller.new_id("rva")
        with self._records.read() as connection:
            row = item_row(connection, caller, item_id)
            home = queue_row(connection, caller, row.queue)
            done = connection.execute(_answer(caller, undo_id)).first()
        if done is not None:
            return _taken(done, row.sample)
        with self._events.change(caller, "review.undo", item_id) as change:
            row = item_row(change.connection, caller, item_id)
            every = list(change.execute(answers_of(caller, item_id)))
            given = [one for one in every if one.state == GIVEN and one.verb != "undo"]
            mine = [one for one in given if one.author == caller.actor]
            if not mine:
                raise NotFound("You have given no answer here that could be taken back.", hint="Fetch the next item.")
            last = mine[-1]
            if (row.state != OPEN or last.written.get("returned")) and last.id != given[-1].id:
                raise Refused("Somebody has built on this answer.", hint="Write on the sample itself instead.")
            self._restore(change, caller, home, row, last.written.get("objects", []))
            returned = last.written.get("returned", [])
            home_of = review_answers.c
            mine_too = home_of.workspace_id == caller.workspace
            change.execute(sa.update(review_answers).where(mine_too, home_of.id == last.id).values(state=UNDONE))
            change.execute(sa.update(review_answers).where(mine_too, home_of.id.in_(returned)).values(state=GIVEN))
            left = [one for one in every if one.id in returned or (one in given and one.id != last.id)]
            before = last.written.get("before", {})
            if row.state == OPEN and not returned:  # others may have answered since
                mine_again = [caller.actor] if caller.actor in before.get("sent_to", ()) else []
                before = {"sent_to": [*row.sent_to, *mine_again]}
            change.execute(
                update_item(caller, item_id),
                {"state": last.kind if last.kind == ADJUDICATE else OPEN, "answered": _counted(left), **before},
            )
            values = {
                **{name: getattr(last, name) for name in ("queue", "item", "author", "kind")},
                "workspace_id": caller.workspace, "id": undo_id, "number": _number(change, caller), "verb": "undo",
                "objects": [], "written": {}, "reason": "", "duration_s": 0.0, "agreement": None, "state": UNDONE,
                "made_at": now().isoformat(),
            }  # fmt: skip
            change.execute(sa.insert(review_answers), values)
            change.emit("sightloop.review.undone", {"item": item_id, "queue": row.queue, "answer": last.id})
        return ReviewAnswer(undo_id, item_id, row.sample, "undo", datetime.fromisoformat(values["made_at"]))

    def agreement(self, caller: Caller, queue_id: str) -> Agreement:
        """How far the people who answered in the queue agree, and how often each was right about honeypots.

        An answer to a honeypot is right where it agrees with the truth at least as far as the queue asks.
        """
        with self._records.read() as connection:
            home = queue_row(connection, caller, queue_id)
            mine = review_items.c.workspace_id == caller.workspace
            pots = sa.select(review_items.c.id).where(mine, review_items.c.queue == queue_id, review_items.c.honeypot)
            honeypots = set(connection.scalars(pots))
            rows = connection.execute(
                sa.select(review_answers)
                .where(review_answers.c.workspace_id == caller.workspace, review_answers.c.queue == queue_id)
                .where(review_answers.c.state == GIVEN, review_answers.c.kind == LABEL)
                .where(review_answers.c.verb.in_(COUNTED))
                .order_by(review_answers.c.number)
            ).all()
        by_item: dict[str, dict[str, Any]] = defaultdict(dict)
        tallies: dict[str, Tally] = defaultdict(Tally)
        for one in rows:
            tallies[one.author].seconds.append(one.duration_s)
            if one.item in honeypots:
                tallies[one.author].right.append(one.agreement >= home.agreement)
            else:
                by_item[one.item][one.author] = one.objects
        return agreement_report(by_item, tallies, classes=home.mode == CLASS)

    def _objects(self, caller: Caller, home: Any, row: Any, verdict: Verdict) -> Objects:
        """All that should stand on the image, checked."""
        if verdict.verb not in ("approve", "fix", "adjudicate"):
            return []
        operations = list(verdict.objects or ())
        if verdict.label:
            basis = Basis.DRAWN if home.blind else self._basis_of(caller, home, row, verdict.label)
            operations.append(Operation("put", "", None, verdict.label, basis=basis))
        if verdict.objects is None and not verdict.label:
            if home.blind or verdict.verb != "approve":
                raise InvalidInput(
                    "The answer says nothing.", hint='Give the "objects" that are right, or the "label" of the image.'
                )
            operations += self._shown(caller, home, row)
        names = [one.object for one in operations]
        if len(names) > MAX_OBJECTS or len(set(names)) < len(names):
            raise InvalidInput(
                "The answer has too many objects, or two of one name.", hint=f"At most {MAX_OBJECTS}, each once."
            )
        return self._datasets.objects.checked(caller, row.sample, home.schema_id, operations)

    def _shown(self, caller: Caller, home: Any, row: Any) -> list[Operation]:
        """What stands on the sample, and what is suggested and not rejected, as far as the queue asks for it."""
        stands = self._datasets.objects.read(caller, row.sample, home.schema_id)
        known = {one.id for one in stands.objects} | set(stands.rejected)
        offered = [one for one in self.suggestions(caller, row.sample, home.schema_id) if one.id not in known]
        asked = [one for one in offered if (one.geometry_type == CLASS) == (home.mode == CLASS)]
        return [_put(one, one.basis) for one in stands.objects] + [_put(one, Basis.ACCEPTED) for one in asked]

    def _basis_of(self, caller: Caller, home: Any, row: Any, label: str) -> Basis:
        shown = [one.label for one in self.suggestions(caller, row.sample, home.schema_id) if not one.id]
        return Basis.DRAWN if not shown else Basis.ACCEPTED if label in shown else Basis.CORRECTED

    def _moved(
        self,
        change: Change,
        caller: Caller,
        home: Any,
        row: Any,
        given: Sequence[Any],
        values: Mapping[str, Any],
        verdict: Verdict,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What becomes of the item, and what the answer did."""
        before = {"sent_to": row.sent_to, "reason": row.reason, "agreement": row.agreement}
        waits = [actor for actor in row.sent_to if actor != caller.actor]
        if verdict.verb == "skip":
            return {"sent_to": waits}, {"before": before}
        if verdict.verb == "send_back":
            labels = [one for one in given if one.kind == LABEL and one.verb in COUNTED]
            authors = sorted({one.author for one in labels}) or [self._author_of(caller, home, row)]
            change.execute(
                sa.update(review_answers)
                .where(review_answers.c.workspace_id == caller.workspace)
                .where(review_answers.c.id.in_([one.id for one in labels]))
                .values(state=RETURNED)
            )
            moved = {"state": OPEN, "sent_to": authors, "reason": verdict.reason, "answered": 0, "agreement": None}
            return moved, {"returned": [one.id for one in labels], "before": before}
        if row.state == ADJUDICATE:
            written = self._write(change, caller, home, row, values, caller.actor, verdict)
            return {"state": DONE}, {"objects": written, "before": before}
        labels = [one for one in given if one.kind == LABEL and one.verb in COUNTED]
        answered = len(labels) + 1
        moved = {"answered": answered, "sent_to": waits}
        if row.honeypot or waits or (answered < home.answers_wanted and not row.sent_to):
            return moved, {"before": before}
        if not labels:
            written = self._write(change, caller, home, row, values, caller.actor, verdict)
            return {**moved, "state": DONE, "reason": ""}, {"objects": written, "before": before}
        every = [{name: getattr(one, name) for name in ("objects", "author", "verb")} for one in labels] + [
            dict(values)
        ]
        agreement = agreement_of([one["objects"] for one in every])
        if agreement < home.agreement:
            return {**moved, "state": ADJUDICATE, "agreement": agreement, "reason": ""}, {"before": before}
        best = every[chosen_of([one["objects"] for one in every])]
        written = self._write(change, caller, home, row, best, best["author"], verdict)
        return {**moved, "state": DONE, "agreement": agreement, "reason": ""}, {"objects": written, "before": before}

    def _author_of(self, caller: Caller, home: Any, row: Any) -> str:
        """Who last wrote on the sample, other than the caller and the machine."""
        heads = self._datasets.annotations.objects(caller, home.schema_id, [row.sample]).get(row.sample, [])
        people = [one.author for one in heads if one.author_kind is AuthorKind.PERSON and one.author != caller.actor]
        if not people:
            raise Refused("There is nobody to send this back to.", hint="Fix it, or reject it.")
        return people[-1]

    def _write(
        self,
        change: Change,
        caller: Caller,
        home: Any,
        row: Any,
        values: Mapping[str, Any],
        author: str,
        verdict: Verdict,
    ) -> list[dict[str, Any]]:
        """What was changed on the sample so that just these objects stand there, and what stood before."""
        if values["verb"] == "reject":
            return []
        stands = self._datasets.objects.read(caller, row.sample, home.schema_id)
        if verdict.expected_revision not in (None, stands.revision) and not home.blind:
            raise Conflict(
                f"The sample {row.sample} stands at revision {stands.revision}, not {verdict.expected_revision}.",
                hint="Look at what was written meanwhile, then answer again.",
                sample=row.sample,
                revision=stands.revision,
                expected_revision=verdict.expected_revision,
            )
        before = {one.id: one for one in stands.objects}
        wanted = {one["id"]: one for one in values["objects"]}
        operations = [
            Operation("put", key, None, one["label"], one["geometry_type"], one["geometry"], one["attributes"],
                      one["basis"], verdict.duration_s)
            for key, one in wanted.items() if key not in before or not _same(before[key], one)
        ]  # fmt: skip
        operations += [Operation("remove", key, None) for key in before if key and key not in wanted]
        return self._apply(change, caller, home, row, operations, before, author)

    def _restore(
        self, change: Change, caller: Caller, home: Any, row: Any, written: Sequence[Mapping[str, Any]]
    ) -> None:
        operations = []
        for one in written:
            old = one["before"]
            if old is None:
                operations.append(Operation("remove", one["object"], one["revision"]))
            else:
                fields = (old[name] for name in ("label", "geometry_type", "geometry", "attributes", "basis"))
                operations.append(Operation("put", one["object"], one["revision"], *fields))
        self._apply(change, caller, home, row, operations, {}, caller.actor)

    def _apply(
        self,
        change: Change,
        caller: Caller,
        home: Any,
        row: Any,
        operations: Sequence[Operation],
        before: Mapping[str, LabelledObject],
        author: str,
    ) -> list[dict[str, Any]]:
        if not operations:
            return []
        done = self._datasets.objects.write_within(
            change, caller, row.sample, home.schema_id, operations, author=author, queue_item=row.id
        )
        if done.conflicts:
            raise Conflict(
                f"The object {done.conflicts[0].object} of {row.sample} was written on meanwhile.",
                hint="Look at the sample, then decide.",
                sample=row.sample,
            )
        return [
            {"object": one.id, "revision": one.revision, "before": _kept(before[one.id]) if one.id in before else None}
            for one in done.objects
        ]


def _check_verb(verdict: Verdict, kind: str, *, blind: bool) -> None:
    if verdict.verb not in REVIEW_VERBS:
        raise InvalidInput(f'"{verdict.verb[:40]}" is no answer.', hint=f"Answers: {', '.join(REVIEW_VERBS)}.")
    if kind == LABEL and verdict.verb == "adjudicate":
        raise InvalidInput("There is nothing to adjudicate yet.", hint="Approve, fix or reject the image.")
    if verdict.verb == "send_back" and not verdict.reason.strip():
        raise InvalidInput("An image goes back with a reason.", hint='Give the "reason".')
    if verdict.verb == "send_back" and kind == LABEL and blind:
        raise InvalidInput("Nobody's work is seen here, so there is nothing to send back.", hint="Fix or reject it.")


def _with_truth(home: Any, row: Any, objects: Objects) -> float:
    asked = [one for one in objects if (one["geometry_type"] == CLASS) == (home.mode == CLASS)]
    return agreement_of([asked, row.truth])


def _number(change: Change, caller: Caller) -> int:
    numbers = review_answers.c.number
    newest = sa.select(sa.func.coalesce(sa.func.max(numbers), 0)).where(
        review_answers.c.workspace_id == caller.workspace
    )
    return int(change.execute(newest).scalar_one()) + 1


def _answer(caller: Caller, answer_id: str) -> sa.Select[Any]:
    mine = sa.select(review_answers).where(review_answers.c.workspace_id == caller.workspace)
    return mine.where(review_answers.c.id == answer_id)


def _taken(row: Any, sample: str) -> ReviewAnswer:
    return ReviewAnswer(row.id, row.item, sample, row.verb, datetime.fromisoformat(row.made_at))


def _counted(answers: Sequence[Any]) -> int:
    return sum(one.kind == LABEL and one.verb in COUNTED for one in answers)


def _put(one: LabelledObject, basis: str) -> Operation:
    return Operation("put", one.id, None, one.label, one.geometry_type, one.geometry, one.attributes, basis)


def _kept(one: LabelledObject) -> dict[str, Any]:
    names = ("label", "geometry_type", "geometry", "attributes", "basis")
    return {name: getattr(one, name) for name in names}


def _same(one: LabelledObject, wanted: Mapping[str, Any]) -> bool:
    names = ("label", "geometry_type", "geometry", "attributes")
    return all(getattr(one, name) == wanted[name] for name in names)
