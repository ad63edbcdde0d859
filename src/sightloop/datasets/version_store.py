"""Where the entries of versions rest: a whole table now and then, and between them what differs from one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sightloop.datasets import merkle, tables
from sightloop.datasets.entries import Row
from sightloop.domain import Caller
from sightloop.errors import not_found
from sightloop.storage import Records, Stores, pointer

ENTRIES: Final = pa.schema(
    [
        pa.field("sample", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in ("media_digest", "address", "split", "annotation")),
        pa.field("revision", pa.int32()),
        *(pa.field(name, pa.string()) for name in ("label", "origin", "receipt", "truth", "metadata", "leaf")),
        pa.field("bucket", pa.int32()),
        pa.field("objects", pa.string()),  # JSON; empty where there are none, not there in older versions
    ]
)
WHOLE_FROM: Final = 0.25  # of the entries: a version that differs in more is written whole
INDEXED_FROM: Final = 50_000  # entries; a few of them are then found without reading all
PIECE: Final = 32_768  # entries that are written at once
_LISTED: Final = 1000  # ids in one filter
_MOST_LISTED: Final = 20_000  # beyond it all is read


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a version rests, and what its next one goes on from.

    Attributes:
        base: the version whose table this one's own differs from; empty where its own holds everything.
        sequence: the last change of labels that it knows of; -1 for one from before that was kept.
        buckets: the digest of the blob with its bucket digests.
    """

    id: str
    base: str
    sequence: int
    buckets: str


class VersionStore:
    """Reads and writes entries. A row without `media_digest` says that a sample of the base has gone."""

    def __init__(self, records: Records, stores: Stores) -> None:
        self._records = records
        self._stores = stores

    def placed(self, caller: Caller, version_id: str) -> Placed:
        home = tables.dataset_versions
        query = sa.select(home.c.id, home.c.base, home.c.sequence, home.c.buckets).where(
            home.c.workspace_id == caller.workspace, home.c.id == version_id
        )
        with self._records.read() as connection:
            row = connection.execute(query).one()
        return Placed(row.id, row.base, row.sequence, row.buckets)

    def digests(self, caller: Caller, version_id: str) -> bytes:
        """The bucket digests of the version."""
        return self._stores.workspace(caller.workspace).blobs.get(self.placed(caller, version_id).buckets)

    def table(
        self,
        caller: Caller,
        version_id: str,
        columns: Sequence[str] | None = None,
        *,
        samples: Collection[str] | None = None,
        buckets: Collection[int] | None = None,
    ) -> pa.Table:
        """Some columns of the entries, `sample` among them, by sample id; of some samples or buckets, or of all."""
        found = self.unordered(caller, version_id, columns, samples=samples, buckets=buckets)
        return found.sort_by("sample")

    def unordered(
        self,
        caller: Caller,
        version_id: str,
        columns: Sequence[str] | None = None,
        *,
        samples: Collection[str] | None = None,
        buckets: Collection[int] | None = None,
    ) -> pa.Table:
        """As `table`, in no order that could be relied on."""
        base = self.placed(caller, version_id).base
        asked = None if columns is None else [*dict.fromkeys([*columns, *(["media_digest"] if base else [])])]
        filters = _filters(samples, buckets)
        own = self._read(caller, version_id, asked, filters, samples)
        if not base:
            return own
        whole = self._read(caller, base, asked, filters, samples)
        if len(own):
            whole = whole.filter(pc.invert(pc.is_in(whole["sample"], own["sample"].combine_chunks())))
            own = own.filter(pc.is_valid(own["media_digest"]))
        found = pa.concat_tables([_full(whole, own), _full(own, whole)])
        return found if columns is None else found.select(list(columns))

    def difference(self, caller: Caller, a: str, b: str) -> tuple[list[str], list[str], list[str]]:
        """Ids that only b holds, that only a holds, and that both hold with different content; each in order."""
        left, right = self.placed(caller, a), self.placed(caller, b)
        samples: Collection[str] | None = None
        if (left.base or left.id) == (right.base or right.id):
            parts = [self._read(caller, one.id, ["sample"], [None], None) for one in (left, right) if one.base]
            samples = {one for part in parts for one in part["sample"].to_pylist()}
        differing = merkle.differing(self.digests(caller, a), self.digests(caller, b))
        old, new = (
            self.unordered(
                caller, one, ["sample", "leaf"], samples=samples, buckets=differing if samples is None else None
            )
            for one in (a, b)
        )
        at = pc.index_in(new["sample"], old["sample"].combine_chunks())
        known = pc.is_valid(at)
        added = new["sample"].filter(pc.invert(known))
        removed = old["sample"].filter(pc.invert(pc.is_in(old["sample"], new["sample"].combine_chunks())))
        both = new.filter(known)
        changed = both["sample"].filter(pc.not_equal(both["leaf"], old["leaf"].take(at.filter(known))))
        return sorted(added.to_pylist()), sorted(removed.to_pylist()), sorted(changed.to_pylist())

    def write_whole(self, caller: Caller, version_id: str, pieces: Iterable[pa.Table]) -> int:
        """The Lance version of a table of its own with all entries, written piece by piece."""
        store, name, version, rows = self._stores.workspace(caller.workspace).tables, table_name(version_id), 0, 0
        if store.latest(name) is not None:
            store.delete(name, "true")
        for piece in pieces:
            version = store.append(name, piece)
            rows += len(piece)
        if rows >= INDEXED_FROM:
            for column in ("sample", "bucket"):
                version = store.indexes.add_ids(name, column)
        return version

    def own(self, caller: Caller, version_id: str) -> pa.Table:
        """What the version's own table holds: all, or what differs from its base."""
        return self._read(caller, version_id, None, [None], None)

    def _read(
        self,
        caller: Caller,
        version_id: str,
        columns: Sequence[str] | None,
        filters: Sequence[str | None],
        samples: Collection[str] | None,
    ) -> pa.Table:
        name = table_name(version_id)
        with self._records.read() as connection:
            at = pointer(connection, caller.workspace, name)
        if at is None:
            raise not_found("table of dataset version", version_id, hint="Run: sightloop fsck")
        store = self._stores.workspace(caller.workspace).tables
        if not filters:
            return store.read(name, at, columns, "false")
        found = pa.concat_tables(
            [
                store.read(name, at, columns) if where is None else store.indexes.listed(name, at, columns, where)
                for where in filters
            ]
        )
        if samples is not None and filters == [None]:
            found = found.filter(pc.is_in(found["sample"], pa.array(sorted(samples), pa.string())))
        return found


def table_name(version_id: str) -> str:
    """The Lance table of a version."""
    return f"versions.{version_id}"


def rows_table(rows: Iterable[Row]) -> pa.Table:
    """Entries as Arrow."""
    return pa.Table.from_pylist(list(rows), schema=ENTRIES)


def gone(sample: str, bucket: int) -> Row:
    """The row that says that a sample of the base has gone."""
    return {"sample": sample, "bucket": bucket}


def _filters(samples: Collection[str] | None, buckets: Collection[int] | None) -> list[str | None]:
    """Lance filters that together select what is asked; one None for all of it."""
    if samples is not None:
        if len(samples) > _MOST_LISTED:
            return [None]
        ordered = sorted(samples)
        pages = (ordered[at : at + _LISTED] for at in range(0, len(ordered), _LISTED))
        return ["sample IN ({})".format(", ".join(f"'{one}'" for one in page)) for page in pages]
    if buckets is None or len(buckets) > merkle.BUCKETS // 4:
        return [None]
    return [f"bucket IN ({', '.join(map(str, buckets))})"] if buckets else []


def _full(table: pa.Table, other: pa.Table) -> pa.Table:
    """With the columns of the other one too; those that it lacks are empty."""
    for name in other.column_names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(len(table), other.schema.field(name).type))
    return table.select(sorted(table.column_names, key=ENTRIES.names.index)).cast(
        pa.schema([ENTRIES.field(name) for name in sorted(table.column_names, key=ENTRIES.names.index)])
    )
