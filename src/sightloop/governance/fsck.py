"""Does what is stored fit together? And the sweeping up of what nothing points at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa

from sightloop.domain import Caller, Role, Run, now
from sightloop.errors import Conflict, SightloopError
from sightloop.events import Events
from sightloop.storage import Records, Stores, faultpoint, metadata, move_pointer, pointer

Check = Callable[[str], Sequence[str]]
References = Callable[[str], Iterable[str]]
# Content is named by its SHA-256, so the first in order of name are a random draw of the content.
SAMPLED = 200
PAGE = 500
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What was found in a workspace.

    Attributes:
        problems: a sentence each; none means that nothing acknowledged is lost or altered.
        orphan_blobs: blobs nothing refers to; orphan_versions: tables whose newest version no pointer names;
            orphan_tables: names of those that no pointer names at all, such as that of a dataset version that was never
            committed. All are what a crash between two writes leaves, and do no harm.
        collected: how many of the three were swept up.
        old_versions: of tables, older than what readers use, that were removed with their files.
        checked: how much was looked at, by what.
    """

    workspace: str
    problems: tuple[str, ...]
    orphan_blobs: int
    orphan_versions: int
    collected: int
    orphan_tables: tuple[str, ...] = ()
    old_versions: int = 0
    checked: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems


class Fsck:
    """Checks a workspace.

    Args:
        checks: each room's own check, by room.
        references: each room's blob digests, by room. A room left out loses its blobs at the next collection, except
            those that receipts name, which are always kept.
        writing: names of what is being written in a workspace; nothing is collected meanwhile.
        grace_s: what was written since then is no orphan yet: the SQL that will name it may be under way.
    """

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        checks: Mapping[str, Check],
        references: Mapping[str, References],
        writing: Check = lambda _: (),
        grace_s: float = 0.0,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._checks = checks
        self._references = references
        self._writing = writing
        self._grace_s = grace_s

    def run(self, workspace: str, *, deep: bool = False, collect: bool = False) -> FsckReport:
        """The report on the workspace.

        Args:
            deep: verify the content of every blob, not only of 200.
            collect: sweep up orphans and old versions of tables, those that are older than the grace. Raises Conflict
                while a run is under way.
        """
        if collect and (busy := self._writing(workspace)):
            raise Conflict(
                f"Nothing is collected while {len(busy)} runs write, such as {busy[0]}.",
                hint="Wait until they have ended: sightloop run list",
            )
        audit = self._events.audit_verify(workspace)
        problems = [f"audit: {one}" for one in audit.problems]
        for room, check in sorted(self._checks.items()):
            problems += [f"{room}: {one}" for one in _asked(check, workspace)]
        blobs = self._stores.workspace(workspace).blobs
        required, kept, there = *self._referred(workspace), set(blobs.digests())
        problems += [f"blobs: {digest[:12]} is referred to and missing." for digest in sorted(required - there)]
        held = sorted(required & there)
        verified = held if deep else held[:SAMPLED]
        problems += [f"blobs: {said}" for digest in verified if (said := _broken(partial(blobs.get, digest)))]
        tables = self._tables(workspace)
        problems += tables.problems
        orphans = sorted(there - kept)
        collected = old_versions = 0
        if collect and not problems:
            unnamed = sorted(set(orphans) - self._referred(workspace)[1])
            collected = sum(blobs.collect(digest, self._grace_s) for digest in unnamed)
            faultpoint("fsck.deleted")
            collected += self._take_back(workspace, tables)
            old_versions = self._shed(workspace)
        checked = {
            "audit_entries": audit.entries, "blobs": len(held), "blobs_verified": len(verified),
            "rooms": len(self._checks), "tables": len(tables.named),
        }  # fmt: skip
        return FsckReport(
            workspace,
            tuple(problems),
            len(orphans),
            len(tables.ahead),
            collected,
            tables.orphans,
            old_versions,
            checked,
        )

    def _referred(self, workspace: str) -> tuple[set[str], set[str]]:
        """Digests of the blobs that must be there, and of those that may be: all that receipts name is kept."""
        required = {digest for find in self._references.values() for digest in find(workspace) if digest}
        named: set[str] = set()
        caller, cursor = Caller(workspace, "fsck", Role.ADMIN), ""
        while page := self._events.receipts(caller, limit=PAGE, cursor=cursor):
            cursor = page[-1].id
            for receipt in page:
                named.update(one for one in _leaves(receipt.inputs) if _DIGEST.fullmatch(one))
                required.update({str(receipt.inputs["data"])} if receipt.inputs.get("data") else ())
        return required, required | named

    def _tables(self, workspace: str) -> _Tables:
        named = self._pointers(workspace)
        tables = self._stores.workspace(workspace).tables
        problems, ahead = [], {}
        for name, version in sorted(named.items()):
            said = _broken(partial(tables.count, name, version))
            latest = tables.latest(name)
            if said or latest is None or latest < version:
                problems.append(f"tables: {name} has lost version {version}, which readers use.")
            elif latest > version:
                ahead[name] = version
        return _Tables(problems, named, ahead, tuple(name for name in tables.names() if name not in named))

    def _pointers(self, workspace: str) -> dict[str, int]:
        pointers = metadata.tables["table_pointers"]
        query = sa.select(pointers.c.name, pointers.c.version).where(pointers.c.workspace_id == workspace)
        with self._records.read() as connection:
            return {row.name: int(row.version) for row in connection.execute(query)}

    def _take_back(self, workspace: str, found: _Tables) -> int:
        """Takes back what no pointer names; the restored version has the content that readers saw."""
        tables = self._stores.workspace(workspace).tables
        caller = Caller(workspace, "fsck", Role.ADMIN)
        ahead = {name: version for name, version in found.ahead.items() if tables.age_s(name) >= self._grace_s}
        for name, version in ahead.items():
            restored = tables.restore(name, version)
            faultpoint("fsck.restored")
            with self._events.change(caller, "fsck.restore", workspace) as tx:
                if pointer(tx.connection, workspace, name) != version:
                    raise Conflict(f"The table {name} was written meanwhile.", hint="Run it again later.")
                move_pointer(tx.connection, workspace, name, restored)
                tx.emit("sightloop.table.restored", {"table": name, "from": version, "to": restored})
        orphans = [name for name in found.orphans if tables.age_s(name) >= self._grace_s]
        for name in orphans:
            tables.drop(name)
        return len(ahead) + len(orphans)

    def _shed(self, workspace: str) -> int:
        """Removes the versions that lie behind the pointers; the number of them."""
        tables = self._stores.workspace(workspace).tables
        named = self._pointers(workspace).items()
        return sum(tables.collect(name, version, self._grace_s) for name, version in named)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Tables held against their pointers: versions by name, of all and of those `ahead`; `orphans` have no pointer."""

    problems: Sequence[str]
    named: Mapping[str, int]
    ahead: Mapping[str, int]
    orphans: tuple[str, ...]


class RunLister(Protocol):
    def list(self, caller: Caller, kind: str | None = None, limit: int = 100, cursor: str = "") -> Sequence[Run]: ...


def stuck_runs(runs: RunLister, *, older_than: timedelta = timedelta(days=1)) -> Check:
    """A check that tells runs which began that long ago and have not ended."""

    def check(workspace: str) -> list[str]:
        began = now() - older_than
        found = runs.list(Caller(workspace, "fsck", Role.ADMIN), limit=1000)
        return [f"run {one.id} is {one.state} since {one.started_at:%Y-%m-%d}." for one in found
                if not one.state.terminal and one.started_at < began]  # fmt: skip

    return check


def unfinished_runs(runs: RunLister) -> Check:
    """The ids of the runs that have not ended."""

    def find(workspace: str) -> list[str]:
        found = runs.list(Caller(workspace, "fsck", Role.ADMIN), limit=1000)
        return [one.id for one in found if not one.state.terminal]

    return find


def _asked(check: Check, workspace: str) -> Sequence[str]:
    try:
        return check(workspace)
    except SightloopError as error:
        return [error.message]


def _broken(read: Callable[[], object]) -> str:
    try:
        read()
    except SightloopError as error:
        return error.message
    return ""


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
