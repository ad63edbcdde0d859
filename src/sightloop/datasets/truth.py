"""What is said of each sample now: its head label, who said it, and how many objects stand on it; held in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.domain import Caller
from sightloop.storage import Records


@dataclass(frozen=True)
class Truth:
    """The head labels of all whole images at one moment, column by column; a later schema comes after an earlier.

    Attributes:
        stamp: differs where anything was said since.
        objects: how many stand on each sample that has any.
    """

    stamp: str
    samples: list[str]
    labels: list[str]
    author_kinds: list[str]
    annotations: list[str]
    objects: Mapping[str, int]

    @cached_property
    def label_of(self) -> dict[str, str]:
        """Label by sample; where several schemas label it, that of the last."""
        return dict(zip(self.samples, self.labels, strict=True))

    def by_sample(self, ids: pa.ChunkedArray) -> dict[str, pa.Array]:
        """`label`, `author_kind`, `annotation` and `object_count` of each of these samples, null for no label."""
        row_of = {sample: row for row, sample in enumerate(self.samples)}
        listed = ids.to_pylist()
        rows = pa.array([row_of.get(one) for one in listed], pa.int32())
        return {
            "label": pa.array(self.labels, pa.string()).dictionary_encode().take(rows),
            "author_kind": pa.array(self.author_kinds, pa.string()).dictionary_encode().take(rows),
            "annotation": pa.array(self.annotations, pa.string()).take(rows),
            "object_count": pa.array([self.objects.get(one, 0) for one in listed], pa.uint32()),
        }


class TruthReader:
    """Reads all heads of a workspace once after each change of them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._held: dict[str, Truth] = {}
        self._locks: dict[str, Lock] = defaultdict(Lock)

    def now(self, caller: Caller) -> Truth:
        """The heads as of now. Revisions are only ever added, so their number tells whether anything was said."""
        workspace, home = caller.workspace, tables.revisions
        counted = sa.select(sa.func.count()).select_from(home).where(home.c.workspace_id == workspace)
        heads = sa.and_(home.c.workspace_id == workspace, home.c.head, home.c.label != "")
        query = (
            sa.select(home.c.sample, home.c.label, home.c.author_kind, home.c.id)
            .where(heads, home.c.object == "")
            .order_by(home.c.schema_id)
        )
        many = sa.select(home.c.sample, sa.func.count()).where(heads, home.c.object != "").group_by(home.c.sample)
        with self._locks[workspace], self._records.read() as connection:
            stamp = str(connection.scalar(counted))
            held = self._held.get(workspace)
            if held is None or held.stamp != stamp:
                rows: list[Any] = list(zip(*connection.execute(query).all(), strict=True)) or [()] * 4
                objects = {row[0]: row[1] for row in connection.execute(many)}
                samples, labels, kinds, annotations = map(list, rows)
                held = Truth(stamp, samples, labels, kinds, annotations, objects)
                self._held[workspace] = held
        return held
