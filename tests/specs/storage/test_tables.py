"""Lance tables: every write a version, and readers choose theirs."""

from __future__ import annotations

import threading

import lance
import pyarrow as pa
import pytest

from sightloop.errors import InvalidInput, NotFound, StorageFull
from sightloop.storage import Store, Tables
from sightloop.storage.lance_tables import MANY_FRAGMENTS


def rows(*pairs: tuple[str, int]) -> pa.Table:
    return pa.table({"id": [one for one, _ in pairs], "x": pa.array([two for _, two in pairs], pa.int64())})


def contents(tables: Tables, version: int) -> dict[str, int]:
    found = tables.read("samples", version).to_pydict()
    return dict(zip(found["id"], found["x"], strict=True))


def test_an_old_version_stays_readable(store: Store) -> None:
    first = store.tables.append("samples", rows(("a", 1)))
    second = store.tables.append("samples", rows(("b", 2)))
    assert (contents(store.tables, first), contents(store.tables, second)) == ({"a": 1}, {"a": 1, "b": 2})


def test_the_same_upsert_twice_changes_nothing(store: Store) -> None:
    for _ in range(2):
        version = store.tables.upsert("samples", rows(("a", 1), ("b", 2)), "id")
    assert store.tables.count("samples", version) == 2


def test_an_upsert_replaces_by_key(store: Store) -> None:
    store.tables.upsert("samples", rows(("a", 1), ("b", 2)), "id")
    version = store.tables.upsert("samples", rows(("b", 3), ("c", 4)), "id")
    assert contents(store.tables, version) == {"a": 1, "b": 3, "c": 4}


def test_rows_with_a_new_column_join_a_table_from_before_it(store: Store) -> None:
    store.tables.upsert("samples", rows(("a", 1)), "id")
    later = rows(("b", 2)).append_column("facets", pa.array(["{}"]))
    version = store.tables.upsert("samples", later, "id")
    found = {row["id"]: row["facets"] for row in store.tables.read("samples", version).to_pylist()}
    assert found == {"a": None, "b": "{}"}


def test_threads_that_upsert_the_same_key_leave_one_row(store: Store) -> None:
    store.tables.upsert("samples", rows(("a", 0)), "id")
    threads = [threading.Thread(target=store.tables.upsert, args=("samples", rows(("b", n)), "id")) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    version = store.tables.latest("samples")
    assert version is not None
    assert store.tables.count("samples", version) == 2


def test_a_filter_and_columns_narrow_what_is_read(store: Store) -> None:
    version = store.tables.append("samples", rows(("a", 1), ("b", 2)))
    found = store.tables.read("samples", version, columns=["id"], where="x > 1")
    assert found.to_pydict() == {"id": ["b"]}


def test_rows_are_taken_in_the_order_asked_for(store: Store) -> None:
    version = store.tables.append("samples", rows(("a", 1), ("b", 2), ("c", 3)))
    assert store.tables.take("samples", version, [2, 0], ["id"]).to_pydict() == {"id": ["c", "a"]}


def test_a_restore_takes_back_what_no_pointer_named(store: Store) -> None:
    first = store.tables.append("samples", rows(("a", 1)))
    store.tables.append("samples", rows(("b", 2)))
    assert contents(store.tables, store.tables.restore("samples", first)) == {"a": 1}


def test_deleted_rows_are_missing_from_the_new_version_only(store: Store) -> None:
    first = store.tables.append("samples", rows(("a", 1), ("b", 2)))
    second = store.tables.delete("samples", "id = 'a'")
    assert (contents(store.tables, first), contents(store.tables, second)) == ({"a": 1, "b": 2}, {"b": 2})


def test_latest_and_names_tell_what_there_is(store: Store) -> None:
    before = store.tables.latest("samples"), store.tables.names()
    version = store.tables.append("embeddings.lite0-1", rows(("a", 1)))
    assert (before, store.tables.names(), store.tables.latest("embeddings.lite0-1")) == (
        (None, []),
        ["embeddings.lite0-1"],
        version,
    )


@pytest.mark.parametrize("version", [1, 99])
def test_a_missing_table_or_version_is_not_found(store: Store, version: int) -> None:
    if version == 99:
        store.tables.append("samples", rows(("a", 1)))
    with pytest.raises(NotFound):
        store.tables.read("samples", version)


def test_a_wrong_filter_is_the_callers_error_and_tells_no_path(store: Store) -> None:
    version = store.tables.append("samples", rows(("a", 1)))
    with pytest.raises(InvalidInput, match="No field named nope") as caught:
        store.tables.read("samples", version, where="nope = 3")
    assert "/" not in caught.value.message


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_a_name_that_is_a_path_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidInput):
        store.tables.append(name, rows(("a", 1)))


def test_an_upsert_needs_its_key_column(store: Store) -> None:
    with pytest.raises(InvalidInput, match="no column"):
        store.tables.upsert("samples", rows(("a", 1)), "sample_id")


def test_below_the_floor_a_table_takes_no_rows_but_gives_them_up(store: Store) -> None:
    store.tables.append("samples", rows(("a", 1)))
    full = Tables(store.tables._folder, free_bytes_floor=1 << 60)
    with pytest.raises(StorageFull):
        full.append("samples", rows(("b", 1)))
    assert full.count("samples", full.delete("samples", "id = 'a'")) == 0


def test_collecting_removes_what_is_older_than_the_version_kept_and_nothing_else(store: Store) -> None:
    versions = [store.tables.upsert("samples", rows((name, 1)), "id") for name in ("a", "b", "c", "d")]
    assert store.tables.collect("samples", versions[2]) == 2
    assert [contents(store.tables, version) for version in versions[2:]] == [
        {"a": 1, "b": 1, "c": 1},
        {"a": 1, "b": 1, "c": 1, "d": 1},
    ]
    for gone in versions[:2]:
        with pytest.raises(NotFound):
            store.tables.read("samples", gone)


def test_collecting_twice_removes_nothing_more(store: Store) -> None:
    store.tables.append("samples", rows(("a", 1)))
    version = store.tables.append("samples", rows(("b", 1)))
    assert [store.tables.collect("samples", version) for _ in range(2)] == [1, 0]


def test_collecting_frees_the_files_of_fragments_that_were_compacted(store: Store) -> None:
    for number in range(MANY_FRAGMENTS + 1):
        version = store.tables.upsert("many", pa.table({"id": [f"row-{number}"]}), "id")
    data = store.tables._path("many") / "data"
    assert len(list(data.iterdir())) > MANY_FRAGMENTS
    store.tables.collect("many", version)
    assert len(list(data.iterdir())) < 10
    assert store.tables.count("many", version) == MANY_FRAGMENTS + 1


def test_collecting_behind_a_version_that_is_not_there_removes_nothing(store: Store) -> None:
    version = store.tables.append("samples", rows(("a", 1)))
    with pytest.raises(NotFound):
        store.tables.collect("samples", 99)
    assert store.tables.count("samples", version) == 1


def test_a_dropped_table_is_gone_and_dropping_it_again_is_fine(store: Store) -> None:
    store.tables.append("versions.v1", rows(("a", 1)))
    for _ in range(2):
        store.tables.drop("versions.v1")
    assert store.tables.names() == []


def test_many_small_upserts_do_not_leave_as_many_fragments(store: Store) -> None:
    for number in range(MANY_FRAGMENTS + 5):
        version = store.tables.upsert("many", pa.table({"id": [f"row-{number}"]}), "id")
    assert store.tables.count("many", version) == MANY_FRAGMENTS + 5
    assert len(lance.dataset(str(store.tables._path("many"))).get_fragments()) < 10
