"""Moving monitors and rules along the log: alarm, offset and state in one transaction, so that a restart is a replay."""

from __future__ import annotations

from collections.abc import Sequence
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
from sightloop.storage import Records, Stores

Row = dict[str, Any]
PAGE = 500


class Folds:
    """Folds of monitors, kept in memory and rebuilt from what is stored wherever the two differ."""

    def __init__(self, records: Records, stores: Stores) -> None:
        self._records = records
        self._stores = stores
        self._kept: dict[tuple[str, str], Fold] = {}

    def take(self, row: Row) -> Fold:
        """The fold at the row's state, which is the caller's own until given to `keep`."""
        fold = self._kept.pop((row["workspace_id"], row["id"]), None)
        if fold is not None and fold.reference_digest == row["reference"] and fold.as_dict() == row["fold"]:
            return fold
        data = self._stores.workspace(row["workspace_id"]).blobs.get(row["reference"])
        table = monitor_history.c
        query = (
            sa.select(table.stretch)
            .where(table.workspace_id == row["workspace_id"], table.monitor == row["id"], table.epoch == row["epoch"])
            .order_by(table.first_sequence)
        )
        with self._records.read() as connection:
            stretches = list(connection.scalars(query))
        fold = Fold.resume(Reference.from_bytes(data), row["alpha"], row["fold"], stretches)
        fold.reference_digest = row["reference"]
        return fold

    def keep(self, row: Row, fold: Fold) -> None:
        """Nothing; the next `take` finds it."""
        self._kept[row["workspace_id"], row["id"]] = fold


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
        raised: list[Alert] = []
        taken: list[tuple[Row, Fold]] = []
        with self._events.change(caller, "monitoring.advance", derived_id("dep", caller.workspace, deployment)) as tx:
            for row in watching:
                fold = self._folds.take(row)
                raised += self._monitor(tx, caller, row, fold, [one for one in page if one.sequence > row["sequence"]])
                taken.append((row, fold))
            for row in armed:
                raised += self._rule(tx, caller, row, [one for one in page if one.sequence > row["sequence"]])
            tx.emit(
                "sightloop.monitoring.advanced",
                {
                    "deployment": deployment,
                    "sequence": page[-1].sequence,
                    "monitors": {
                        row["name"]: {k: v.log_wealth for k, v in fold.martingale.jumpers.items()}
                        for row, fold in taken
                    },
                },
            )
        for row, fold in taken:
            self._folds.keep(row, fold)
        return raised
