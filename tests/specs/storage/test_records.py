"""Records: transactions that take turns, survive, and say what is wrong."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from sightloop.errors import Conflict, SightloopError, StorageFull
from sightloop.storage import Records, insert_once, move_pointer, pointer

NOTES = sa.Table("notes", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String))


@pytest.fixture
def notes(records: Records) -> Records:
    with records.write() as connection:
        NOTES.create(connection)
    return records


def count(records: Records) -> int:
    with records.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(NOTES)) or 0)


def test_the_database_keeps_what_it_acknowledges(records: Records) -> None:
    with records.read() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]


def test_only_the_owner_reads_the_database_file(tmp_path: Path, records: Records) -> None:
    assert stat.S_IMODE((tmp_path / "sightloop.db").stat().st_mode) == 0o600


def test_a_block_that_raises_changes_nothing(notes: Records) -> None:
    def write_and_raise() -> None:
        with notes.write() as connection:
            connection.execute(sa.insert(NOTES).values(id=1, text="a"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_and_raise()
    assert count(notes) == 0


def test_threads_that_read_and_then_write_are_never_locked_out(notes: Records) -> None:
    failures: list[BaseException] = []

    def write_some(start: int) -> None:
        try:
            for number in range(start, start + 25):
                with notes.write() as connection:
                    connection.scalar(sa.select(sa.func.count()).select_from(NOTES))
                    connection.execute(sa.insert(NOTES).values(id=number, text="x"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write_some, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, count(notes)) == ([], 100)


def test_two_database_objects_on_one_file_are_never_locked_out(tmp_path: Path, notes: Records) -> None:
    other = Records(f"sqlite:///{tmp_path}/sightloop.db")
    failures: list[BaseException] = []

    def write_some(records: Records, start: int) -> None:
        try:
            for number in range(start, start + 25):
                with records.write() as connection:
                    connection.scalar(sa.select(sa.func.count()).select_from(NOTES))
                    connection.execute(sa.insert(NOTES).values(id=number, text="x"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write_some, args=(one, 100 * n)) for n, one in enumerate((notes, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert (failures, count(notes)) == ([], 50)


def test_a_reader_sees_one_moment(notes: Records) -> None:
    with notes.read() as reader:
        reader.execute(sa.select(NOTES)).all()
        with notes.write() as writer:
            writer.execute(sa.insert(NOTES).values(id=1, text="a"))
        assert reader.execute(sa.select(NOTES)).all() == []


def test_a_second_unit_of_work_in_one_thread_is_refused_at_once(notes: Records) -> None:
    with notes.write(), pytest.raises(SightloopError, match="open in this thread"), notes.write():
        pass


def test_a_taken_key_is_a_conflict(notes: Records) -> None:
    with notes.write() as connection:
        connection.execute(sa.insert(NOTES).values(id=1, text="a"))
    with pytest.raises(Conflict), notes.write() as connection:
        connection.execute(sa.insert(NOTES).values(id=1, text="b"))


def test_a_full_disk_is_storage_full_and_reads_go_on(notes: Records) -> None:
    def write_too_much() -> None:
        with notes.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1")
            connection.execute(sa.insert(NOTES).values(id=1, text="x" * 1_000_000))

    with pytest.raises(StorageFull):
        write_too_much()
    assert count(notes) == 0


def test_insert_once_leaves_what_is_there(notes: Records) -> None:
    with notes.write() as connection:
        first = insert_once(connection, NOTES, [{"id": 1, "text": "a"}])
        second = insert_once(connection, NOTES, [{"id": 1, "text": "b"}, {"id": 2, "text": "c"}])
        texts = connection.execute(sa.select(NOTES.c.text).order_by(NOTES.c.id)).scalars().all()
    assert (first, second, texts) == (1, 1, ["a", "c"])


def test_a_pointer_moves_forward_only(records: Records) -> None:
    with records.write() as connection:
        move_pointer(connection, "w", "samples", 3)
        move_pointer(connection, "w", "samples", 5)
    with pytest.raises(Conflict) as caught, records.write() as connection:
        move_pointer(connection, "w", "samples", 4)
    with records.read() as connection:
        found = pointer(connection, "w", "samples"), pointer(connection, "other", "samples")
    assert (caught.value.facts["current"], found) == (5, (5, None))


def test_databases_that_are_migrated_at_once_do_not_mix(tmp_path: Path) -> None:
    places = [Records(f"sqlite:///{tmp_path}/{number}.db") for number in range(4)]
    with ThreadPoolExecutor(len(places)) as threads:
        list(threads.map(Records.migrate, places))
    tables = []
    for place in places:
        with place.read() as connection:
            tables.append(sorted(sa.inspect(connection).get_table_names()))
        place.close()
    assert tables == [tables[0]] * len(places)


def test_migrating_twice_is_harmless(records: Records) -> None:
    records.migrate()
