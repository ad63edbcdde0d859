"""Campaigns and the queue that people answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sightloop.interfaces.sdk.connection import Handle, Noun, items_of, part, reference, references
from sightloop.interfaces.sdk.records import Record

Reference = str | Mapping[str, Any]


class Item(Handle):
    """One question to a person: a sample, and a suggestion unless the item is a blind audit."""

    __slots__ = ()

    def accept(self, *, duration_s: float = 0.0, key: str | None = None) -> Item:
        """The item, answered: the suggestion is right."""
        return self._answer("accept", None, duration_s, key)

    def fix(self, label: str, *, duration_s: float = 0.0, key: str | None = None) -> Item:
        """The item, answered: this is the label."""
        return self._answer("fix", label, duration_s, key)

    def reject(self, *, duration_s: float = 0.0, key: str | None = None) -> Item:
        """The item, answered: the sample cannot be labelled."""
        return self._answer("reject", None, duration_s, key)

    def skip(self, *, duration_s: float = 0.0, key: str | None = None) -> Item:
        """The item, left to somebody else."""
        return self._answer("skip", None, duration_s, key)

    def _answer(self, verb: str, label: str | None, duration_s: float, key: str | None) -> Item:
        return Queue(self._connection).answer(self.id, verb, label=label, duration_s=duration_s, key=key)


class Queue(Noun):
    """What waits for a person."""

    def next(self, campaign: Reference | None = None, *, key: str | None = None) -> Item | None:
        """The next item, leased to this caller, or None where nothing waits."""
        body = {"campaign": None if campaign is None else reference(campaign)}
        found = self._connection.post("/queue/next", body, key=key)["item"]
        return None if found is None else Item(found, self._connection)

    def answer(
        self,
        item: Reference,
        verb: str,
        *,
        label: str | None = None,
        expected_revision: int | None = None,
        duration_s: float = 0.0,
        key: str | None = None,
    ) -> Item:
        """The answered item. Verbs: accept, fix (with a label), reject, skip."""
        body = {"verb": verb, "label": label, "expected_revision": expected_revision, "duration_s": duration_s}
        answered = self._connection.post(f"/queue/items/{part(item)}/answer", body, key=key)
        return Item(answered, self._connection)

    def undo(self, *, key: str | None = None) -> Item:
        """The item whose answer, the newest of this caller, was taken back."""
        return Item(self._connection.post("/queue/undo", key=key), self._connection)


class Campaign(Handle):
    """Samples on their way to labels: by people where needed, by audited suggestions where the bound holds."""

    __slots__ = ()

    def next(self) -> Item | None:
        """The next item for a person, or None where none waits now."""
        return Queue(self._connection).next(self)

    def refresh(self) -> Campaign:
        """The campaign as it stands now."""
        return Campaigns(self._connection).get(self.id)

    def advance(self, *, key: str | None = None) -> Campaign:
        """The campaign after every step that needs no person."""
        return Campaign(self._connection.post(f"/campaigns/{part(self)}/advance", key=key), self._connection)

    def counts(self) -> Record:
        """How many labels came from people, from the rule, and from audits."""
        return Campaigns(self._connection).counts(self)

    def questions(self, *, state: str | None = None) -> Sequence[Record]:
        return self._connection.items(f"/campaigns/{part(self)}/items", state=state)


class Campaigns(Noun):
    """Labelling campaigns."""

    def start(
        self,
        *,
        name: str,
        schema: Reference,
        samples: Sequence[Reference],
        eps: float = 0.05,
        alpha: float = 0.05,
        seed_count: int | None = None,
        batch: int | None = None,
        seed: int = 0,
        context: Sequence[Reference] = (),
        key: str | None = None,
    ) -> Campaign:
        """A campaign that accepts labels without a person where at most `eps` of them are wrong, sure by 1 - alpha.

        `context`: samples labelled already, which also train the suggestions.
        """
        body = {
            "name": name,
            "schema": reference(schema),
            "samples": references(samples),
            "eps": eps,
            "alpha": alpha,
            "seed_count": seed_count,
            "batch": batch,
            "seed": seed,
            "context": references(context),
        }
        return Campaign(self._connection.post("/campaigns", body, key=key), self._connection)

    def get(self, campaign: str) -> Campaign:
        return Campaign(self._connection.get(f"/campaigns/{part(campaign)}"), self._connection)

    def counts(self, campaign: Reference) -> Record:
        """How many labels came from people, from the rule, and from audits."""
        return self._connection.get(f"/campaigns/{part(campaign)}/counts")

    def answers(self, campaign: Reference) -> Sequence[Record]:
        """Every answer in order, those taken back included."""
        return self._connection.items(f"/campaigns/{part(campaign)}/answers")

    def second_opinions(
        self, campaign: Reference, count: int, *, seed: int = 0, key: str | None = None
    ) -> Sequence[Record]:
        """New blind items about samples that a person has labelled; their answers change no annotation."""
        body = {"count": count, "seed": seed}
        return items_of(self._connection.post(f"/campaigns/{part(campaign)}/second-opinions", body, key=key))

    def disagreement(self, campaign: Reference) -> Record:
        """The share of second opinions that differ from the first, with its 95 % limits."""
        return self._connection.get(f"/campaigns/{part(campaign)}/disagreement")

    def list(self) -> Sequence[Campaign]:
        return [Campaign(found, self._connection) for found in self._connection.items("/campaigns")]


class Reviews(Noun):
    """Review queues: images that people look at, alone or several of them blind."""

    def create(
        self,
        name: str,
        *,
        schema: Reference,
        samples: Sequence[Reference] | None = None,
        where: Mapping[str, Any] | None = None,
        answers_wanted: int = 1,
        honeypots: Sequence[Reference] = (),
        agreement: float = 0.7,
        geometry: str = "",
        seed: int = 0,
        key: str | None = None,
    ) -> Record:
        """A queue over the samples, or over those that the filter selects; more than one answer makes it blind."""
        body = {
            "name": name,
            "schema": reference(schema),
            "samples": None if samples is None else references(samples),
            "where": where,
            "answers_wanted": answers_wanted,
            "honeypots": references(honeypots),
            "agreement": agreement,
            "geometry": geometry,
            "seed": seed,
        }
        return self._connection.post("/review-queues", body, key=key)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/review-queues")

    def get(self, queue: str) -> Record:
        return self._connection.get(f"/review-queues/{part(queue)}")

    def next(self, queue: Reference, *, after: Reference = "") -> Record:
        """`item`, leased to this caller or null, and the items that are `upcoming`."""
        return self._connection.post(f"/review-queues/{part(queue)}/next", {"after": reference(after)})

    def item(self, item: Reference) -> Record:
        return self._connection.get(f"/review-items/{part(item)}")

    def answer(
        self,
        item: Reference,
        verb: str,
        *,
        objects: Sequence[Mapping[str, Any]] | None = None,
        label: str = "",
        reason: str = "",
        duration_s: float = 0.0,
        expected_revision: int | None = None,
        key: str | None = None,
    ) -> Record:
        """The answer as it was taken. Verbs: approve, fix, reject, skip, send_back (with a reason), adjudicate.

        `objects` are all that should stand on the image: {"id", "label", "geometry_type", "geometry"}.
        """
        body = {
            "verb": verb,
            "objects": None if objects is None else list(objects),
            "label": label,
            "reason": reason,
            "duration_s": duration_s,
            "expected_revision": expected_revision,
        }
        return self._connection.post(f"/review-items/{part(item)}/answer", body, key=key)

    def undo(self, item: Reference, *, key: str | None = None) -> Record:
        """The undoing of this caller's last answer to the item."""
        return self._connection.post(f"/review-items/{part(item)}/undo", key=key)

    def agreement(self, queue: Reference) -> Record:
        """How far people agree, overall, by class and by person, with 95 % limits."""
        return self._connection.get(f"/review-queues/{part(queue)}/agreement")
