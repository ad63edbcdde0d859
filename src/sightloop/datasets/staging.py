"""Blobs that wait to be used: uploads, and the notes of an ingest. Recorded, so that fsck knows them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.domain import Caller, derived_id, now
from sightloop.events import Events
from sightloop.storage import Records, Stores, insert_once


class Staging:
    """Puts blobs and records that somebody will need them."""

    def __init__(self, records: Records, stores: Stores, events: Events) -> None:
        self._records = records
        self._stores = stores
        self._events = events

    def put(self, caller: Caller, name: str, data: bytes) -> str:
        """The digest of the staged bytes; the same bytes again change nothing."""
        digest = self._stores.workspace(caller.workspace).blobs.put(data)
        home = tables.staged
        known = sa.select(home.c.digest).where(home.c.workspace_id == caller.workspace, home.c.digest == digest)
        with self._records.read() as connection:
            if connection.scalar(known) is not None:
                return digest
        row = {"workspace_id": caller.workspace, "digest": digest, "name": name[:300], "made_at": now().isoformat()}
        subject = derived_id("stg", caller.workspace, digest)
        with self._events.change(caller, "media.stage", subject) as change:
            insert_once(change.connection, home, [row])
            change.emit("sightloop.media.staged", {"digest": digest, "size_bytes": len(data)})
        return digest

    def retire(self, caller: Caller, before: datetime) -> int:
        """How many blobs staged before the moment wait no more; what a sample uses stays."""
        home = tables.staged
        old = (home.c.workspace_id == caller.workspace) & (home.c.made_at < before.isoformat())
        with self._events.change(caller, "media.unstage", caller.workspace) as change:
            count = change.execute(sa.delete(home).where(old)).rowcount
            change.emit("sightloop.media.unstaged", {"count": count})
        return int(count)
