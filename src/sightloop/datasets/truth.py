"""What is said of each sample now: its head label, who said it, and how many objects stand on it; held in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.domain import Caller
from sightloop.storage import Records

_LISTED: Final = 500  # ids in one SQL list
_READ_AGAIN: Final = 4 * _LISTED  # samples; beyond it, all heads of the workspace are read
_HEADS: Final = ("sample", "label", "author_kind", "annotation")


@dataclass(frozen=True, slots=True)
class Truth:
    """The head labels of whole images at one moment.

    Attributes:
        stamp: the last change that said anything; it rises with each.
        heads: one row a labelled sample: `sample`, `label`, `author_kind`, `annotation`. Where several schemas label
            it, the last one speaks.
        objects: one row a sample with objects: `sample`, `count`.
    """

    stamp: int
    heads: pa.Table
    objects: pa.Table

    def by_sample(self, ids: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
        """`label`, `author_kind`, `annotation` and `object_count` of each of these samples, null for no label."""
        said = self.heads.take(pc.index_in(ids, self.heads["sample"].combine_chunks()))
        counts = self.objects["count"].take(pc.index_in(ids, self.objects["sample"].combine_chunks()))
        return {
            "label": said["label"].dictionary_encode(),
            "author_kind": said["author_kind"].dictionary_encode(),
            "annotation": said["annotation"],
            "object_count": pc.fill_null(counts, 0),
        }


class TruthReader:
    """Reads all heads of a workspace once, and after that those of samples of which something was said since."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._held: dict[str, Truth] = {}
        self._locks: dict[str, Lock] = defaultdict(Lock)

    def stamp(self, caller: Caller) -> int:
        """The last change that said anything; nothing is read but that."""
        with self._records.read() as connection:
            return _stamp(connection, caller.workspace)

    def now(self, caller: Caller) -> Truth:
        """The heads as of now."""
        workspace = caller.workspace
        with self._locks[workspace], self._records.read() as connection:
            stamp = _stamp(connection, workspace)
            held = self._held.get(workspace)
            if held is None or held.stamp != stamp:
                again = None if held is None else _said_since(connection, workspace, held.stamp)
                fresh = _read(connection, workspace, stamp, again)
                held = fresh if held is None or again is None else _joined(held, fresh, again)
                self._held[workspace] = held
        return held

    def of(self, caller: Caller, samples: Sequence[str]) -> Truth:
        """The heads of these samples only, as of now, read for them."""
        with self._records.read() as connection:
            return _read(connection, caller.workspace, _stamp(connection, caller.workspace), samples)


def _stamp(connection: sa.Connection, workspace: str) -> int:
    home = tables.revisions
    return int(connection.scalar(sa.select(sa.func.max(home.c.sequence)).where(home.c.workspace_id == workspace)) or 0)


def _said_since(connection: sa.Connection, workspace: str, stamp: int) -> list[str] | None:
    """The samples of which anything was said after the change; None where they are too many to name."""
    home = tables.revisions
    query = sa.select(home.c.sample).where(home.c.workspace_id == workspace, home.c.sequence > stamp).distinct()
    found = list(connection.scalars(query.limit(_READ_AGAIN + 1)))
    return found if len(found) <= _READ_AGAIN else None


def _read(connection: sa.Connection, workspace: str, stamp: int, samples: Sequence[str] | None) -> Truth:
    """Of these samples, or of all."""
    said: dict[str, Any] = {}
    objects: Counter[str] = Counter()
    for row in _heads(connection, workspace, samples):
        if row[1]:
            objects[row[0]] += 1
        else:
            said[row[0]] = row
    columns: list[Any] = list(zip(*said.values(), strict=True)) or [()] * 6
    heads = dict(zip(_HEADS, (columns[0], *columns[2:5]), strict=True))
    counts = pa.array(objects.values(), pa.uint32())
    return Truth(
        stamp,
        pa.table({name: pa.array(values, pa.string()) for name, values in heads.items()}),
        pa.table({"sample": pa.array(objects.keys(), pa.string()), "count": counts}),
    )


def _heads(connection: sa.Connection, workspace: str, samples: Sequence[str] | None) -> Iterator[Any]:
    """Sample, object, label, author's kind, id and schema of each head that says anything, by schema."""
    home = tables.revisions
    query = sa.select(
        home.c.sample, home.c.object, home.c.label, home.c.author_kind, home.c.id, home.c.schema_id
    ).where(home.c.workspace_id == workspace, home.c.head, home.c.label != "")
    if samples is None:
        yield from connection.execute(query.order_by(home.c.schema_id))
        return
    for at in range(0, len(samples), _LISTED):
        # Sorted here: asked for an order, SQLite walks all heads of the workspace instead of finding the samples.
        found = connection.execute(query.where(home.c.sample.in_(samples[at : at + _LISTED])))
        yield from sorted(found, key=lambda row: str(row.schema_id))


def _joined(held: Truth, fresh: Truth, again: Sequence[str]) -> Truth:
    """What was held, but for these samples, of which the fresh one speaks."""
    spoken = pa.array(again, pa.string())

    def join(old: pa.Table, new: pa.Table) -> pa.Table:
        return pa.concat_tables([old.filter(pc.invert(pc.is_in(old["sample"], spoken))), new]).combine_chunks()

    return Truth(fresh.stamp, join(held.heads, fresh.heads), join(held.objects, fresh.objects))
