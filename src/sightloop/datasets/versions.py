"""Dataset versions: immutable content under a Merkle hash, found, read and compared. `committing.py` makes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sightloop.datasets import merkle, tables
from sightloop.datasets.entries import ObjectDiff, Row, leaf_of, object_diff, objects_of, said_of
from sightloop.datasets.schemas import Dataset, Schemas
from sightloop.datasets.version_store import VersionStore
from sightloop.domain import Caller, DatasetVersion
from sightloop.errors import not_found
from sightloop.storage import Records

MAIN: Final = "main"


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """Sample ids by what happened between two versions; `changed` differs in metadata, objects or origin only.

    A sample that is both relabelled and moved stands in both. `objects` tells of samples in both versions.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    moved: tuple[str, ...]
    changed: tuple[str, ...] = ()
    objects: Mapping[str, ObjectDiff] = field(default_factory=dict)


class Versions:
    """Reads versions and compares them."""

    def __init__(self, records: Records, store: VersionStore, schemas: Schemas) -> None:
        self._records = records
        self._store = store
        self._schemas = schemas

    def history(self, caller: Caller, dataset: Dataset, branch: str | None = None) -> list[DatasetVersion]:
        """All versions, oldest first, of all branches or of one."""
        home = tables.dataset_versions
        query = (
            sa.select(home)
            .where(home.c.workspace_id == caller.workspace, home.c.dataset_id == dataset.id)
            .order_by(home.c.number)
        )
        if branch is not None:
            query = query.where(home.c.branch == branch)
        with self._records.read() as connection:
            return [_version(row, dataset.name) for row in connection.execute(query)]

    def head(self, caller: Caller, dataset: Dataset, branch: str = MAIN) -> DatasetVersion | None:
        """The newest version on the branch, or where it began; None where there is none yet.

        Raises:
            NotFound: there is no such branch.
        """
        home, names = tables.dataset_versions, tables.dataset_branches
        newest = (
            sa.select(home)
            .where(home.c.workspace_id == caller.workspace, home.c.dataset_id == dataset.id, home.c.branch == branch)
            .order_by(home.c.number.desc())
            .limit(1)
        )
        known = sa.select(names.c.name, names.c.began).where(
            names.c.workspace_id == caller.workspace, names.c.dataset_id == dataset.id
        )
        with self._records.read() as connection:
            row = connection.execute(newest).first()
            branches = {one.name: one.began for one in connection.execute(known)}
        if row is not None:
            return _version(row, dataset.name)
        if branch == MAIN:
            return None
        if branch not in branches:
            raise not_found(
                "branch", branch, [MAIN, *branches], hint=f"List them: sightloop dataset branches {dataset.name}"
            )
        return self.find(caller, branches[branch])

    def find(self, caller: Caller, version_id: str) -> DatasetVersion | None:
        """The version of this id, or None."""
        home, names = tables.dataset_versions, tables.datasets
        query = (
            sa.select(home, names.c.name)
            .join(names, sa.and_(names.c.id == home.c.dataset_id, names.c.workspace_id == home.c.workspace_id))
            .where(home.c.workspace_id == caller.workspace, home.c.id == version_id)
        )
        with self._records.read() as connection:
            row = connection.execute(query).first()
        return _version(row, row.name) if row else None

    def resolve(self, caller: Caller, reference: str) -> DatasetVersion:
        """The version that an id, "name@3", "name@latest", "name@BRANCH" or "name" means; a name alone is of main."""
        found = self.find(caller, reference)
        if found is not None:
            return found
        name, _, number = reference.partition("@")
        if not number and name.startswith("dsv_"):
            raise not_found("dataset version", reference)
        home = self._schemas.dataset(caller, name)
        head = self.head(caller, home)
        if head is not None and number in ("", "latest"):
            return head
        known = self.history(caller, home)
        for one in known:
            if number.removeprefix("v") == str(one.number):
                return one
        if number in self.branches(caller, home):
            branch = self.head(caller, home, number)
            assert branch is not None
            return branch
        raise not_found(
            "dataset version",
            reference,
            [f"{name}@{one.number}" for one in known],
            hint=f"List them: sightloop dataset versions {name}",
        )

    def branches(self, caller: Caller, dataset: Dataset) -> list[str]:
        """The names of the branches beside main, in order."""
        home = tables.dataset_branches
        query = sa.select(home.c.name).where(home.c.workspace_id == caller.workspace, home.c.dataset_id == dataset.id)
        with self._records.read() as connection:
            return sorted(connection.scalars(query))

    def table(self, caller: Caller, version: DatasetVersion, columns: Sequence[str] | None) -> pa.Table:
        """Some columns of the entries, `sample` among them, by sample id."""
        return self._store.table(caller, version.id, columns)

    def page(
        self, caller: Caller, version: DatasetVersion, split: str | None, labelled: bool, limit: int | None, cursor: str
    ) -> list[Row]:
        """Up to `limit` entries by sample id, after the cursor; of one split or all, those with a label or all."""
        found = self.table(caller, version, None)
        chosen = pc.greater(found["sample"], cursor)
        if split is not None:
            chosen = pc.and_(chosen, pc.equal(found["split"], split))
        if labelled:
            chosen = pc.and_(chosen, pc.not_equal(found["label"], ""))
        found = found.filter(chosen)
        rows: list[Row] = found.slice(0, len(found) if limit is None else limit).to_pylist()
        return rows

    def count(self, caller: Caller) -> int:
        """How many versions all datasets have."""
        home = tables.dataset_versions
        query = sa.select(sa.func.count()).select_from(home).where(home.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            return int(connection.scalar(query) or 0)

    def diff(self, caller: Caller, a: DatasetVersion, b: DatasetVersion) -> VersionDiff:
        """What changed from a to b; only what differs is read in full."""
        added, removed, both = self._store.difference(caller, a.id, b.id)
        old, new = (
            {row["sample"]: row for row in self._store.table(caller, one.id, samples=both).to_pylist()}
            for one in (a, b)
        )
        relabelled = tuple(one for one in both if old[one]["label"] != new[one]["label"])
        moved = tuple(one for one in both if old[one]["split"] != new[one]["split"])
        elsewhere = {*relabelled, *moved}
        return VersionDiff(
            added=tuple(added),
            removed=tuple(removed),
            relabelled=relabelled,
            moved=moved,
            changed=tuple(one for one in both if one not in elsewhere),
            objects={
                one: object_diff(old[one], new[one])
                for one in both
                if said_of(objects_of(old[one])) != said_of(objects_of(new[one]))
            },
        )

    def recomputed(self, caller: Caller, version: DatasetVersion) -> str:
        """The hash that the stored entries give, leaf by leaf: equal to the version's unless something is damaged."""
        leaves: dict[int, list[str]] = defaultdict(list)
        for piece in self._store.unordered(caller, version.id).to_batches(max_chunksize=_PIECE):
            for row in piece.to_pylist():
                leaves[merkle.bucket_of(row["media_digest"], row["address"])].append(leaf_of(row))
        return merkle.root(merkle.bucket_digests(leaves))


_PIECE: Final = 32_768


def _version(row: Any, dataset: str) -> DatasetVersion:
    return DatasetVersion(
        id=row.id,
        dataset=dataset,
        number=row.number,
        hash=row.hash,
        parent=row.parent,
        counts=dict(row.counts),
        label_counts=dict(row.label_counts),
        made_at=datetime.fromisoformat(row.made_at),
        note=row.note,
        run=row.run,
        branch=row.branch,
        merged=row.merged,
    )
