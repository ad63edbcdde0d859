"""What was refused, with its reason and its bytes, until it is replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.inspection import Refused
from sightloop.datasets.sources import Entry
from sightloop.domain import Caller, derived_id, now
from sightloop.errors import not_found
from sightloop.events import Change, Events
from sightloop.storage import Records, insert_once

QUARANTINED: Final = "quarantined"
RELEASED: Final = "released"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One refused medium. `reason` is a code, `detail` its sentence; `state` is quarantined or released."""

    id: str
    name: str
    digest: str
    reason: str
    detail: str
    run: str
    made_at: datetime
    state: str


class Quarantine:
    """Records refusals, and lets go what later turns out to be good."""

    def __init__(self, records: Records, events: Events) -> None:
        self._records = records
        self._events = events

    def listed(self, caller: Caller, limit: int | None = None, cursor: str = "") -> list[QuarantineEntry]:
        """What was refused, by name, after the entry whose id is the cursor; raises NotFound for an unknown one."""
        home = tables.quarantine
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name, home.c.id)
        with self._records.read() as connection:
            if cursor:
                query = query.where(sa.tuple_(home.c.name, home.c.id) > _place(connection, caller, cursor))
            return [_entry(row) for row in connection.execute(query.limit(limit))]

    def count(self, caller: Caller) -> tuple[int, str]:
        """How many wait, and since when the first of them does, empty for none."""
        home = tables.quarantine
        mine = (home.c.workspace_id == caller.workspace) & (home.c.state == QUARANTINED)
        with self._records.read() as connection:
            row = connection.execute(sa.select(sa.func.count(), sa.func.min(home.c.made_at)).where(mine)).one()
        return int(row[0]), row[1] or ""

    def waiting(self, caller: Caller, ids: Sequence[str] | None = None) -> list[str]:
        """The ids that can be replayed, in order; raises NotFound for an unknown one."""
        rows = {row.id: row for row in self._rows(caller)}
        for one in ids or ():
            if one not in rows:
                raise not_found("quarantined file", one)
        return [
            one for one, row in rows.items() if row.state == QUARANTINED and row.digest and (ids is None or one in ids)
        ]

    def entries(self, caller: Caller, ids: Sequence[str]) -> list[Entry]:
        """What an ingest needs to look at these again."""
        wanted = set(ids)
        return [Entry(row.name, digest=row.digest, source=row.source) for row in self._rows(caller) if row.id in wanted]

    def facets(self, caller: Caller, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The metadata by name that came with these."""
        wanted = set(ids)
        return {row.name: row.facets for row in self._rows(caller) if row.id in wanted}

    def unrecorded(
        self,
        caller: Caller,
        refused: Sequence[Refused],
        run: str,
        metadata: Mapping[str, Mapping[str, Any]],
        source: str,
    ) -> list[dict[str, Any]]:
        """Rows for those refusals that are not on record yet."""
        known = {row.id for row in self._rows(caller)} if refused else set()
        made_at = now().isoformat()
        rows = [
            {
                "workspace_id": caller.workspace,
                "id": _id(caller, one.entry.name, one.digest),
                "name": one.entry.name,
                "digest": one.digest,
                "reason": one.reason,
                "detail": one.detail,
                "facets": dict(metadata.get(one.entry.name, {})),
                "run": run,
                "state": QUARANTINED,
                "made_at": made_at,
                "source": one.entry.source or source,
            }
            for one in refused
        ]
        return [row for row in rows if row["id"] not in known]

    def record(self, change: Change, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write such rows in an open unit of work."""
        insert_once(change.connection, tables.quarantine, rows)

    def release(self, caller: Caller, accepted: Sequence[Entry]) -> None:
        """Mark as released what has become a sample."""
        ids = [_id(caller, entry.name, entry.digest) for entry in accepted]
        if not ids:
            return
        home = tables.quarantine
        with self._events.change(caller, "quarantine.release", ids[0]) as change:
            change.execute(
                sa.update(home).where(home.c.workspace_id == caller.workspace, home.c.id.in_(ids)), {"state": RELEASED}
            )
            change.emit("sightloop.quarantine.released", {"ids": ids})

    def retire(self, caller: Caller, before: datetime) -> int:
        """How many entries from before the moment are gone; their bytes are then nobody's."""
        home = tables.quarantine
        old = (home.c.workspace_id == caller.workspace) & (home.c.made_at < before.isoformat())
        with self._events.change(caller, "quarantine.retire", caller.workspace) as change:
            count = change.execute(sa.delete(home).where(old)).rowcount
            change.emit("sightloop.quarantine.retired", {"count": count})
        return int(count)

    def _rows(self, caller: Caller) -> Sequence[sa.Row[Any]]:
        home = tables.quarantine
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name, home.c.id)
        with self._records.read() as connection:
            return connection.execute(query).all()


def _place(connection: sa.Connection, caller: Caller, entry: str) -> sa.Tuple:
    home = tables.quarantine
    mine = (home.c.workspace_id == caller.workspace) & (home.c.id == entry)
    row = connection.execute(sa.select(home.c.name, home.c.id).where(mine)).first()
    if row is None:
        raise not_found("quarantined file", entry, hint="Start again without a cursor.")
    return sa.tuple_(sa.literal(row.name), sa.literal(row.id))


def _id(caller: Caller, name: str, digest: str) -> str:
    return derived_id("qtn", caller.workspace, name, digest)


def _entry(row: Any) -> QuarantineEntry:
    return QuarantineEntry(
        row.id, row.name, row.digest, row.reason, row.detail, row.run, datetime.fromisoformat(row.made_at), row.state
    )
