from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from sightloop.domain import Caller, Role, Run, RunState, now
from sightloop.errors import Conflict, NotFound, Unavailable
from sightloop.events import Events
from sightloop.governance import Fsck, stuck_runs
from sightloop.storage import Records, Stores, configure_faults, move_pointer

ADMIN = Caller("default", "tester", Role.ADMIN)


class House:
    """A workspace with a table, a blob that a room refers to, and a blob that a receipt names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = Records(f"sqlite:///{folder / 'sightloop.db'}")
        self.records.migrate()
        self.stores = Stores(folder, self.records)
        self.events = Events(self.records)
        self.store = self.stores.workspace("default")
        self.blob = self.store.blobs.put(b"held by a room")
        self.evidence = self.store.blobs.put(b"held by a receipt")
        version = self.store.tables.append("samples", rows("a"))
        with self.events.change(ADMIN, "test.write", "default") as tx:
            move_pointer(tx.connection, "default", "samples", version)
            tx.emit("sightloop.test.written", {})
            tx.receipt("test", rule="", subject="s", claim={}, evidence={}, inputs={"data": self.evidence}, outcome={})
        self.version = version

    def write_version(self, name: str, content: bytes) -> None:
        """Writes as a room does: the blob, the table, then its pointer with the receipt that names the blob."""
        digest = self.store.blobs.put(content)
        version = self.store.tables.append(f"versions.{name}", rows("a"))
        with self.events.change(ADMIN, "test.write", name) as tx:
            move_pointer(tx.connection, "default", f"versions.{name}", version)
            tx.emit("sightloop.test.written", {})
            tx.receipt("test", rule="", subject=name, claim={}, evidence={}, inputs={"data": digest}, outcome={})

    def fsck(self, *, grace_s: float = 0.0, **checks: list[str]) -> Fsck:
        rooms = {name: lambda workspace, said=said: said for name, said in checks.items()}
        references = {"room": lambda workspace: [self.blob]}
        return Fsck(self.records, self.stores, self.events, rooms, references, grace_s=grace_s)

    def path(self, digest: str) -> Path:
        (found,) = (one for one in self.folder.rglob(f"{digest}*"))
        return found


def rows(*ids: str) -> pa.Table:
    return pa.table({"id": list(ids)})


@pytest.fixture
def faults() -> Iterator[Callable[[str], None]]:
    yield configure_faults
    configure_faults("")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_whole_workspace_has_no_problems(house: House) -> None:
    report = house.fsck().run("default")
    assert report.ok
    assert (report.orphan_blobs, report.orphan_versions) == (0, 0)


def test_what_a_room_finds_is_told_under_its_name(house: House) -> None:
    assert house.fsck(registry=["an alias is lost"]).run("default").problems == ("registry: an alias is lost",)


def test_a_missing_blob_is_a_problem(house: House) -> None:
    house.store.blobs.delete(house.evidence)
    (problem,) = house.fsck().run("default").problems
    assert problem == f"blobs: {house.evidence[:12]} is referred to and missing."


def test_an_altered_blob_is_a_problem(house: House) -> None:
    house.path(house.blob).write_bytes(b"something else")
    (problem,) = house.fsck().run("default").problems
    assert "is not what was written" in problem


def test_a_blob_that_nothing_names_is_an_orphan_and_collected_on_request(house: House) -> None:
    orphan = house.store.blobs.put(b"left by a crash")
    assert house.fsck().run("default").orphan_blobs == 1
    assert house.store.blobs.exists(orphan)
    assert house.fsck().run("default", collect=True).collected == 1
    assert not house.store.blobs.exists(orphan)
    assert house.store.blobs.exists(house.evidence)


@pytest.mark.parametrize("grace_s", [3600.0, 0.0])
def test_what_was_just_written_is_collected_only_where_no_grace_is_given(house: House, grace_s: float) -> None:
    house.store.blobs.put(b"its commit follows")
    house.store.tables.append("versions.dsv_1", rows("a"))
    house.store.tables.append("samples", rows("b"))
    report = house.fsck(grace_s=grace_s).run("default", collect=True)
    assert (report.orphan_blobs, report.orphan_versions, report.orphan_tables) == (1, 1, ("versions.dsv_1",))
    assert report.collected == (0 if grace_s else 3)


def test_an_old_orphan_that_is_put_again_is_no_orphan_yet(house: House) -> None:
    orphan = house.store.blobs.put(b"left by a crash")
    os.utime(house.path(orphan), (0, 0))
    house.store.blobs.put(b"left by a crash")
    assert house.fsck(grace_s=60.0).run("default", collect=True).collected == 0
    os.utime(house.path(orphan), (0, 0))
    assert house.fsck(grace_s=60.0).run("default", collect=True).collected == 1


def test_a_table_ahead_of_its_pointer_is_taken_back_on_request(house: House) -> None:
    house.store.tables.append("samples", rows("b"))
    assert house.fsck().run("default").orphan_versions == 1
    assert house.fsck().run("default", collect=True).collected == 1
    report = house.fsck().run("default")
    assert (report.ok, report.orphan_versions) == (True, 0)
    latest = house.store.tables.latest("samples")
    assert latest is not None
    assert house.store.tables.read("samples", latest)["id"].to_pylist() == ["a"]


def test_a_version_table_that_was_never_committed_is_listed_and_collected_on_request(house: House) -> None:
    house.store.tables.append("versions.dsv_1", rows("a"))
    assert house.fsck().run("default").orphan_tables == ("versions.dsv_1",)
    assert house.fsck().run("default", collect=True).collected == 1
    report = house.fsck().run("default")
    assert (report.ok, report.orphan_tables, house.store.tables.names()) == (True, (), ["samples"])


@pytest.mark.parametrize(
    ("point", "blobs", "tables"),
    [
        ("blob.written", 1, ()),
        ("table.written", 1, ("versions.dsv_1",)),
        ("change.before_commit", 1, ("versions.dsv_1",)),
        ("change.committed", 0, ()),
    ],
)
def test_what_a_fault_leaves_is_told_and_swept_up(
    house: House, faults: Callable[[str], None], point: str, blobs: int, tables: tuple[str, ...]
) -> None:
    faults(f"{point}=raise")
    with pytest.raises(Unavailable):
        house.write_version("dsv_1", b"the content of a version")
    faults("")
    report = house.fsck().run("default")
    assert (report.problems, report.orphan_blobs, report.orphan_tables) == ((), blobs, tables)
    assert house.fsck().run("default", collect=True).collected == blobs + len(tables)
    report = house.fsck().run("default", deep=True)
    assert (report.problems, report.orphan_blobs, report.orphan_tables) == ((), 0, ())


def test_a_table_cut_off_in_its_first_write_is_collected(house: House) -> None:
    data = Path(house.store.tables._uri("versions.dsv_2")) / "data"
    data.mkdir(parents=True)
    (data / "half.lance").write_bytes(b"half")
    assert house.fsck().run("default", collect=True).collected == 1
    assert not data.exists()


def test_collecting_removes_versions_that_readers_left_behind_and_keeps_theirs(house: House) -> None:
    version = house.store.tables.append("samples", rows("b"))
    with house.events.change(ADMIN, "test.write", "default") as tx:
        move_pointer(tx.connection, "default", "samples", version)
        tx.emit("sightloop.test.written", {})
    assert house.fsck().run("default", collect=True).old_versions == 1
    assert house.store.tables.read("samples", version)["id"].to_pylist() == ["a", "b"]
    with pytest.raises(NotFound):
        house.store.tables.count("samples", house.version)
    assert house.fsck().run("default").ok


def test_with_problems_no_table_is_dropped_and_no_version_removed(house: House) -> None:
    house.store.tables.append("versions.dsv_1", rows("a"))
    report = house.fsck(room=["something is lost"]).run("default", collect=True)
    assert (report.collected, report.old_versions) == (0, 0)
    assert "versions.dsv_1" in house.store.tables.names()


def test_a_pointer_to_a_version_that_is_gone_is_a_problem(house: House) -> None:
    with house.records.write() as connection:
        move_pointer(connection, "default", "samples", 99)
    (problem,) = house.fsck().run("default").problems
    assert "lost version 99" in problem


def test_a_changed_audit_entry_is_a_problem_and_then_nothing_is_collected(house: House) -> None:
    orphan = house.store.blobs.put(b"left by a crash")
    with house.records.write() as connection:
        for (name,) in connection.execute(sa.text("select name from sqlite_master where type = 'trigger'")).all():
            connection.execute(sa.text(f'drop trigger "{name}"'))
        connection.execute(sa.text("update audit set actor = 'nobody'"))
    report = house.fsck().run("default", collect=True)
    assert report.problems[0].startswith("audit: ")
    assert house.store.blobs.exists(orphan)


def test_a_room_whose_check_breaks_is_a_problem_and_not_the_end(house: House) -> None:
    def broken(workspace: str) -> list[str]:
        raise NotFound("the table is gone")

    fsck = Fsck(house.records, house.stores, house.events, {"room": broken}, {"room": lambda w: [house.blob]})
    assert fsck.run("default").problems == ("room: the table is gone",)


def test_a_run_that_began_long_ago_and_never_ended_is_told() -> None:
    class Log:
        def list(self, caller: Caller, kind: str | None = None, limit: int = 100, cursor: str = "") -> list[Run]:
            old = now() - timedelta(days=2)
            return [Run("run_1", "train", RunState.RUNNING, {}, old), Run("run_2", "train", RunState.FAILED, {}, old)]

    (problem,) = stuck_runs(Log())("default")
    assert problem.startswith("run run_1 is running")


def test_nothing_is_collected_while_a_run_writes(house: House) -> None:
    orphan = house.store.blobs.put(b"of a run under way")
    fsck = Fsck(house.records, house.stores, house.events, {}, {}, writing=lambda _: ["run_1"])
    with pytest.raises(Conflict, match="run_1"):
        fsck.run("default", collect=True)
    assert house.store.blobs.exists(orphan)
