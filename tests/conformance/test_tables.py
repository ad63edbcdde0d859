"""What tables are, wherever they lie: every write a version, and readers choose theirs."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest

from sightloop.errors import InvalidInput, NotFound
from sightloop.storage import Tables
from sightloop.storage.places import Place


@pytest.fixture
def tables(place: Place) -> Tables:
    return Tables(place)


def rows(*pairs: tuple[str, int]) -> pa.Table:
    return pa.table({"id": [one for one, _ in pairs], "x": pa.array([two for _, two in pairs], pa.int64())})


def contents(tables: Tables, version: int) -> dict[str, int]:
    found = tables.read("samples", version).to_pydict()
    return dict(zip(found["id"], found["x"], strict=True))


def test_an_old_version_stays_readable(tables: Tables) -> None:
    first = tables.append("samples", rows(("a", 1)))
    second = tables.append("samples", rows(("b", 2)))
    assert (contents(tables, first), contents(tables, second)) == ({"a": 1}, {"a": 1, "b": 2})


def test_the_same_upsert_twice_changes_nothing(tables: Tables) -> None:
    for _ in range(2):
        version = tables.upsert("samples", rows(("a", 1), ("b", 2)), "id")
    assert tables.count("samples", version) == 2


def test_an_upsert_replaces_by_key(tables: Tables) -> None:
    tables.upsert("samples", rows(("a", 1), ("b", 2)), "id")
    version = tables.upsert("samples", rows(("b", 3), ("c", 4)), "id")
    assert contents(tables, version) == {"a": 1, "b": 3, "c": 4}


def test_rows_with_a_new_column_join_a_table_from_before_it(tables: Tables) -> None:
    tables.upsert("samples", rows(("a", 1)), "id")
    version = tables.upsert("samples", rows(("b", 2)).append_column("facets", pa.array(["{}"])), "id")
    found = {row["id"]: row["facets"] for row in tables.read("samples", version).to_pylist()}
    assert found == {"a": None, "b": "{}"}


def test_threads_that_upsert_the_same_key_leave_one_row(tables: Tables) -> None:
    tables.upsert("samples", rows(("a", 0)), "id")
    threads = [threading.Thread(target=tables.upsert, args=("samples", rows(("b", n)), "id")) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    version = tables.latest("samples")
    assert version is not None
    assert tables.count("samples", version) == 2


def test_a_filter_and_columns_narrow_what_is_read(tables: Tables) -> None:
    version = tables.append("samples", rows(("a", 1), ("b", 2)))
    found = tables.read("samples", version, columns=["id"], where="x > 1")
    assert found.to_pydict() == {"id": ["b"]}


def test_rows_are_taken_in_the_order_asked_for(tables: Tables) -> None:
    version = tables.append("samples", rows(("a", 1), ("b", 2), ("c", 3)))
    assert tables.take("samples", version, [2, 0], ["id"]).to_pydict() == {"id": ["c", "a"]}


def test_a_restore_takes_back_what_no_pointer_named(tables: Tables) -> None:
    first = tables.append("samples", rows(("a", 1)))
    tables.append("samples", rows(("b", 2)))
    assert contents(tables, tables.restore("samples", first)) == {"a": 1}


def test_deleted_rows_are_missing_from_the_new_version_only(tables: Tables) -> None:
    first = tables.append("samples", rows(("a", 1), ("b", 2)))
    second = tables.delete("samples", "id = 'a'")
    assert (contents(tables, first), contents(tables, second)) == ({"a": 1, "b": 2}, {"b": 2})


def test_latest_and_names_tell_what_there_is(tables: Tables) -> None:
    before = tables.latest("samples"), tables.names()
    version = tables.append("embeddings.lite0-1", rows(("a", 1)))
    assert (before, tables.names(), tables.latest("embeddings.lite0-1")) == (
        (None, []),
        ["embeddings.lite0-1"],
        version,
    )


@pytest.mark.parametrize("version", [1, 99])
def test_a_missing_table_or_version_is_not_found(tables: Tables, version: int) -> None:
    if version == 99:
        tables.append("samples", rows(("a", 1)))
    with pytest.raises(NotFound):
        tables.read("samples", version)


def test_a_wrong_filter_is_the_callers_error_and_tells_no_path(tables: Tables) -> None:
    version = tables.append("samples", rows(("a", 1)))
    with pytest.raises(InvalidInput, match="No field named nope") as caught:
        tables.read("samples", version, where="nope = 3")
    assert "/" not in caught.value.message


def test_collecting_removes_what_is_older_than_the_version_kept_and_nothing_else(tables: Tables) -> None:
    versions = [tables.upsert("samples", rows((name, 1)), "id") for name in ("a", "b", "c", "d")]
    assert tables.collect("samples", versions[2]) == 2
    assert [contents(tables, version) for version in versions[2:]] == [
        {"a": 1, "b": 1, "c": 1},
        {"a": 1, "b": 1, "c": 1, "d": 1},
    ]
    for gone in versions[:2]:
        with pytest.raises(NotFound):
            tables.read("samples", gone)


def test_collecting_twice_removes_nothing_more(tables: Tables) -> None:
    tables.append("samples", rows(("a", 1)))
    version = tables.append("samples", rows(("b", 1)))
    assert [tables.collect("samples", version) for _ in range(2)] == [1, 0]


def test_collecting_behind_a_version_that_is_not_there_removes_nothing(tables: Tables) -> None:
    version = tables.append("samples", rows(("a", 1)))
    with pytest.raises(NotFound):
        tables.collect("samples", 99)
    assert tables.count("samples", version) == 1


def test_a_dropped_table_is_gone_and_dropping_it_again_is_fine(tables: Tables) -> None:
    tables.append("versions.v1", rows(("a", 1)))
    for _ in range(2):
        tables.drop("versions.v1")
    assert tables.names() == []
