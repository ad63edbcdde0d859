"""Moving monitors and rules along the log: alarm, offset and state in one transaction, so a restart is a replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sightloop.domain import Alert, Caller, Prediction, derived_id, now
from sightloop.errors import Conflict
from sightloop.events import Change, Events
from sightloop.monitoring import alarms, rules
from sightloop.monitoring.fold import Fold, History
from sightloop.monitoring.reference import Reference
from sightloop.monitoring.tables import alerts as alerts_table
from sightloop.monitoring.tables import monitor_history, monitors
from sightloop.monitoring.tables import rules as rules_table
from sightloop.storage import Records, Stores, faultpoint

Row = dict[str, Any]
PAGE = 500
STRETCH = 200


class Folds:
    """Folds of monitors, kept in memory and rebuilt from what is stored wherever the two differ."""

    def __init__(self, records: Records, stores: Stores) -> None:
        self._records = records
        self._stores = stores
        self._kept: dict[tuple[str, str, int], Fold] = {}

    def take(self, row: Row) -> Fold:
        """The fold at the row's state; it belongs to whoever took it until it is given to `keep`."""
        fold = self._kept.pop(_key(row), None)
        return fold if fold is not None and fold.as_dict() == row["fold"] else self._stored(row)

    def keep(self, row: Row, fold: Fold) -> None:
        """Returns nothing; the next `take` finds it."""
        self._kept[_key(row)] = fold

    def _stored(self, row: Row) -> Fold:
        data = self._stores.workspace(row["workspace_id"]).blobs.get(row["reference"])
        return Fold.resume(Reference.from_bytes(data), row["alpha"], row["fold"], self.stretches(row))

    def stretches(self, row: Row) -> list[History]:
        """The stored history of the monitor in the epoch of the row, in order."""
        table = monitor_history.c
        query = (
            sa.select(table.stretch)
            .where(table.workspace_id == row["workspace_id"], table.monitor == row["id"], table.epoch == row["epoch"])
            .order_by(table.first_sequence)
        )
        with self._records.read() as connection:
            return list(connection.scalars(query))

    def course(self, row: Row, alert_id: str) -> dict[str, list[Any]]:
        """The stretches of the epoch that the monitor's alert ended, put end to end."""
        epochs = range(1, row["epoch"] + 1)
        ids = {derived_id("alt", row["workspace_id"], row["id"], str(epoch)): epoch for epoch in epochs}
        joined: dict[str, list[Any]] = {}
        for stretch in self.stretches({**row, "epoch": ids[alert_id]}):
            for name, values in stretch.items():
                joined.setdefault(name, []).extend(values)
        return joined


@dataclass(frozen=True, slots=True)
class _Moved:
    """Where a monitor stands after a page: not yet written."""

    row: Row
    fold: Fold
    stretch: History
    sequence: int
    data: str
    outcome: Mapping[str, Any]

    @property
    def state(self) -> str:
        return "alarmed" if self.outcome else "void" if self.fold.void else "watching"


@dataclass(frozen=True, slots=True)
class _Followed:
    """Where a rule stands after a page: not yet written."""

    rule: rules.Rule
    streak: tuple[str, ...]
    sequence: int
    data: str
    outcome: Mapping[str, Any]


class Advance:
    """One page of the log, taken by all watchers of a deployment together."""

    def __init__(self, events: Events, stores: Stores, folds: Folds) -> None:
        self._events = events
        self._stores = stores
        self._folds = folds

    def run(
        self, caller: Caller, deployment: str, page: Sequence[Prediction], watching: Sequence[Row], armed: Sequence[Row]
    ) -> list[Alert]:
        """The alerts this page raises; monitors, rules, alerts and receipts are written together.

        Raises Conflict, and changes nothing, where another process was faster.
        """
        caller = caller.keyed("monitoring.advance", deployment)
        moved = [self._move(caller, row, _beyond(row, page)) for row in watching]
        followed = [self._follow(caller, row, _beyond(row, page)) for row in armed]
        alerts: list[Alert] = []
        faultpoint("monitor.after_blobs")
        with self._events.change(caller, "monitoring.advance", derived_id("dep", caller.workspace, deployment)) as tx:
            for one in moved:
                alerts += self._write_monitor(tx, caller, one)
            for step in followed:
                alerts += self._write_rule(tx, caller, step)
            wealth = {one.row["name"]: _log_wealth(one.fold) for one in moved}
            reached = {"deployment": deployment, "sequence": page[-1].sequence, "log_wealth": wealth}
            tx.emit("sightloop.monitoring.advanced", reached)
        faultpoint("monitor.advanced")
        for one in moved:
            self._folds.keep(one.row, one.fold)
        return alerts

    def _move(self, caller: Caller, row: Row, predictions: Sequence[Prediction]) -> _Moved:
        fold = self._folds.take(row)
        stretch, taken = fold.run(predictions)
        sequence = predictions[taken - 1].sequence if taken else row["sequence"]
        if not fold.martingale.alarmed:
            return _Moved(row, fold, stretch, sequence, "", {})
        data = alarms.alarm_data(fold.reference, fold.alpha, fold.history)
        digest = self._stores.workspace(caller.workspace).blobs.put(data)
        return _Moved(row, fold, stretch, sequence, digest, alarms.replay_alarm(data))

    def _follow(self, caller: Caller, row: Row, predictions: Sequence[Prediction]) -> _Followed:
        rule = rules.Rule.of(row)
        streak, sequence, fires = rules.follow(rule, predictions)
        if not fires:
            return _Followed(rule, streak, sequence, "", {})
        data = rules.rule_data(rule, streak, sequence)
        digest = self._stores.workspace(caller.workspace).blobs.put(data)
        return _Followed(rule, streak, sequence, digest, rules.replay_rule(data))

    def _write_monitor(self, tx: Change, caller: Caller, moved: _Moved) -> list[Alert]:
        row, fold, table = moved.row, moved.fold, monitors.c
        written = tx.execute(
            sa.update(monitors)
            .where(table.workspace_id == caller.workspace, table.id == row["id"])
            .where(table.sequence == row["sequence"], table.epoch == row["epoch"])
            .values(state=moved.state, sequence=moved.sequence, fold=fold.as_dict())
        )
        _require_first(written.rowcount, row["name"])
        if moved.stretch["sequence"]:
            place = {"workspace_id": caller.workspace, "monitor": row["id"], "epoch": row["epoch"]}
            _write_stretch(tx, place, moved.stretch)
        if not moved.outcome:
            return []
        alert_id = derived_id("alt", caller.workspace, row["id"], str(row["epoch"]))
        evidence = alarms.alarm_evidence(fold.reference, fold.alpha, fold.history, fold.martingale.log_wealth())
        claim = alarms.alarm_claim(fold.reference, fold.alpha)
        receipt = tx.receipt(
            "drift.alarm",
            rule=alarms.RULE,
            subject=alert_id,
            claim=claim,
            evidence=evidence,
            inputs={
                "data": moved.data, "reference": row["reference"], "model_version": row["model_version"],
                "monitor": row["id"], "history": fold.digest,
            },
            outcome=moved.outcome,
        )  # fmt: skip
        facts = {**evidence, "claim": claim, "deployment": row["deployment"], "model_version": row["model_version"]}
        alert = Alert(alert_id, row["name"], "drift", "raised", now(), moved.sequence, receipt.id, facts)
        _write_alert(tx, caller, alert, moved.data)
        faultpoint("monitor.alarmed")
        tx.emit("sightloop.alert.raised", _told(alert))
        return [alert]

    def _write_rule(self, tx: Change, caller: Caller, step: _Followed) -> list[Alert]:
        rule, sequence, table = step.rule, step.sequence, rules_table.c
        written = tx.execute(
            sa.update(rules_table)
            .where(table.workspace_id == caller.workspace, table.id == rule.id, table.sequence == rule.sequence)
            .where(table.state == "armed")
            .values(state="fired" if step.outcome else "armed", sequence=sequence, streak=list(step.streak))
        )
        _require_first(written.rowcount, rule.name)
        if not step.outcome:
            return []
        evidence = {"deployment": rule.deployment, "label": rule.label, "predictions": list(step.streak)}
        alert_id = derived_id("alt", caller.workspace, rule.id, str(sequence))
        receipt = tx.receipt(
            "rule.fired",
            rule=rules.RULE,
            subject=alert_id,
            claim={
                "statement": f'{rule.consecutive} predictions of "{rule.label}" in a row; no error bound is claimed.'
            },
            evidence=evidence,
            inputs={"data": step.data, "rule": rule.id},
            outcome=step.outcome,
        )
        alert = Alert(alert_id, rule.name, "rule", "raised", now(), sequence, receipt.id, evidence)
        _write_alert(tx, caller, alert, step.data)
        tx.emit("sightloop.rule.fired", _told(alert))
        return [alert]


def _write_stretch(tx: Change, place: Mapping[str, Any], stretch: History) -> None:
    """Joined to the newest stretch while that is short: a look at every image makes no row for every image."""
    table = monitor_history.c
    mine = [table[name] == value for name, value in place.items()]
    newest = tx.execute(
        sa.select(table.first_sequence, table.stretch).where(*mine).order_by(table.first_sequence.desc()).limit(1)
    ).first()
    if newest is None or len(newest.stretch["sequence"]) >= STRETCH:
        tx.execute(sa.insert(monitor_history).values(**place, first_sequence=stretch["sequence"][0], stretch=stretch))
        return
    joined = {name: [*values, *stretch[name]] for name, values in newest.stretch.items()}
    tx.execute(
        sa.update(monitor_history).where(*mine, table.first_sequence == newest.first_sequence).values(stretch=joined)
    )


def alert_of(row: Mapping[str, Any]) -> Alert:
    """The alert that a row holds."""
    return Alert(
        id=row["id"], monitor=row["monitor"], kind=row["kind"], state=row["state"],
        raised_at=datetime.fromisoformat(row["raised_at"]), sequence=row["sequence"], receipt=row["receipt"],
        evidence=row["evidence"],
    )  # fmt: skip


def _write_alert(tx: Change, caller: Caller, alert: Alert, data: str) -> None:
    tx.execute(
        sa.insert(alerts_table).values(
            workspace_id=caller.workspace, id=alert.id, monitor=alert.monitor, kind=alert.kind, state=alert.state,
            raised_at=alert.raised_at.isoformat(), sequence=alert.sequence, receipt=alert.receipt, data=data,
            evidence=dict(alert.evidence),
        )
    )  # fmt: skip


def _told(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.id, "kind": alert.kind, "monitor": alert.monitor, "sequence": alert.sequence,
        "receipt": alert.receipt, **alert.evidence,
    }  # fmt: skip


def _beyond(row: Row, page: Sequence[Prediction]) -> list[Prediction]:
    return [one for one in page if one.sequence > row["sequence"]]


def _log_wealth(fold: Fold) -> dict[str, float]:
    return dict(fold.as_dict()["log_wealth"])


def _require_first(rowcount: int, name: str) -> None:
    if rowcount != 1:
        raise Conflict(f'"{name}" has moved on meanwhile.', hint="Read it again.", name=name)


def _key(row: Row) -> tuple[str, str, int]:
    return row["workspace_id"], row["id"], row["epoch"]
