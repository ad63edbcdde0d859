"""What a standing source held when it was last looked at: a Lance table of keys and tags for each source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from sightloop.domain import Caller
from sightloop.events import Events
from sightloop.storage import Records, Stores, Tables, metadata, move_pointer, pointer

_SCHEMA: Final = pa.schema([pa.field("key", pa.string(), nullable=False), pa.field("etag", pa.string())])
_MOST_TOLD: Final = 20
BULK: Final = 1000  # so many new keys are appended unasked; an upsert looks for each, and tidies up


class Seen:
    """Reads ranges of keys, and records pages of them; nothing here grows with the number of looks."""

    def __init__(self, records: Records, stores: Stores, events: Events) -> None:
        self._records = records
        self._stores = stores
        self._events = events

    def between(self, caller: Caller, source: str, first: str, last: str | None) -> dict[str, str]:
        """Tag by key of what was seen after `first`, up to and with `last`; None is the end."""
        return self._read(
            caller, source, f"key > {_text(first)}" + ("" if last is None else f" AND key <= {_text(last)}")
        )

    def named(self, caller: Caller, source: str, keys: Sequence[str]) -> dict[str, str]:
        """Tag by key of those of the keys that were seen."""
        return self._read(caller, source, f"key IN ({', '.join(map(_text, keys))})") if keys else {}

    def record(
        self, caller: Caller, source: str, added: Mapping[str, str], changed: Mapping[str, str], removed: Sequence[str]
    ) -> None:
        """Returns once these keys have these tags and the removed ones none; the same again changes nothing."""
        if not (added or changed or removed):
            return
        name, store = _table(source), self._stores.workspace(caller.workspace).tables
        with self._records.alone(f"{caller.workspace}.{name}"):
            self._take_back(caller, store, name)
            version = store.latest(name)
            if removed and version is not None:
                version = store.delete(name, f"key IN ({', '.join(map(_text, removed))})", rewrite=False)
            rows = {**added, **changed}
            if rows:
                table = pa.table({"key": list(rows), "etag": list(rows.values())}, schema=_SCHEMA)
                new = len(rows) >= BULK and not changed and version is not None
                version = store.append(name, table) if new else store.upsert(name, table, "key")
            told = {"added": len(added), "changed": len(changed), "removed": len(removed)}
            with self._events.change(caller, "source.look", source) as change:
                move_pointer(change.connection, caller.workspace, name, version or 1)
                change.emit("sightloop.source.changed", {**told, "removed_names": list(removed[:_MOST_TOLD])})

    def forget(self, connection: sa.Connection, caller: Caller, source: str) -> None:
        """Returns once nothing points at the source's table; `drop` then removes it."""
        home = metadata.tables["table_pointers"]
        mine = (home.c.workspace_id == caller.workspace) & (home.c.name == _table(source))
        connection.execute(sa.delete(home).where(mine))

    def drop(self, caller: Caller, source: str) -> None:
        """Returns once the table of a forgotten source is gone."""
        self._stores.workspace(caller.workspace).tables.drop(_table(source))

    def _read(self, caller: Caller, source: str, where: str) -> dict[str, str]:
        with self._records.read() as connection:
            version = pointer(connection, caller.workspace, _table(source))
        if version is None:
            return {}
        rows = self._stores.workspace(caller.workspace).tables.read(_table(source), version, where=where)
        return dict(zip(rows["key"].to_pylist(), rows["etag"].to_pylist(), strict=True))

    def _take_back(self, caller: Caller, store: Tables, name: str) -> None:
        """Undoes writes that a crash kept from SQL."""
        with self._records.read() as connection:
            truth = pointer(connection, caller.workspace, name)
        latest = store.latest(name)
        if latest is not None and latest != truth:
            if truth is None:
                store.drop(name)
            else:
                store.restore(name, truth)


def _table(source: str) -> str:
    return f"seen.{source}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
