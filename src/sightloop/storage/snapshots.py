"""Records as a portable file: every row of one moment, in a SQLite file whatever database they came from."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage.records import Records
from sightloop.storage.tables import metadata

_ROWS = 1000


def holds_rows(records: Records) -> bool:
    """Whether any table of the migrated database has a row, but for those that tell of the place."""
    with records.read() as connection:
        return any(
            connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
            for table in metadata.sorted_tables
            if not table.info.get("of_place")
        )


def copy_records(source: Records, target: Records) -> int:
    """The number of rows copied: all that one snapshot of the source shows, in one transaction of the target.

    Both are migrated to the newest schema; the target is empty and may be of another dialect. Tables that tell of the
    place (`info={"of_place": True}`), such as which processes live there, stay behind.
    """
    copied = 0
    with source.read() as reading, target.write() as writing:
        for table in metadata.sorted_tables:
            if table.info.get("of_place"):
                continue
            for rows in reading.execute(sa.select(table)).mappings().partitions(_ROWS):
                writing.execute(sa.insert(table), [dict(row) for row in rows])
                copied += len(rows)
    return copied
