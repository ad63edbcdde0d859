"""Records: what holds on every database."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from sightloop.domain import Caller, Role
from sightloop.errors import Conflict, Refused, SightloopError
from sightloop.events import Events, Idempotency
from sightloop.storage import Records, insert_once, metadata, move_pointer, pointer
from tests.conformance.conftest import ADMIN, told
from tests.guards.source_files import SOURCE

for _room in sorted(SOURCE.glob("*/tables.py")):
    importlib.import_module(f"sightloop.{_room.parent.name}.tables")

POINTERS = metadata.tables["table_pointers"]
AUDIT = metadata.tables["audit"]
WRITE = """
import sys
from sightloop.domain import Caller, Role
from sightloop.events import Events
from sightloop.storage import Records, metadata
import sqlalchemy as sa
records = Records(sys.argv[1]); events = Events(records)
pointers = metadata.tables["table_pointers"]
print("ready", flush=True); sys.stdin.readline()
for number in range(25):
    with records.write() as connection:
        seen = connection.scalar(sa.select(pointers.c.version))
        connection.execute(sa.update(pointers).values(version=seen + 1))
    with events.change(Caller("default", sys.argv[2], Role.ADMIN), "note.write", "not_1") as change:
        change.emit("sightloop.note.written", {})
records.close()
"""


def add(records: Records, name: str, version: int = 1) -> None:
    with records.write() as connection:
        connection.execute(sa.insert(POINTERS).values(workspace_id="w", name=name, version=version))


def names(records: Records) -> list[str]:
    with records.read() as connection:
        return list(connection.scalars(sa.select(POINTERS.c.name).order_by(POINTERS.c.name)))


def test_a_block_that_raises_changes_nothing(records: Records) -> None:
    def add_and_raise() -> None:
        with records.write() as connection:
            connection.execute(sa.insert(POINTERS).values(workspace_id="w", name="a", version=1))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        add_and_raise()
    assert names(records) == []


def test_a_reader_sees_one_moment(records: Records) -> None:
    add(records, "a")
    with records.read() as reader:
        before = reader.execute(sa.select(POINTERS)).all()
        add(records, "b")
        assert reader.execute(sa.select(POINTERS)).all() == before
    assert names(records) == ["a", "b"]


def test_a_taken_key_is_a_conflict(records: Records) -> None:
    add(records, "a")
    with pytest.raises(Conflict):
        add(records, "a")


def test_a_second_unit_of_work_in_one_thread_is_refused_at_once(records: Records) -> None:
    with records.write(), pytest.raises(SightloopError, match="open in this thread"), records.write():
        pass


def test_insert_once_leaves_what_is_there(records: Records) -> None:
    row = {"workspace_id": "w", "name": "a", "version": 1}
    with records.write() as connection:
        first = insert_once(connection, POINTERS, [row])
        second = insert_once(connection, POINTERS, [{**row, "version": 2}, {**row, "name": "b"}])
        versions = connection.scalars(sa.select(POINTERS.c.version).order_by(POINTERS.c.name)).all()
    assert (first, second, versions) == (1, 1, [1, 1])


def test_a_pointer_moves_forward_only(records: Records) -> None:
    with records.write() as connection:
        move_pointer(connection, "w", "samples", 5)
    with pytest.raises(Conflict), records.write() as connection:
        move_pointer(connection, "w", "samples", 4)
    with records.read() as connection:
        assert pointer(connection, "w", "samples") == 5


def test_text_is_ordered_by_its_bytes(records: Records) -> None:
    for name in ("b", "_", "B", "a", "é", "A", "1", "-"):
        add(records, name)
    assert names(records) == sorted(["b", "_", "B", "a", "é", "A", "1", "-"])


def test_values_come_back_as_they_went_in(records: Records) -> None:
    told_json = {"text": "é \u2028 'quoted' \\ ", "list": [1, 2.5, None, True], "deep": {"": {}}}
    row = {"workspace_id": "w", "key": "k" * 200, "route": "r", "request_digest": "d", "status": 2**31 - 1,
           "response": told_json, "made_at": "t"}  # fmt: skip
    table = metadata.tables["idempotency"]
    with records.write() as connection:
        connection.execute(sa.insert(table).values(row))
    with records.read() as connection:
        assert dict(connection.execute(sa.select(table)).mappings().one()) == row


def test_a_write_in_a_read_is_refused_or_lost_to_nobody(records: Records) -> None:
    """What a reader saw cannot depend on its own writing: no room writes in a read, and PostgreSQL refuses it."""
    if not records.shared:
        pytest.skip("SQLite lets a deferred transaction write; the guard is PostgreSQL's")
    with pytest.raises(SightloopError), records.read() as connection:
        connection.execute(sa.insert(POINTERS).values(workspace_id="w", name="a", version=1))


@pytest.mark.parametrize("statement", [sa.update(AUDIT).values(actor="usr_eve"), sa.delete(AUDIT)])
def test_the_audit_chain_is_append_only(records: Records, events: Events, statement: Any) -> None:
    told(events)
    with pytest.raises(Refused, match="append-only"), records.write() as connection:
        connection.execute(statement)
    assert events.audit_verify("default").ok


def test_a_change_is_whole_with_its_event_and_audit_entry(events: Events) -> None:
    event = told(events, 7)
    entry = events.audit(ADMIN)[0]
    assert ([one["id"] for one in events.since("default", 0)], entry.events) == ([event], (event,))


def test_a_change_under_a_key_is_told_once(events: Events) -> None:
    first, second = (told(events, 1, ADMIN.keyed("k")) for _ in range(2))
    assert (second, len(events.since("default", 0))) == (first, 1)


def test_receipts_are_listed_newest_first_page_by_page(events: Events) -> None:
    made = []
    for number in range(4):
        with events.change(ADMIN, "note.write", "not_1") as change:
            change.emit("sightloop.note.written", {})
            made.append(
                change.receipt("k", rule="r", subject=str(number), claim={}, evidence={}, inputs={}, outcome={}).id
            )
    first = events.receipts(ADMIN, limit=3)
    rest = events.receipts(ADMIN, limit=3, cursor=first[-1].id)
    assert [receipt.id for receipt in [*first, *rest]] == made[::-1]


def test_an_answer_is_remembered_under_its_key_and_the_first_one_stays(records: Records) -> None:
    answers, caller = Idempotency(records), ADMIN.keyed("k")
    answers.remember(caller, "/r", "d", 200, {"n": 1})
    answers.remember(caller, "/r", "d", 200, {"n": 2})
    with pytest.raises(Conflict):
        answers.recall(caller, "/r", "another")
    assert answers.recall(caller, "/r", "d") == (200, {"n": 1})


def test_threads_that_read_and_then_write_lose_nothing(records: Records, events: Events) -> None:
    add(records, "samples", 0)
    failures: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with events.change(ADMIN, "note.write", "not_1") as change:
                    seen = change.execute(sa.select(POINTERS.c.version)).scalar_one()
                    change.execute(sa.update(POINTERS).values(version=seen + 1))
                    change.emit("sightloop.note.written", {})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with records.read() as connection:
        counted = connection.scalar(sa.select(POINTERS.c.version))
    assert (failures, counted, events.audit_verify("default").entries) == ([], 40, 40)


def test_processes_that_read_and_then_write_lose_nothing(address: str, records: Records, events: Events) -> None:
    add(records, "samples", 0)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, address, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in ("usr_a", "usr_b")
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
    with records.read() as connection:
        counted = connection.scalar(sa.select(POINTERS.c.version))
    actors = {entry.actor for entry in events.audit(ADMIN)}
    report = events.audit_verify("default")
    assert ([writer.returncode for writer in writers], counted) == ([0, 0], 50)
    assert (report.ok, report.entries, actors) == (True, 50, {"usr_a", "usr_b"})


def test_the_migrations_make_what_the_rooms_declare(records: Records) -> None:
    """Alembic's own comparison; the guard of migrations looks at SQLite's defaults and triggers too."""
    with records.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [one for one in compare_metadata(context, metadata) if one[0] != "add_table_comment"]
    assert found == []


def test_migrating_twice_is_harmless(records: Records) -> None:
    add(records, "a")
    records.migrate()
    assert names(records) == ["a"]


def test_another_workspaces_chain_is_its_own(events: Events) -> None:
    told(events)
    told(events, caller=Caller("elsewhere", "usr_eve", Role.ADMIN))
    assert [events.audit_verify(name).entries for name in ("default", "elsewhere")] == [1, 1]
