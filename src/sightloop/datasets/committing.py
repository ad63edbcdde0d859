"""New versions of datasets: what a commit, a merge or going back changes is found, hashed and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sightloop.datasets import merkle, tables
from sightloop.datasets.annotations import Annotations
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.dealing import Dealer
from sightloop.datasets.entries import Row, leaf_of, truth_of
from sightloop.datasets.expectations import ExpectationBook
from sightloop.datasets.filters import Where
from sightloop.datasets.kinship import Leak, refuse_leaks
from sightloop.datasets.rows import address_of
from sightloop.datasets.schemas import Dataset, Schemas
from sightloop.datasets.similarity import Similarity
from sightloop.datasets.version_store import PIECE, WHOLE_FROM, VersionStore, gone, rows_table, table_name
from sightloop.datasets.versions import MAIN, Versions
from sightloop.domain import Caller, DatasetVersion, now
from sightloop.errors import NotEnoughData
from sightloop.events import Change, Events
from sightloop.storage import Records, Stores, faultpoint, move_pointer

LEAK_RULE: Final = "kin stay together@1"
SHOWN_LEAKS: Final = 100


@dataclass(frozen=True, slots=True)
class Step:
    """What a new version is: where it stands, what it changes of its parent, and what is told of it.

    Attributes:
        splits: of samples that the parent does not hold, or holds elsewhere; drop: those that it holds no more.
    """

    home: Dataset
    branch: str
    parent: DatasetVersion | None
    splits: Mapping[str, str]
    drop: Collection[str] = ()
    note: str = ""
    run: str = ""
    merged: str = ""
    leaks: tuple[Leak, ...] = ()
    accept_leaks: str = ""
    unfit: frozenset[str] = frozenset()


class Committer:
    """Makes versions."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        catalogue: Catalogue,
        schemas: Schemas,
        annotations: Annotations,
        similarity: Similarity,
        versions: Versions,
        store: VersionStore,
        expected: ExpectationBook,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._catalogue = catalogue
        self._schemas = schemas
        self._annotations = annotations
        self._versions = versions
        self._store = store
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
        branch: str = MAIN,
        accept_leaks: str = "",
    ) -> DatasetVersion:
        home = self._schemas.dataset(caller, dataset)
        made = self._versions.find(caller, caller.new_id("dsv"))
        if made is not None:
            return made
        parent = self._versions.head(caller, home, branch)
        members = Members(self._store, caller, parent, drop)
        unfit = partial(self._expected.unfit, caller, home.name)
        placed = self._dealer.place(caller, members, add or {}, where, splits, strata, seed, unfit)
        if not accept_leaks:
            refuse_leaks(self._catalogue.view(caller), placed.leaks)
        step = Step(
            home, branch, parent, placed.splits, drop, note, run, leaks=placed.leaks, accept_leaks=accept_leaks,
            unfit=placed.unfit,
        )  # fmt: skip
        return self.write(caller, step)

    def write(self, caller: Caller, step: Step) -> DatasetVersion:
        """The version; the parent where the step changes nothing of it."""
        version_id = caller.new_id("dsv")
        sequence = self._catalogue.said_stamp(caller)
        if step.parent is None:
            return self._first(caller, version_id, step, sequence)
        parent = self._store.placed(caller, step.parent.id)
        said = self._said_since(caller, step.home, parent.sequence)
        touched = {*step.splits, *step.drop, *said}
        old = {row["sample"]: row for row in self._store.unordered(caller, parent.id, samples=touched).to_pylist()}
        placed = {one: row["split"] for one, row in old.items() if one not in step.drop} | dict(step.splits)
        new = {row["sample"]: row for piece in self._pieces(caller, step.home, placed) for row in piece}
        dropped = {one: row for one, row in old.items() if one not in new}
        changed = {one: row for one, row in new.items() if one not in old or _differs(old[one], row)}
        digests = self._digests(caller, parent.id, old, changed, dropped)
        if merkle.root(digests) == step.parent.hash:
            return step.parent
        size = sum(step.parent.counts.values()) + sum(one not in old for one in changed) - len(dropped)
        if size == 0:
            raise _nothing(step)
        own = rows_table([*changed.values(), *(gone(one, row["bucket"]) for one, row in dropped.items())])
        if parent.base:
            before = self._store.own(caller, parent.id)
            kept = before.filter(pc.invert(pc.is_in(before["sample"], own["sample"].combine_chunks())))
            own = pa.concat_tables([kept, own])
        counts = _moved(step.parent.counts, "split", old, changed, dropped)
        labels = _moved(step.parent.label_counts, "label", old, changed, dropped)
        facts = {"counts": counts, "label_counts": labels, "sequence": sequence, "base": parent.base or parent.id}
        if len(own) > WHOLE_FROM * size:
            rest = self._store.unordered(caller, parent.id)
            gone_or_new = pa.array([*changed, *dropped], pa.string())
            rest = rest.filter(pc.invert(pc.is_in(rest["sample"], gone_or_new)))
            own = pa.concat_tables([rest, rows_table(changed.values())], promote_options="default").sort_by("sample")
            facts["base"] = ""
        return self._store_version(caller, version_id, step, digests, facts, _slices(own))

    def back(
        self, caller: Caller, home: Dataset, branch: str, parent: DatasetVersion, to: DatasetVersion
    ) -> DatasetVersion:
        """A version on the branch with the content of an older one; labels given since come with the next commit."""
        if parent.hash == to.hash:
            return parent
        placed = self._store.placed(caller, to.id)
        facts = {
            "counts": dict(to.counts), "label_counts": dict(to.label_counts), "sequence": placed.sequence,
            "base": placed.base or to.id,
        }  # fmt: skip
        own = self._store.own(caller, to.id) if placed.base else rows_table([])
        step = Step(home, branch, parent, {}, note=f"back to {to.number}")
        digests = self._store.digests(caller, to.id)
        return self._store_version(caller, caller.new_id("dsv"), step, digests, facts, [own])

    def _first(self, caller: Caller, version_id: str, step: Step, sequence: int) -> DatasetVersion:
        """The first version of a dataset; no more than PIECE entries are held in full."""
        if not step.splits:
            raise _nothing(step)
        leaves: dict[int, list[str]] = {}
        splits: Counter[str] = Counter()
        labels: Counter[str] = Counter()
        pieces: list[pa.Table] = []  # a tenth of what the entries themselves would take
        for piece in self._pieces(caller, step.home, step.splits):
            for row in piece:
                leaves.setdefault(row["bucket"], []).append(row["leaf"])
                splits[row["split"]] += 1
                labels[row["label"]] += 1
            pieces.append(rows_table(piece))
        facts = {
            "counts": dict(sorted(splits.items())), "label_counts": dict(sorted(labels.items())), "sequence": sequence,
            "base": "",
        }  # fmt: skip
        return self._store_version(caller, version_id, step, merkle.bucket_digests(leaves), facts, pieces)

    def _pieces(self, caller: Caller, home: Dataset, placed: Mapping[str, str]) -> Iterator[list[Row]]:
        """The entries of these samples by sample id, with the annotations of now, PIECE at a time."""
        view = self._catalogue.view(caller)
        ordered = sorted(placed)
        for at in range(0, len(ordered), PIECE):
            samples = ordered[at : at + PIECE]
            stored = view.rows(view.row_numbers(samples), ["media_digest", "address", "metadata"])
            heads = self._annotations.objects(caller, home.schema, samples)
            yield [
                _entry(sample, row, placed[sample], truth_of(heads.get(sample, ())))
                for sample, row in zip(samples, stored, strict=True)
            ]

    def _said_since(self, caller: Caller, home: Dataset, sequence: int) -> list[str]:
        revisions = tables.revisions
        query = sa.select(revisions.c.sample).where(
            revisions.c.workspace_id == caller.workspace,
            revisions.c.schema_id == home.schema,
            revisions.c.sequence > sequence,
        )
        with self._records.read() as connection:
            return list(connection.scalars(query.distinct()))

    def _digests(
        self,
        caller: Caller,
        parent: str,
        old: Mapping[str, Row],
        changed: Mapping[str, Row],
        dropped: Mapping[str, Row],
    ) -> bytes:
        """The bucket digests after the change; of the buckets that it touches all leaves are read."""
        now_in = {one: row for one, row in changed.items() if one not in old or old[one]["leaf"] != row["leaf"]}
        buckets = {row["bucket"] for row in (*now_in.values(), *dropped.values())}
        leaves: dict[int, list[str]] = {one: [] for one in buckets}
        columns = ["sample", "leaf", "bucket"]
        held = self._store.unordered(caller, parent, columns, buckets=sorted(buckets))
        replaced = pa.array([*now_in, *dropped], pa.string())
        held = held.filter(pc.invert(pc.is_in(held["sample"], replaced)))
        for leaf, bucket in zip(held["leaf"].to_pylist(), held["bucket"].to_pylist(), strict=True):
            if bucket in leaves:
                leaves[bucket].append(leaf)
        for row in now_in.values():
            leaves[row["bucket"]].append(row["leaf"])
        return merkle.bucket_digests(leaves, self._store.digests(caller, parent))

    def _store_version(
        self,
        caller: Caller,
        version_id: str,
        step: Step,
        digests: bytes,
        facts: Mapping[str, Any],
        pieces: Iterable[pa.Table],
    ) -> DatasetVersion:
        """Blob, then Lance, then SQL."""
        home = tables.dataset_versions
        values = {
            "workspace_id": caller.workspace,
            "id": version_id,
            "dataset_id": step.home.id,
            "hash": merkle.root(digests),
            "buckets": self._stores.workspace(caller.workspace).blobs.put(digests),
            "parent": step.parent.id if step.parent else "",
            "branch": step.branch,
            "merged": step.merged,
            "note": step.note,
            "run": step.run,
            "made_at": now().isoformat(),
            **facts,
        }
        faultpoint("commit.after_blob")
        lance_version = self._store.write_whole(caller, version_id, pieces)
        faultpoint("commit.after_lance")
        told = {"dataset": step.home.id, "version": version_id, "parted_groups": len(step.leaks)}
        told |= {"unfit": len(step.unfit)}
        last = sa.select(sa.func.max(home.c.number)).where(
            home.c.workspace_id == caller.workspace, home.c.dataset_id == step.home.id
        )
        with self._events.change(caller, "dataset.commit", version_id) as change:
            values["number"] = int(change.connection.scalar(last) or 0) + 1
            change.execute(sa.insert(home), values)
            move_pointer(change.connection, caller.workspace, table_name(version_id), lance_version)
            if step.leaks:
                pairs = [asdict(one) for one in step.leaks[:SHOWN_LEAKS]]
                accepted(change, version_id, len(step.leaks), step.accept_leaks, pairs)
            change.emit(
                "sightloop.dataset.committed", told | {key: values[key] for key in ("number", "hash", "counts", "run")}
            )
        return self._versions.resolve(caller, version_id)


def accepted(change: Change, version: str, count: int, because: str, pairs: Sequence[Mapping[str, Any]]) -> None:
    """Returns once a receipt says that kin stand on both sides of training, and why somebody accepts it."""
    change.receipt(
        "leak.accept",
        rule=LEAK_RULE,
        subject=version,
        claim={"statement": "Samples that belong together stand on both sides of training."},
        evidence={"pairs": list(pairs)},
        inputs={"dataset_version": version, "because": because},
        outcome={"accepted": count},
    )


def _nothing(step: Step) -> NotEnoughData:
    hint = "None of them is as the dataset expects." if step.unfit else "where={} takes all samples."
    return NotEnoughData("There is nothing to commit.", hint=hint)


class Members:
    """The samples that the next version takes over from its parent, without those that are dropped."""

    def __init__(
        self, store: VersionStore, caller: Caller, parent: DatasetVersion | None, drop: Collection[str]
    ) -> None:
        self._store = store
        self._caller = caller
        self._parent = parent
        self._drop = frozenset(drop)

    def __len__(self) -> int:
        """At most so many."""
        return sum(self._parent.counts.values()) if self._parent else 0

    def splits(self, samples: Collection[str] | None = None) -> dict[str, str]:
        """The splits of those of these samples that are members; of all members by default."""
        if self._parent is None:
            return {}
        found = self._store.unordered(self._caller, self._parent.id, ["sample", "split"], samples=samples)
        pairs = zip(found["sample"].to_pylist(), found["split"].to_pylist(), strict=True)
        return {sample: split for sample, split in pairs if sample not in self._drop}

    def outside(self, samples: Sequence[str]) -> list[str]:
        """Those of these samples that are no members, in their order."""
        if self._parent is None or not samples:
            return list(samples)
        inside = self._store.unordered(self._caller, self._parent.id, ["sample"])["sample"].combine_chunks()
        asked = pa.array(samples, pa.string())
        out: list[str] = asked.filter(pc.invert(pc.is_in(asked, inside))).to_pylist()
        return sorted({*out, *self._drop.intersection(samples)}) if self._drop else out


def _entry(sample: str, stored: Mapping[str, Any], split: str, truth: Row) -> Row:
    row: Row = {
        "sample": sample,
        "media_digest": stored["media_digest"],
        "address": address_of(stored["address"]).key(),
        "split": split,
        **truth,
        "metadata": stored["metadata"],
    }
    row["leaf"] = leaf_of(row)
    row["bucket"] = merkle.bucket_of(row["media_digest"], row["address"])
    return row


def _differs(old: Row, new: Row) -> bool:
    return any(old[name] != new[name] for name in ("leaf", "annotation"))


def _moved(
    counts: Mapping[str, int], name: str, old: Mapping[str, Row], changed: Mapping[str, Row], dropped: Mapping[str, Row]
) -> dict[str, int]:
    """The counts by one field after the change."""
    after = Counter(counts)
    after.subtract(old[one][name] for one in changed if one in old)
    after.subtract(row[name] for row in dropped.values())
    after.update(row[name] for row in changed.values())
    return {key: number for key, number in sorted(after.items()) if number}


def _slices(table: pa.Table) -> Iterator[pa.Table]:
    for at in range(0, max(1, len(table)), PIECE):
        yield table.slice(at, PIECE)
