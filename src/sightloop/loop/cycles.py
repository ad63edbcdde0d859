"""Cycles: one pass of a policy from alarm to a calm monitor, kept in one row that moves by receipted steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

import orjson
import sqlalchemy as sa

from sightloop.domain import Alert, Caller, derived_id, now
from sightloop.errors import Conflict, not_found
from sightloop.events import Events
from sightloop.loop.machine import ENDED, RULE, decide
from sightloop.loop.tables import cycles
from sightloop.storage import Records, Stores, faultpoint


@dataclass(frozen=True, slots=True)
class Cycle:
    """One pass of a policy.

    Attributes:
        declared: the policy as it stood when the cycle began.
        facts: what was found and made so far: samples, held_out, campaign, runs, versions, gate.
        receipts: ids of the "loop.act" receipts, in order.
        seconds: the machine's work by state, without waiting for traffic or people.
        error: the problem that ended or holds it, or empty; attempt: 1, and one more for each `resume`.
    """

    id: str
    policy: str
    declared: Mapping[str, Any]
    alert: str
    state: str
    moves: int
    attempt: int
    facts: Mapping[str, Any]
    receipts: tuple[str, ...]
    made_at: datetime
    moved_at: datetime
    seconds: Mapping[str, float] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The cycle of a row."""
        return cls(
            id=row["id"], policy=row["policy"], declared=row["declared"], alert=row["alert"], state=row["state"],
            moves=row["moves"], attempt=row["attempt"], facts=row["facts"], receipts=tuple(row["receipts"]),
            made_at=datetime.fromisoformat(row["made_at"]), moved_at=datetime.fromisoformat(row["moved_at"]),
            seconds=row["seconds"], error=row["error"],
        )  # fmt: skip


class Cycles:
    """The rows, and the only writes to them."""

    def __init__(self, records: Records, stores: Stores, events: Events) -> None:
        self._records = records
        self._stores = stores
        self._events = events

    def begin(self, caller: Caller, policy: Mapping[str, Any], alert: Alert) -> Cycle:
        """The cycle of this policy for this alert: one, however often it is begun."""
        cycle_id = derived_id("cyc", caller.workspace, policy["name"], alert.id)
        at = now().isoformat()
        row = {
            "workspace_id": caller.workspace, "id": cycle_id, "policy": policy["name"], "declared": dict(policy),
            "alert": alert.id, "state": "alerted", "moves": 0, "attempt": 1, "facts": {}, "blobs": [], "receipts": [],
            "seconds": {}, "error": {}, "made_at": at, "moved_at": at,
        }  # fmt: skip
        with self._events.change(caller.keyed("cycle", cycle_id), "cycle.begin", cycle_id) as tx:
            tx.insert_once(cycles, [row])
            tx.emit("sightloop.cycle.begun", {"cycle": cycle_id, "policy": policy["name"], "alert": alert.id})
        faultpoint("cycle.begun")
        return self.get(caller, cycle_id)

    def note(self, caller: Caller, cycle: Cycle, facts: Mapping[str, Any], seconds: float) -> Cycle:
        """The cycle with more facts, in the same state."""
        changed: dict[str, Any] = {"facts": {**cycle.facts, **facts}, "seconds": _plus(cycle, seconds)}
        told = {name: value for name, value in facts.items() if isinstance(value, str | int | float)}
        with self._events.change(caller, "cycle.note", cycle.id) as tx:
            self._write(tx.connection, caller, cycle, changed)
            tx.emit("sightloop.cycle.progressed", {"cycle": cycle.id, "state": cycle.state, "facts": told})
        faultpoint("cycle.noted")
        return replace(cycle, **changed)

    def move(self, caller: Caller, cycle: Cycle, seen: Mapping[str, Any], seconds: float) -> Cycle:
        """The cycle where `machine.decide` puts it, with a receipt; itself where that is the same state."""
        outcome = decide(cycle.state, cycle.declared, seen)
        if outcome["to"] == cycle.state:
            return cycle
        data = orjson.dumps({"rule": RULE, "state": cycle.state, "policy": cycle.declared, "seen": seen})
        digest = self._stores.workspace(caller.workspace).blobs.put(data)
        faultpoint("cycle.after_blob")
        keyed = caller.keyed("cycle", cycle.id, str(cycle.moves))
        with self._events.change(keyed, "cycle.move", cycle.id) as tx:
            receipt = tx.receipt(
                "loop.act",
                rule=RULE,
                subject=cycle.id,
                claim={"statement": outcome["because"]},
                evidence=dict(seen),
                inputs={"data": digest, "alert": cycle.alert},
                outcome=outcome,
                policy=cycle.policy,
            )
            changed: dict[str, Any] = {
                "state": outcome["to"], "moves": cycle.moves + 1, "seconds": _plus(cycle, seconds),
                "error": dict(seen.get("problem", {})), "receipts": (*cycle.receipts, receipt.id),
                "facts": _facts(cycle, outcome["to"]),
            }  # fmt: skip
            blobs = sa.select(cycles.c.blobs).where(cycles.c.id == cycle.id)
            kept = [*tx.execute(blobs.where(cycles.c.workspace_id == caller.workspace)).scalar_one(), digest]
            moved_at = now()
            values = {**changed, "receipts": list(changed["receipts"]), "blobs": kept, "moved_at": moved_at.isoformat()}
            self._write(tx.connection, caller, cycle, values)
            told = {"cycle": cycle.id, "policy": cycle.policy, "from": cycle.state, "receipt": receipt.id}
            tx.emit("sightloop.cycle.moved", {**told, **outcome})
        faultpoint("cycle.moved")
        return replace(cycle, **changed, moved_at=moved_at)

    def resume(self, caller: Caller, cycle_id: str) -> Cycle:
        """The ended cycle, set back to the state it ended in, for another attempt."""
        cycle = self.get(caller, cycle_id)
        if cycle.state not in ("failed", "stopped", "refused"):
            raise Conflict(f"The cycle is {cycle.state}.", hint="Only a failed, stopped or refused one can be resumed.")
        state = cycle.facts["ended_in"]
        made = {name: value for name, value in cycle.facts.items() if name not in (*_MADE_IN[state], "ended_in")}
        changed: dict[str, Any] = {
            "state": state,
            "attempt": cycle.attempt + 1,
            "facts": made,
            "error": {},
            "moves": cycle.moves + 1,
        }
        with self._events.change(caller, "cycle.resume", cycle.id) as tx:
            self._write(tx.connection, caller, cycle, changed)
            tx.emit("sightloop.cycle.resumed", {"cycle": cycle.id, "to": state, "attempt": cycle.attempt + 1})
        return replace(cycle, **changed)

    def cancel(self, caller: Caller, cycle_id: str) -> Cycle:
        """The cycle, stopped by a person."""
        cycle = self.get(caller, cycle_id)
        if cycle.ended:
            return cycle
        problem = {"code": "refused", "detail": "A person stopped the cycle."}
        changed: dict[str, Any] = {
            "state": "stopped", "error": problem, "moves": cycle.moves + 1, "facts": _facts(cycle, "stopped")
        }  # fmt: skip
        with self._events.change(caller, "cycle.cancel", cycle.id) as tx:
            self._write(tx.connection, caller, cycle, changed)
            tx.emit("sightloop.cycle.moved", {"cycle": cycle.id, "from": cycle.state, "to": "stopped"})
        return replace(cycle, **changed)

    def get(self, caller: Caller, cycle_id: str) -> Cycle:
        """The cycle."""
        query = sa.select(cycles).where(cycles.c.workspace_id == caller.workspace, cycles.c.id == cycle_id)
        with self._records.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise not_found("cycle", cycle_id, hint="List them: sightloop loop cycles")
        return Cycle.of(dict(row))

    def all(self, caller: Caller, *, open_only: bool = False) -> list[Cycle]:
        """Cycles, oldest first."""
        query = sa.select(cycles).where(cycles.c.workspace_id == caller.workspace)
        if open_only:
            query = query.where(cycles.c.state.not_in(ENDED))
        with self._records.read() as connection:
            return [Cycle.of(dict(row)) for row in connection.execute(query.order_by(cycles.c.made_at)).mappings()]

    def references(self, workspace: str) -> set[str]:
        """Digests of the blobs from which each step can be replayed."""
        with self._records.read() as connection:
            kept = connection.scalars(sa.select(cycles.c.blobs).where(cycles.c.workspace_id == workspace))
            return {digest for digests in kept for digest in digests}

    @staticmethod
    def _write(connection: sa.Connection, caller: Caller, cycle: Cycle, values: Mapping[str, Any]) -> None:
        mine = (cycles.c.workspace_id == caller.workspace) & (cycles.c.id == cycle.id)
        here = (cycles.c.state == cycle.state) & (cycles.c.moves == cycle.moves)
        if connection.execute(sa.update(cycles).where(mine & here).values(**values)).rowcount != 1:
            raise Conflict("The cycle has moved on meanwhile.", hint="Read it again.", cycle=cycle.id)


# What a state makes and a new attempt at it must make anew.
_MADE_IN: Mapping[str, tuple[str, ...]] = {
    "alerted": (),
    "collecting": ("base", "test", "samples", "held_out", "last_sequence"),
    "labeling": (),
    "training": ("dataset_version", "train_run", "challenger"),
    "gating": ("champion", "evaluate_run", "gate"),
    "promoting": (),
    "watching": (),
}


def _plus(cycle: Cycle, seconds: float) -> dict[str, float]:
    return {**cycle.seconds, cycle.state: round(cycle.seconds.get(cycle.state, 0.0) + seconds, 3)}


def _facts(cycle: Cycle, to: str) -> dict[str, Any]:
    """The facts after a move; a cycle that does not end well remembers where."""
    return {**cycle.facts, "ended_in": cycle.state} if to in ENDED and to != "done" else dict(cycle.facts)
