"""Campaigns move: from the answers in SQL to the next questions, one unit of work per move."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from sightloop.datasets import Datasets, NewAnnotation
from sightloop.domain import AuthorKind, Basis, Caller, now
from sightloop.errors import Corrupt, InvalidInput, NotEnoughData, not_found
from sightloop.events import Change, Events
from sightloop.labeling.acceptance import RULE, canonical, decide
from sightloop.labeling.plan import (
    UNSURE,
    Accept,
    Ask,
    Attempt,
    GiveUp,
    Ints,
    Move,
    Propose,
    Purpose,
    Schedule,
    State,
    View,
    next_move,
)  # fmt: skip
from sightloop.labeling.ports import Suggester
from sightloop.labeling.records import ANSWERED, ASKING, DONE, OPEN, Campaign, campaign_of, new_item
from sightloop.labeling.tables import campaigns, queue_items
from sightloop.storage import Records, Stores, faultpoint, insert_once

AUTHOR: Final = f"rule:{RULE}"
STATEMENT: Final = (
    "Of the labels accepted with the region, audited errors corrected, at most a share eps is wrong, with confidence "
    "1 - alpha over all attempts of the campaign, with the reviewers' answers taken as true."
)


@dataclass(frozen=True, slots=True)
class Pool:
    """The samples of a campaign, sorted, and the labels from outside it that also train."""

    samples: tuple[str, ...]
    context: Mapping[str, str]
    classes: tuple[str, ...]


class _Overtaken(Exception):
    """The campaign is not any more where the move was planned."""


class Campaigns:
    """Starts campaigns and moves them on. A move is made once, however often and by whomever it is asked for."""

    def __init__(
        self,
        records: Records,
        events: Events,
        stores: Stores,
        datasets: Datasets,
        suggester: Suggester,
    ) -> None:
        self._records = records
        self._events = events
        self._stores = stores
        self._datasets = datasets
        self._annotations = datasets.annotations
        self._suggester = suggester
        self._turns: dict[str, Lock] = defaultdict(Lock)

    def start_campaign(
        self,
        caller: Caller,
        *,
        name: str,
        schema: str,
        samples: Sequence[str],
        eps: float = 0.05,
        alpha: float = 0.05,
        seed_count: int | None = None,
        batch: int | None = None,
        seed: int = 0,
        context: Sequence[str] = (),
        policy: str = "",
    ) -> Campaign:
        """A campaign over the samples; those that are labelled already only train, as the labelled ones in `context`.

        Raises NotEnoughData where nothing is left to label.
        """
        campaign_id = caller.new_id("cmp")
        made = self._find(caller, campaign_id)
        if made is not None:
            return made
        schedule = _schedule(eps, alpha, seed_count, batch, seed)
        label_schema = self._datasets.schema(caller, schema)
        heads = self._annotations.heads(caller, label_schema.id, sorted({*samples, *context}))
        pool = sorted(set(samples) - heads.keys())
        if not pool:
            raise NotEnoughData("Every sample given is labelled already.", hint="Give samples without a label.")
        unknown = sorted(set(pool) - set(self._datasets.sample_ids(caller)))
        if unknown:
            raise not_found("sample", unknown[0], hint="Ingest it first.")
        known = {sample: head.label for sample, head in sorted(heads.items())}
        data = {"samples": pool, "context": known, "classes": list(label_schema.classes)}
        row = {
            "workspace_id": caller.workspace, "id": campaign_id, "name": name, "schema_id": label_schema.id,
            "state": ASKING, "round": 0, "schedule": asdict(schedule), "size": len(pool), "attempts": [],
            "pool": self._stores.workspace(caller.workspace).blobs.put(canonical(data)), "policy": policy,
            "made_at": now().isoformat(), "ended_at": "",
        }  # fmt: skip
        with self._events.change(caller, "labels.campaign", campaign_id) as change:
            change.insert_once(campaigns, [row])
            change.emit("sightloop.campaign.started", {"campaign": campaign_id, "size": len(pool)})
        return self.campaign(caller, campaign_id)

    def campaign(self, caller: Caller, campaign_id: str) -> Campaign:
        """The campaign. Raises NotFound."""
        found = self._find(caller, campaign_id)
        if found is None:
            raise not_found("campaign", campaign_id, hint="List them: sightloop label list")
        return found

    def campaigns(self, caller: Caller, state: str | None = None) -> list[Campaign]:
        """Campaigns, oldest first."""
        query = sa.select(campaigns).where(campaigns.c.workspace_id == caller.workspace)
        if state is not None:
            query = query.where(campaigns.c.state == state)
        with self._records.read() as connection:
            return [campaign_of(row) for row in connection.execute(query.order_by(campaigns.c.made_at, campaigns.c.id))]

    def advance(self, caller: Caller, campaign_id: str) -> Campaign:
        """The campaign after all moves that need no person: it waits for open items, or it is done."""
        with self._turns[f"{caller.workspace}/{campaign_id}"]:
            while True:
                campaign = self.campaign(caller, campaign_id)
                if campaign.state == DONE or self._is_waiting(caller, campaign):
                    return campaign
                self._make_move(caller, campaign)

    def _find(self, caller: Caller, campaign_id: str) -> Campaign | None:
        query = sa.select(campaigns).where(campaigns.c.workspace_id == caller.workspace, campaigns.c.id == campaign_id)
        with self._records.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else campaign_of(row)

    def _is_waiting(self, caller: Caller, campaign: Campaign) -> bool:
        with self._records.read() as connection:
            return bool(connection.execute(_open_items(caller, campaign.id)).first())

    def _make_move(self, caller: Caller, campaign: Campaign) -> None:
        pool = self._pool(caller, campaign)
        state = self._state(caller, campaign, pool)
        views: list[View] = []

        def look(samples: Ints) -> View:
            if not views:
                views.append(self._view(caller, campaign, pool, state))
            return views[0].of(samples)

        move = next_move(state, campaign.schedule, look)
        keyed = caller.keyed("campaign", campaign.id, "round", str(campaign.round))
        if isinstance(move, Ask):
            view = None if move.purpose.blind else look(np.sort(move.samples))
            self._commit(
                keyed, campaign, "labels.ask", lambda change: self._ask(change, keyed, campaign, pool, move, view)
            )
        elif isinstance(move, Propose):
            attempt = self._proposal(caller, pool, move)
            self._commit(keyed, campaign, "labels.propose", lambda change: _propose(change, keyed, campaign, attempt))
        elif isinstance(move, Accept | GiveUp):
            inputs = self._acceptance_inputs(caller, campaign, pool, state)
            data = self._stores.workspace(caller.workspace).blobs.put(canonical(inputs))
            self._commit(
                keyed,
                campaign,
                "labels.accept",
                lambda change: self._close(change, keyed, campaign, inputs, data, move),
            )
        else:
            self._commit(keyed, campaign, "labels.finish", lambda change: _finish(change, keyed, campaign))

    def _commit(self, caller: Caller, campaign: Campaign, action: str, write: Callable[[Change], None]) -> None:
        """One move in one unit of work; none where somebody made it meanwhile, or took back an answer."""
        faultpoint("campaign.decided")
        mine = sa.and_(campaigns.c.workspace_id == caller.workspace, campaigns.c.id == campaign.id)
        with suppress(_Overtaken), self._events.change(caller, action, campaign.id) as change:
            current = change.execute(sa.select(campaigns.c.round).where(mine)).scalar_one()
            if current != campaign.round or change.execute(_open_items(caller, campaign.id)).first():
                raise _Overtaken
            write(change)
            change.execute(sa.update(campaigns).where(mine).values(round=campaign.round + 1))

    def _ask(
        self, change: Change, caller: Caller, campaign: Campaign, pool: Pool, move: Ask, view: View | None
    ) -> None:
        suggested = {} if view is None else _suggested(view, pool)
        made_at = now().isoformat()
        rows = []
        for position, i in enumerate(move.samples.tolist()):
            label, score = suggested.get(i, ("", 0.0))
            rows.append(
                new_item(
                    caller, campaign, pool.samples[i], move.purpose, campaign.round, position, label, score, made_at
                )
            )
        insert_once(change.connection, queue_items, rows)
        told = {"campaign": campaign.id, "round": campaign.round, "purpose": str(move.purpose), "count": len(rows)}
        change.emit("sightloop.labels.asked", told)

    def _proposal(self, caller: Caller, pool: Pool, move: Propose) -> dict[str, Any]:
        data = {
            "samples": [pool.samples[i] for i in move.samples],
            "labels": [pool.classes[i] for i in move.labels],
        }
        digest = self._stores.workspace(caller.workspace).blobs.put(canonical(data))
        return {
            "data": digest,
            "size": len(move.samples),
            "state": "open",
            "receipt": "",
            "accepted": 0,
            "evidence": "",
        }

    def _acceptance_inputs(self, caller: Caller, campaign: Campaign, pool: Pool, state: State) -> dict[str, Any]:
        attempt = state.attempts[-1]
        answer_of = {UNSURE: ""} | dict(enumerate(pool.classes))
        return {
            "attempt": len(state.attempts), "eps": campaign.schedule.eps, "alpha": campaign.schedule.alpha,
            "seed": campaign.schedule.seed, "region": [pool.samples[i] for i in attempt.region],
            "labels": [pool.classes[i] for i in attempt.labels],
            "seen": [[pool.samples[i], answer_of[state.answer(i)], str(why)] for i, why in attempt.seen],
        }  # fmt: skip

    def _close(
        self, change: Change, caller: Caller, campaign: Campaign, inputs: Mapping[str, Any], data: str, move: Move
    ) -> None:
        """Receipt, annotations and the end of the attempt; the decision is recomputed from what the receipt holds."""
        decided = decide(inputs)
        if decided["certified"] != isinstance(move, Accept):
            raise Corrupt("The decision and its evidence differ.", hint="Run: sightloop fsck", campaign=campaign.id)
        receipt = change.receipt(
            "labels.accept",
            rule=RULE,
            subject=campaign.id,
            claim={"eps": inputs["eps"], "alpha": inputs["alpha"], "statement": STATEMENT},
            evidence=decided["evidence"] | {"attempt": inputs["attempt"]},
            inputs={
                "data": data,
                "region": campaign.attempts[-1]["data"],
                "audited": [sample for sample, _, why in inputs["seen"] if why == Purpose.AUDIT],
                "seed": inputs["seed"],
            },
            outcome={key: decided[key] for key in ("certified", "accepted", "accepted_digest")},
            policy=campaign.policy,
        )
        seen = {sample for sample, _, _ in inputs["seen"]}
        pairs = zip(inputs["region"], inputs["labels"], strict=True)
        accepted = sorted((one, label) for one, label in pairs if one not in seen) if decided["certified"] else []
        self._annotations.write(
            change,
            caller,
            [
                NewAnnotation(
                    sample=sample, schema=campaign.schema, label=label, basis=Basis.AUTO_ACCEPTED, author=AUTHOR,
                    author_kind=AuthorKind.RULE, receipt=receipt.id,
                )
                for sample, label in accepted
            ],
        )  # fmt: skip
        ended = {
            "state": "certified" if decided["certified"] else "given_up",
            "receipt": receipt.id,
            "accepted": len(accepted),
            "evidence": data,
        }
        attempts = [*campaign.attempts[:-1], {**campaign.attempts[-1], **ended}]
        change.execute(_mine(caller, campaign).values(attempts=attempts))
        told = {"campaign": campaign.id, "receipt": receipt.id, "accepted": len(accepted)}
        change.emit("sightloop.labels.accepted" if decided["certified"] else "sightloop.labels.given_up", told)

    def _pool(self, caller: Caller, campaign: Campaign) -> Pool:
        data = json.loads(self._stores.workspace(caller.workspace).blobs.get(campaign.pool))
        return Pool(tuple(data["samples"]), data["context"], tuple(data["classes"]))

    def _state(self, caller: Caller, campaign: Campaign, pool: Pool) -> State:
        """What was answered, in the order in which it was asked: nothing here depends on who was faster."""
        index = {sample: i for i, sample in enumerate(pool.samples)}
        of_class = {label: i for i, label in enumerate(pool.classes)}
        state = State(len(pool.samples), context=frozenset(of_class[label] for label in pool.context.values()))
        blobs = self._stores.workspace(caller.workspace).blobs
        for record in campaign.attempts:
            data = json.loads(blobs.get(record["data"]))
            region = np.array([index[sample] for sample in data["samples"]], np.int64)
            labels = np.array([of_class[label] for label in data["labels"]], np.int64)
            state.attempts.append(Attempt(region, labels, closed=record["state"] != "open"))
        query = (
            sa.select(queue_items)
            .where(
                queue_items.c.workspace_id == caller.workspace,
                queue_items.c.campaign == campaign.id,
                queue_items.c.state == ANSWERED,
                queue_items.c.purpose != str(Purpose.SECOND),
            )
            .order_by(queue_items.c.round, queue_items.c.position)
        )
        with self._records.read() as connection:
            for row in connection.execute(query):
                attempt = state.attempts[row.attempt - 1] if row.attempt else None
                answer = of_class.get(row.label, UNSURE)
                suggestion = (of_class[row.suggestion], float(row.score)) if row.suggestion else None
                state.take(index[row.sample], answer, Purpose(row.purpose), suggestion, attempt)
        for attempt, record in zip(state.attempts, campaign.attempts, strict=True):
            if record["state"] == "certified":
                state.accepted |= set(attempt.region.tolist()) - {i for i, _ in attempt.seen}
        return state

    def _view(self, caller: Caller, campaign: Campaign, pool: Pool, state: State) -> View:
        """What a model trained on all labels says of every sample that has none."""
        left = state.unlabelled
        answers = {i: state.answer(i) for i in sorted(state.votes)}
        labelled = dict(pool.context) | {
            pool.samples[i]: pool.classes[answer] for i, answer in answers.items() if answer != UNSURE
        }
        found = self._suggester.suggest(
            caller,
            labelled=labelled,
            candidates=[pool.samples[i] for i in left],
            classes=pool.classes,
            seed=campaign.schedule.seed,
        )
        held_out = {i: found.held_out[pool.samples[i]] for i, answer in answers.items() if answer != UNSURE}
        return View(left, np.asarray(found.probabilities), np.asarray(found.embeddings), held_out)


def _schedule(eps: float, alpha: float, seed_count: int | None, batch: int | None, seed: int) -> Schedule:
    for what, share in (("eps", eps), ("alpha", alpha)):
        if not 0 < share < 1:
            raise InvalidInput(f"{what} is {share}.", hint=f"Give {what} as a share between 0 and 1, such as 0.05.")
    if (seed_count is not None and seed_count < 1) or (batch is not None and batch < 1):
        raise InvalidInput(
            "A campaign asks for at least one label at a time.", hint="Give seed_count and batch above 0."
        )
    given = {"seed_count": seed_count, "batch": batch}
    return Schedule(
        eps=eps, alpha=alpha, seed=seed, **{key: value for key, value in given.items() if value is not None}
    )


def _suggested(view: View, pool: Pool) -> dict[int, tuple[str, float]]:
    best = view.probabilities.argmax(axis=1)
    return {
        int(i): (pool.classes[int(label)], round(float(row[label]), 6))
        for i, label, row in zip(view.samples, best, view.probabilities, strict=True)
    }


def _propose(change: Change, caller: Caller, campaign: Campaign, attempt: Mapping[str, Any]) -> None:
    change.execute(_mine(caller, campaign).values(attempts=[*campaign.attempts, dict(attempt)]))
    told = {"campaign": campaign.id, "attempt": len(campaign.attempts) + 1, "size": attempt["size"]}
    change.emit("sightloop.labels.proposed", told)


def _finish(change: Change, caller: Caller, campaign: Campaign) -> None:
    change.execute(_mine(caller, campaign).values(state=DONE, ended_at=now().isoformat()))
    change.emit("sightloop.campaign.done", {"campaign": campaign.id})


def _mine(caller: Caller, campaign: Campaign) -> sa.Update:
    return sa.update(campaigns).where(campaigns.c.workspace_id == caller.workspace, campaigns.c.id == campaign.id)


def _open_items(caller: Caller, campaign_id: str) -> sa.Select[Any]:
    """Items that the next move waits for; a second opinion holds nobody up."""
    return (
        sa.select(queue_items.c.id)
        .where(
            queue_items.c.workspace_id == caller.workspace,
            queue_items.c.campaign == campaign_id,
            queue_items.c.state == OPEN,
            queue_items.c.purpose != str(Purpose.SECOND),
        )
        .limit(1)
    )
