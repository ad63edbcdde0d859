"""The verbs of the loop: declare a policy, look at it, let it act, stop it."""

from __future__ import annotations

import hashlib
import logging
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from typing_extensions import TypedDict

from sightloop.domain import Caller, Role, now
from sightloop.errors import NotFound, SightloopError, not_found
from sightloop.events import Events
from sightloop.loop.cycles import Cycle, Cycles
from sightloop.loop.machine import PATH, decide
from sightloop.loop.policy import Policy, parse_policy
from sightloop.loop.steps import Gathered, Pass, Rooms
from sightloop.loop.tables import loop_stops, policies
from sightloop.storage import Records, Stores

# Retries wait 1, 2, 4 ... seconds, at most a minute.
LONGEST_WAIT_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeclaredPolicy:
    """A policy as applied: its text, the number of times it was applied anew, and whether it may act."""

    id: str
    name: str
    number: int
    text: str
    digest: str
    enabled: bool
    made_at: datetime


class PlannedStep(TypedDict):
    """What a step does, what it costs at most, and what stands in its way."""

    step: str
    does: str
    costs: str
    problem: str


class DryRun(TypedDict):
    """What a policy would do on the newest alert of its monitor; `alert` is empty where there is none."""

    policy: str
    would_act: bool
    monitor_state: str
    alert: str
    decisions_at_most: int
    images_needed: int
    images_there: int
    steps: list[PlannedStep]


class Loop:
    """Policies that join the stages into one circle, each decision with its receipt."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        rooms: Rooms,
        check_recipe: Callable[[dict[str, Any]], object] = lambda recipe: None,
    ) -> None:
        self._records = records
        self._events = events
        self._rooms = rooms
        self._check_recipe = check_recipe
        self._cycles = Cycles(records, stores, events)
        self._gathered: dict[str, Gathered] = defaultdict(Gathered)
        self._waits: dict[str, tuple[int, float]] = {}
        self._turn = threading.RLock()

    def apply(self, caller: Caller, text: str) -> DeclaredPolicy:
        """The policy in a YAML text, kept under its name; cycles that run keep the one they began with.

        Raises InvalidPolicy, InvalidRecipe.
        """
        policy = parse_policy(text)
        self._check_recipe(policy.train.recipe)
        digest = hashlib.sha256(text.encode()).hexdigest()
        known = self._row(caller, policy.name)
        if known is not None and known["digest"] == digest and known["enabled"] == policy.enabled:
            return _declared(known)
        row: dict[str, Any] = {
            "workspace_id": caller.workspace, "name": policy.name, "text": text, "digest": digest,
            "id": known["id"] if known else caller.new_id("pol"), "number": known["number"] + 1 if known else 1,
            "enabled": policy.enabled, "made_at": now().isoformat(),
        }  # fmt: skip
        with self._events.change(caller, "policy.apply", row["id"]) as tx:
            tx.execute(sa.delete(policies).where(*_mine(caller, policy.name)))
            tx.execute(sa.insert(policies).values(**row))
            tx.emit("sightloop.policy.applied", {"policy": policy.name, "number": row["number"], "digest": digest})
        return _declared(row)

    def policies(self, caller: Caller) -> list[DeclaredPolicy]:
        """All policies by name."""
        query = sa.select(policies).where(policies.c.workspace_id == caller.workspace).order_by(policies.c.name)
        with self._records.read() as connection:
            return [_declared(dict(row)) for row in connection.execute(query).mappings()]

    def policy(self, caller: Caller, name: str) -> DeclaredPolicy:
        """The policy."""
        row = self._row(caller, name)
        if row is None:
            raise not_found("policy", name, (one.name for one in self.policies(caller)))
        return _declared(row)

    def stop(self, caller: Caller, name: str | None = None) -> None:
        """Returns once nothing moves by itself any more: this policy, or all of the workspace without a name.

        The switch holds from its commit on; only a step under way is waited for.
        """
        if name is not None:
            self._switch(caller, name, False)
        else:
            with self._events.change(caller, "loop.stop", caller.workspace) as tx:
                row = {"workspace_id": caller.workspace, "actor": caller.actor, "at": now().isoformat()}
                tx.insert_once(loop_stops, [row])
                tx.emit("sightloop.loop.stopped", {"policy": ""})
        with self._turn:
            return

    def enable(self, caller: Caller, name: str | None = None) -> None:
        """Returns once the policy, or without a name the workspace, may act again; cycles go on where they were."""
        if name is not None:
            return self._switch(caller, name, True)
        with self._events.change(caller, "loop.enable", caller.workspace) as tx:
            tx.execute(sa.delete(loop_stops).where(loop_stops.c.workspace_id == caller.workspace))
            tx.emit("sightloop.loop.enabled", {"policy": ""})

    def stopped(self, caller: Caller) -> bool:
        """Whether the workspace's switch is pulled."""
        query = sa.select(loop_stops.c.at).where(loop_stops.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            return connection.scalar(query) is not None

    def cycles(self, caller: Caller) -> list[Cycle]:
        """All cycles, oldest first."""
        return self._cycles.all(caller)

    def reads_from(self, caller: Caller) -> int:
        """The sequence number from which open cycles may yet read the prediction log."""
        return 0 if self._cycles.all(caller, open_only=True) else sys.maxsize

    def cycle(self, caller: Caller, cycle_id: str) -> Cycle:
        """The cycle."""
        return self._cycles.get(caller, cycle_id)

    def resume(self, caller: Caller, cycle_id: str) -> Cycle:
        """The failed, stopped or refused cycle, set back to where it ended for another attempt."""
        with self._turn:
            self._gathered.pop(cycle_id, None)
            return self._cycles.resume(caller, cycle_id)

    def cancel(self, caller: Caller, cycle_id: str) -> Cycle:
        """The cycle, stopped."""
        with self._turn:
            return self._cycles.cancel(caller, cycle_id)

    def tick(self, caller: Caller) -> list[Cycle]:
        """The cycles that moved, after each went as far as it can without traffic, people or runs that take time."""
        with self._turn:
            self._begin(caller)
            return [moved for cycle in self._cycles.all(caller, open_only=True) if (moved := self._go(caller, cycle))]

    def dry_run(self, caller: Caller, name: str) -> DryRun:
        """What the policy would do on its monitor's newest alert, step by step, with costs at most; changes nothing."""
        declared = self.policy(caller, name)
        policy = parse_policy(declared.text)
        monitor = self._rooms.watchers.get(caller, policy.watch.monitor)
        alerts = [one for one in self._rooms.watchers.alerts(caller) if one.monitor == policy.watch.monitor]
        newest = max(alerts, key=lambda one: one.raised_at, default=None)
        need = policy.collect.count + policy.collect.reference
        waiting = 0
        if newest is not None:
            gathered = Gathered()
            gathered.start(newest.sequence, set())
            gathered.fill(caller, self._rooms.traffic, policy.watch.deployment, need)
            waiting = len(gathered.predictions)
        at_most = min(policy.label.reviewer_budget, policy.collect.count)
        return {
            "policy": name,
            "would_act": declared.enabled and not self.stopped(caller) and newest is not None,
            "monitor_state": monitor.state,
            "alert": "" if newest is None else newest.id,
            "decisions_at_most": at_most,
            "images_needed": need,
            "images_there": waiting,
            "steps": _plan(policy, at_most, self._problems(caller, policy)),
        }

    def check(self, workspace: str) -> list[str]:
        """What is wrong: open cycles whose policy cannot be found in their own row."""
        caller = Caller(workspace, "fsck", Role.VIEWER)
        return [
            f"cycle {one.id} stands in an unknown state" for one in self._cycles.all(caller, open_only=True)
            if one.state not in PATH
        ]  # fmt: skip

    def references(self, workspace: str) -> set[str]:
        """Digests of the blobs from which each step of a cycle can be replayed."""
        return self._cycles.references(workspace)

    def _begin(self, caller: Caller) -> None:
        """Begins a cycle for each raised alert that a policy waits for."""
        declared = [one for one in self.policies(caller) if one.enabled]
        if not declared or self.stopped(caller):
            return
        begun = {(one.policy, one.alert) for one in self._cycles.all(caller)}
        for alert in self._rooms.watchers.alerts(caller, "raised"):
            for one in declared:
                policy = parse_policy(one.text).as_dict()
                seen = {"alert": alert.id, "kind": alert.kind, "monitor": alert.monitor}
                if (one.name, alert.id) not in begun and decide("alerted", policy, seen)["to"] == "collecting":
                    self._cycles.begin(_actor(caller, one.name), policy, alert)

    def _go(self, caller: Caller, cycle: Cycle) -> Cycle | None:
        """The cycle after as many moves as it can make now, or None where it made none."""
        moved = None
        while not cycle.ended and self._may_move(caller, cycle):
            actor = _actor(caller, cycle.policy)
            work = Pass(actor, cycle, self._rooms, self._cycles, self._gathered[cycle.id])
            try:
                seen = work.look()
            except Exception as error:
                seen = self._problem(error, work.cycle)
            if seen is None:
                return moved
            self._waits.pop(cycle.id, None)
            after = self._cycles.move(actor, work.cycle, seen, work.seconds())
            if after.state == cycle.state:
                return moved
            cycle = moved = after
            if cycle.state not in ("alerted", "collecting"):
                self._gathered.pop(cycle.id, None)
        return moved

    def _may_move(self, caller: Caller, cycle: Cycle) -> bool:
        held = self.stopped(caller) or time.monotonic() < self._waits.get(cycle.id, (0, 0.0))[1]
        row = self._row(caller, cycle.policy)
        return not held and row is not None and bool(row["enabled"])

    def _problem(self, error: Exception, cycle: Cycle) -> Mapping[str, Any] | None:
        """What the machine is told about an error; None where a later try may help, after a growing wait."""
        if isinstance(error, SightloopError):
            if error.retryable:
                tries = self._waits.get(cycle.id, (0, 0.0))[0] + 1
                self._waits[cycle.id] = tries, time.monotonic() + min(2.0 ** (tries - 1), LONGEST_WAIT_S)
                _log.warning("cycle %s waits in %s: %s, try %d", cycle.id, cycle.state, error.code, tries)
                return None
            return {"problem": {**error.problem(), "state": cycle.state}}
        _log.error("cycle %s failed in %s", cycle.id, cycle.state, exc_info=error)
        detail = f"The step {cycle.state} broke; the server's log says how."
        return {"problem": {"code": "internal", "detail": detail, "state": cycle.state}}

    def _problems(self, caller: Caller, policy: Policy) -> dict[str, str]:
        """By step, what the policy names that does not exist."""
        train, rooms = policy.train, self._rooms
        asks: dict[str, list[Callable[[], object]]] = {
            "collecting": [lambda: rooms.deployer.get(caller, policy.watch.deployment)],
            "training": [
                lambda: rooms.samples.version(caller, f"{train.dataset}@latest"),
                lambda: rooms.samples.version(caller, train.test),
            ],
            "promoting": [lambda: rooms.deployer.get(caller, policy.promote.deployment)],
        }
        found = {}
        for step, questions in asks.items():
            for ask in questions:
                try:
                    ask()
                except NotFound as error:
                    found[step] = error.message
        return found

    def _switch(self, caller: Caller, name: str, enabled: bool) -> None:
        policy = self.policy(caller, name)
        with self._events.change(caller, "policy.enable" if enabled else "policy.stop", policy.id) as tx:
            tx.execute(sa.update(policies).where(*_mine(caller, name)).values(enabled=enabled))
            tx.emit(f"sightloop.policy.{'enabled' if enabled else 'stopped'}", {"policy": name})

    def _row(self, caller: Caller, name: str) -> dict[str, Any] | None:
        with self._records.read() as connection:
            found = connection.execute(sa.select(policies).where(*_mine(caller, name))).mappings().first()
        return None if found is None else dict(found)


def _plan(policy: Policy, decisions: int, problems: Mapping[str, str]) -> list[PlannedStep]:
    """A line for each step: what it does, what it costs at most, and what stands in its way."""
    collect, label, train, gate = policy.collect, policy.label, policy.train, policy.gate
    bound = f"error at most {label.eps:g} with {1 - label.alpha:.0%} confidence"
    slices = ", ".join(("overall", *gate.slices))
    does = {
        "collecting": (f"takes the next {collect.count} images, then {collect.reference} as reference", "traffic"),
        "labeling": (f'labels them by schema "{label.schema_}", {bound}', f"{decisions} decisions by people"),
        "training": (f'adds them to "{train.dataset}" and trains "{train.model}"', "one training run"),
        "gating": (f"compares on {train.test} with margin {gate.margin:g}: {slices}", "one look at the test version"),
        "promoting": (
            f'moves "{policy.promote.alias}" and switches "{policy.promote.deployment}"',
            "no dropped request",
        ),
        "watching": (f'rebases "{policy.watch.monitor}"', f"{collect.count + collect.reference} predictions"),
    }
    return [
        {"step": step, "does": what, "costs": costs, "problem": problems.get(step, "")}
        for step, (what, costs) in does.items()
    ]


def _actor(caller: Caller, policy: str) -> Caller:
    return replace(caller, actor=f"policy:{policy}"[:64], role=Role.ENGINEER, idempotency_key=None)


def _mine(caller: Caller, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return policies.c.workspace_id == caller.workspace, policies.c.name == name


def _declared(row: Mapping[str, Any]) -> DeclaredPolicy:
    return DeclaredPolicy(
        row["id"], row["name"], row["number"], row["text"], row["digest"], bool(row["enabled"]),
        datetime.fromisoformat(row["made_at"]),
    )  # fmt: skip
