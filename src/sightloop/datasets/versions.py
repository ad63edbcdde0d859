"""Dataset versions: immutable content under a Merkle hash, committed, read and compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sightloop.datasets import merkle, tables
from sightloop.datasets.annotations import Annotations
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.dealing import Dealer, Placement
from sightloop.datasets.entries import ObjectDiff, Row, leaf_of, object_diff, objects_of, said_of, truth_of
from sightloop.datasets.expectations import ExpectationBook
from sightloop.datasets.filters import Where
from sightloop.datasets.schemas import Dataset, Schemas
from sightloop.datasets.similarity import Similarity
from sightloop.domain import Caller, DatasetVersion, now
from sightloop.errors import NotEnoughData, not_found
from sightloop.events import Events
from sightloop.storage import Records, Stores, faultpoint, move_pointer, pointer

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
_MANY_BUCKETS: Final = 256


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
    """Commits versions of datasets, reads them and compares them."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        catalogue: Catalogue,
        schemas: Schemas,
        annotations: Annotations,
        similarity: Similarity,
        expected: ExpectationBook,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._catalogue = catalogue
        self._schemas = schemas
        self._annotations = annotations
        self._expected = expected
        self._dealer = Dealer(catalogue, similarity)

    def commit(
        self,
        caller: Caller,
        dataset: str,
        where: Where | None,
        splits: Mapping[str, float] | None,
        strata: Sequence[str],
        add: Mapping[str, str] | None,
        drop: Collection[str],
        seed: int,
        note: str,
        run: str,
    ) -> DatasetVersion:
        home = self._schemas.dataset(caller, dataset)
        version_id = caller.new_id("dsv")
        made = self.find(caller, version_id)
        if made is not None:
            return made
        history = self.history(caller, home)
        parent = history[-1] if history else None
        before = self.rows(caller, parent) if parent else []
        kept = {row["sample"]: row for row in before if row["sample"] not in drop}
        unfit = partial(self._expected.unfit, caller, home.name)
        standing = {sample: row["split"] for sample, row in kept.items()}
        placement = self._dealer.place(caller, standing, add or {}, where, splits, strata, seed, unfit)
        rows = self._rows(caller, home, placement.splits, kept)
        if not rows:
            hint = "None of them is as the dataset expects." if placement.unfit else "where={} takes all samples."
            raise NotEnoughData("There is nothing to commit.", hint=hint)
        held = self._buckets(caller, parent) if parent else merkle.EMPTY
        digests = merkle.bucket_digests(_touched(rows, kept, before), held)
        content = merkle.root(digests)
        if parent is not None and parent.hash == content:
            return parent
        return self._store(caller, home, version_id, parent, rows, digests, note, run, placement)

    def history(self, caller: Caller, dataset: Dataset) -> list[DatasetVersion]:
        """All versions, oldest first."""
        home = tables.dataset_versions
        query = (
            sa.select(home)
            .where(home.c.workspace_id == caller.workspace, home.c.dataset_id == dataset.id)
            .order_by(home.c.number)
        )
        with self._records.read() as connection:
            return [_version(row, dataset.name) for row in connection.execute(query)]

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
        """The version that an id, "name@3", "name@latest" or "name" means."""
        found = self.find(caller, reference)
        if found is not None:
            return found
        name, _, number = reference.partition("@")
        if not number and name.startswith("dsv_"):
            raise not_found("dataset version", reference)
        known = self.history(caller, self._schemas.dataset(caller, name))
        for one in known:
            if number.removeprefix("v") == str(one.number):
                return one
        if known and number in ("", "latest"):
            return known[-1]
        raise not_found(
            "dataset version",
            reference,
            [f"{name}@{one.number}" for one in known],
            hint=f"List them: sightloop dataset versions {name}",
        )

    def rows(self, caller: Caller, version: DatasetVersion, where: str | None = None) -> list[Row]:
        """The entries as stored, by sample id."""
        rows: list[Row] = self.table(caller, version, None, where).to_pylist()
        return rows

    def table(
        self, caller: Caller, version: DatasetVersion, columns: Sequence[str] | None, where: str | None = None
    ) -> pa.Table:
        """Some columns of the entries, `sample` among them, by sample id."""
        name = _table(version.id)
        with self._records.read() as connection:
            at = pointer(connection, caller.workspace, name)
        if at is None:
            raise not_found("table of dataset version", version.id, hint="Run: sightloop fsck")
        return self._stores.workspace(caller.workspace).tables.read(name, at, columns, where).sort_by("sample")

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
        """What changed from a to b; only the buckets that differ are read."""
        buckets = merkle.differing(self._buckets(caller, a), self._buckets(caller, b))
        if not buckets:
            return VersionDiff((), (), (), ())
        where = None if len(buckets) > _MANY_BUCKETS else f"bucket IN ({', '.join(map(str, buckets))})"
        old = {row["sample"]: row for row in self.rows(caller, a, where)}
        new = {row["sample"]: row for row in self.rows(caller, b, where)}
        both = [one for one in new if one in old and old[one]["leaf"] != new[one]["leaf"]]
        relabelled = tuple(one for one in both if old[one]["label"] != new[one]["label"])
        moved = tuple(one for one in both if old[one]["split"] != new[one]["split"])
        return VersionDiff(
            added=tuple(one for one in new if one not in old),
            removed=tuple(one for one in old if one not in new),
            relabelled=relabelled,
            moved=moved,
            changed=tuple(one for one in both if one not in {*relabelled, *moved}),
            objects={
                one: object_diff(old[one], new[one])
                for one in both
                if said_of(objects_of(old[one])) != said_of(objects_of(new[one]))
            },
        )

    def recomputed(self, caller: Caller, version: DatasetVersion) -> str:
        """The hash that the stored entries give, leaf by leaf: equal to the version's unless something is damaged."""
        leaves: dict[int, list[str]] = defaultdict(list)
        for row in self.rows(caller, version):
            leaves[merkle.bucket_of(row["media_digest"], row["address"])].append(leaf_of(row))
        return merkle.root(merkle.bucket_digests(leaves))

    def _rows(self, caller: Caller, home: Dataset, placed: Mapping[str, str], kept: Mapping[str, Row]) -> list[Row]:
        """All entries by sample id, with the annotations of now."""
        view = self._catalogue.view(caller)
        heads = self._annotations.objects(caller, home.schema)
        samples = sorted(placed)
        numbers = view.row_numbers(samples)
        media, addresses, metadata = view.column("media_digest"), view.addresses(), view.metadata()
        rows = []
        for sample, i in zip(samples, numbers, strict=True):
            row = {
                "sample": sample,
                "media_digest": str(media[i]),
                "address": addresses[i],
                "split": placed[sample],
                **truth_of(heads.get(sample, ())),
                "metadata": merkle.canonical(metadata[i]),
            }
            before = kept.get(sample)
            same = before is not None and all(before.get(name, "") == value for name, value in row.items())
            row["leaf"] = before["leaf"] if before is not None and same else leaf_of(row)
            row["bucket"] = merkle.bucket_of(row["media_digest"], row["address"])
            rows.append(row)
        return rows

    def _store(
        self,
        caller: Caller,
        home: Dataset,
        version_id: str,
        parent: DatasetVersion | None,
        rows: Sequence[Row],
        digests: bytes,
        note: str,
        run: str,
        placement: Placement,
    ) -> DatasetVersion:
        """Blob, then Lance, then SQL."""
        store = self._stores.workspace(caller.workspace)
        values = {
            "workspace_id": caller.workspace,
            "id": version_id,
            "dataset_id": home.id,
            "number": parent.number + 1 if parent else 1,
            "hash": merkle.root(digests),
            "buckets": store.blobs.put(digests),
            "parent": parent.id if parent else "",
            "counts": dict(sorted(Counter(row["split"] for row in rows).items())),
            "label_counts": dict(sorted(Counter(row["label"] for row in rows).items())),
            "note": note,
            "run": run,
            "made_at": now().isoformat(),
        }
        faultpoint("commit.after_blob")
        name = _table(version_id)
        if store.tables.latest(name) is not None:
            store.tables.delete(name, "true")
        lance_version = store.tables.append(name, pa.Table.from_pylist(list(rows), schema=ENTRIES))
        faultpoint("commit.after_lance")
        told = {"dataset": home.id, "version": version_id, "parted_groups": placement.parted}
        told |= {"unfit": len(placement.unfit)}
        with self._events.change(caller, "dataset.commit", version_id) as change:
            change.execute(sa.insert(tables.dataset_versions), values)
            move_pointer(change.connection, caller.workspace, name, lance_version)
            change.emit(
                "sightloop.dataset.committed", told | {key: values[key] for key in ("number", "hash", "counts", "run")}
            )
        return self.resolve(caller, version_id)

    def _buckets(self, caller: Caller, version: DatasetVersion) -> bytes:
        home = tables.dataset_versions
        query = sa.select(home.c.buckets).where(home.c.workspace_id == caller.workspace, home.c.id == version.id)
        with self._records.read() as connection:
            digest = connection.scalars(query).one()
        return self._stores.workspace(caller.workspace).blobs.get(digest)


def _touched(rows: Sequence[Row], kept: Mapping[str, Row], before: Iterable[Row]) -> dict[int, list[str]]:
    """All leaves of each bucket in which something was added, changed or dropped."""
    touched = {row["bucket"] for row in rows if row["sample"] not in kept or kept[row["sample"]]["leaf"] != row["leaf"]}
    touched |= {row["bucket"] for row in before if row["sample"] not in kept}
    leaves: dict[int, list[str]] = {bucket: [] for bucket in touched}
    for row in rows:
        if row["bucket"] in touched:
            leaves[row["bucket"]].append(row["leaf"])
    return leaves


def _table(version_id: str) -> str:
    return f"versions.{version_id}"


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
    )
