"""Branches of datasets: named lines of versions, begun at a version, merged into one another, taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.committing import Committer, Step
from sightloop.datasets.schemas import Dataset, Schemas, check_name
from sightloop.datasets.version_store import VersionStore
from sightloop.datasets.versions import MAIN, Versions
from sightloop.domain import Caller, DatasetVersion, now
from sightloop.errors import Conflict, InvalidInput, NotEnoughData
from sightloop.events import Events
from sightloop.storage import Records

Side = Literal["ours", "theirs"]
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of versions; `head` is its newest, `began` where it left another, empty for main."""

    name: str
    head: str
    number: int
    began: str


class Branches:
    """Makes branches, merges them, and goes back on them."""

    def __init__(
        self,
        records: Records,
        events: Events,
        schemas: Schemas,
        versions: Versions,
        committer: Committer,
        store: VersionStore,
    ) -> None:
        self._records = records
        self._events = events
        self._schemas = schemas
        self._versions = versions
        self._committer = committer
        self._store = store

    def create(self, caller: Caller, dataset: str, name: str, at: str = "") -> Branch:
        """The branch, which begins at a version, by default main's newest; the same again is the same branch.

        Raises:
            Conflict: there is a branch of that name that began elsewhere.
        """
        check_name("branch", name)
        home = self._schemas.dataset(caller, dataset)
        if name in (MAIN, "latest") or name.removeprefix("v").isdecimal():
            raise InvalidInput(f'A branch cannot be called "{name}".', hint="Versions are found by that already.")
        began = self._of(caller, home, at or home.name)
        for one in self.listed(caller, dataset):
            if one.name == name and one.began == began.id:
                return one
            if one.name == name:
                raise Conflict(f'There is a branch "{name}" of "{home.name}".', hint="Choose another name.")
        with self._events.change(caller, "dataset.branch", home.id) as change:
            values = {"workspace_id": caller.workspace, "dataset_id": home.id, "name": name, "began": began.id}
            change.execute(sa.insert(tables.dataset_branches), values | {"made_at": now().isoformat()})
            change.emit("sightloop.dataset.branched", {"dataset": home.id, "branch": name, "version": began.id})
        return Branch(name, began.id, began.number, began.id)

    def listed(self, caller: Caller, dataset: str) -> list[Branch]:
        """All branches by name, main first; none before the first version."""
        home = self._schemas.dataset(caller, dataset)
        names = tables.dataset_branches
        query = sa.select(names.c.name, names.c.began).where(
            names.c.workspace_id == caller.workspace, names.c.dataset_id == home.id
        )
        with self._records.read() as connection:
            began = {MAIN: "", **{row.name: row.began for row in connection.execute(query.order_by(names.c.name))}}
        heads = {name: self._versions.head(caller, home, name) for name in began}
        return [Branch(name, one.id, one.number, began[name]) for name, one in heads.items() if one is not None]

    def rollback(self, caller: Caller, dataset: str, to: str, branch: str = MAIN) -> DatasetVersion:
        """A new version on the branch that holds what an older one does; nothing is lost."""
        home = self._schemas.dataset(caller, dataset)
        made = self._versions.find(caller, caller.new_id("dsv"))
        if made is not None:
            return made
        return self._committer.back(caller, home, branch, self._head(caller, home, branch), self._of(caller, home, to))

    def merge(
        self, caller: Caller, dataset: str, source: str, into: str = MAIN, prefer: Side | None = None
    ) -> DatasetVersion:
        """The version of `into` that has taken in what `source` changed since both were one; labels are those of now.

        Raises:
            Conflict: both changed a sample's split, or one dropped what the other moved; the error names the samples.
                `prefer` decides: "ours" is `into`, "theirs" the source.
        """
        home = self._schemas.dataset(caller, dataset)
        made = self._versions.find(caller, caller.new_id("dsv"))
        if made is not None:
            return made
        ours, theirs = self._head(caller, home, into), self._head(caller, home, source)
        root = self._ancestor(caller, home, ours, theirs)
        if root == theirs.id:
            return ours
        mine, wanted = self._changes(caller, root, ours), self._changes(caller, root, theirs)
        clashes = sorted(one for one, split in wanted.items() if one in mine and mine[one] != split)
        if clashes and prefer is None:
            raise Conflict(
                f'"{into}" and "{source}" place {len(clashes)} samples differently: {", ".join(clashes[:_SHOWN])}.',
                hint='Say whose count: prefer "ours" or "theirs".',
                samples=clashes[:_SHOWN],
            )
        if prefer == "ours":
            wanted = {one: split for one, split in wanted.items() if one not in clashes}
        splits = {one: split for one, split in wanted.items() if split and mine.get(one) != split}
        step = Step(
            home, into, ours, splits, [one for one, split in wanted.items() if not split],
            note=f"merge of {source}@{theirs.number}", merged=theirs.id,
        )  # fmt: skip
        return self._committer.write(caller, step)

    def _changes(self, caller: Caller, root: str, head: DatasetVersion) -> dict[str, str]:
        """The split of each sample that came in or moved between two versions; empty text for what went."""
        if root == head.id:
            return {}
        added, removed, both = self._store.difference(caller, root, head.id)
        columns = ["sample", "split"]
        new = self._store.table(caller, head.id, columns, samples=[*added, *both])
        old = self._store.table(caller, root, columns, samples=both)
        before = old["split"].take(pc.index_in(new["sample"], old["sample"].combine_chunks()))
        moved = new.filter(pc.fill_null(pc.not_equal(new["split"], before), True))
        return _splits(moved) | dict.fromkeys(removed, "")

    def _ancestor(self, caller: Caller, home: Dataset, a: DatasetVersion, b: DatasetVersion) -> str:
        """The newest version that both stand on."""
        known = {one.id: one for one in self._versions.history(caller, home)}

        def behind(version: str) -> set[str]:
            found: set[str] = set()
            waiting = [version]
            while waiting:
                one = waiting.pop()
                if one and one not in found:
                    found.add(one)
                    waiting += [known[one].parent, known[one].merged]
            return found

        return max(behind(a.id) & behind(b.id), key=lambda one: known[one].number)

    def _of(self, caller: Caller, home: Dataset, reference: str) -> DatasetVersion:
        whole = reference if "@" in reference or reference.startswith("dsv_") or reference == home.name else ""
        found = self._versions.resolve(caller, whole or f"{home.name}@{reference}")
        if found.dataset != home.name:
            raise InvalidInput(f"{reference} is a version of {found.dataset}.", hint=f"Name one of {home.name}.")
        return found

    def _head(self, caller: Caller, home: Dataset, branch: str) -> DatasetVersion:
        found = self._versions.head(caller, home, branch)
        if found is None:
            raise NotEnoughData(f'"{home.name}" has no version yet.', hint="Commit one first.")
        return found


def _splits(table: pa.Table) -> dict[str, str]:
    return dict(zip(table["sample"].to_pylist(), table["split"].to_pylist(), strict=True))
