"""Media that were pushed to a source and wait to be taken in: durably, and bounded in number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.manifests import check_metadata
from sightloop.datasets.sources import Entry
from sightloop.datasets.staging import Staging
from sightloop.domain import Caller, derived_id, now
from sightloop.errors import InvalidInput, Overloaded
from sightloop.events import Events
from sightloop.storage import Records, insert_once

RETRY_AFTER_S: Final = 2


@dataclass(frozen=True, slots=True)
class Pushed:
    """One medium that waits: the same bytes under the same name again are the same."""

    id: str
    name: str
    digest: str


class Inbox:
    """What waits, by source.

    Args:
        limit: how many may wait in a source; beyond it senders are asked to come back.
    """

    def __init__(self, records: Records, events: Events, staging: Staging, limit: int) -> None:
        self._records = records
        self._events = events
        self._staging = staging
        self._limit = limit

    def push(self, caller: Caller, source: str, name: str, data: bytes, given: Mapping[str, Any]) -> Pushed:
        """What waits from now on, durably.

        Args:
            given: fields of the sample and facets, see `manifests.py`.

        Raises:
            Overloaded: as many wait as may.
        """
        if not data:
            raise InvalidInput("Nothing was pushed.", hint="Send the bytes of a medium as the body.")
        if len(name) > 300 or "\0" in name:
            raise InvalidInput("The name of the medium is too long.", hint="Use 300 characters at most.")
        check_metadata({name or "the medium": given})
        if self.waiting(caller).get(source, 0) >= self._limit:
            raise Overloaded(
                f"{self._limit} media wait in this source.", hint="Try again in a moment.", retry_after_s=RETRY_AFTER_S
            )
        digest = self._staging.put(caller, name or "pushed", data)
        one = Pushed(derived_id("psh", caller.workspace, source, name, digest), name or digest[:16], digest)
        row = {"workspace_id": caller.workspace, "source": source, "id": one.id, "name": one.name, "digest": digest}
        with self._events.change(caller, "source.push", one.id) as change:
            insert_once(
                change.connection, tables.source_inbox, [{**row, "given": dict(given), "made_at": now().isoformat()}]
            )
            change.emit("sightloop.source.pushed", {"source": source, "digest": digest, "size_bytes": len(data)})
        return one

    def waiting(self, caller: Caller) -> dict[str, int]:
        """How many wait, by source."""
        home = tables.source_inbox
        counted = sa.select(home.c.source, sa.func.count()).where(home.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            return {row[0]: int(row[1]) for row in connection.execute(counted.group_by(home.c.source))}

    def entries(self, caller: Caller, source: str, limit: int) -> list[Entry]:
        """The first that wait, no two of one name: the second of them waits for the next look."""
        home = tables.source_inbox
        mine = sa.select(home).where(home.c.workspace_id == caller.workspace, home.c.source == source)
        with self._records.read() as connection:
            rows = connection.execute(mine.order_by(home.c.made_at, home.c.id).limit(limit)).all()
        first: dict[str, Entry] = {}
        for row in rows:
            first.setdefault(row.name, Entry(row.name, digest=row.digest, key=row.id, given=row.given))
        return list(first.values())

    def clear(self, caller: Caller, source: str, ids: Sequence[str]) -> None:
        """Returns once these wait no more."""
        home = tables.source_inbox
        mine = (home.c.workspace_id == caller.workspace) & (home.c.source == source)
        with self._events.change(caller, "source.clear", source) as change:
            for at in range(0, len(ids), 500):
                change.execute(sa.delete(home).where(mine, home.c.id.in_(ids[at : at + 500])))
            change.emit("sightloop.source.cleared", {"count": len(ids)})
