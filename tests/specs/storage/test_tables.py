"""Tables in a folder: names, room and files. What tables are: tests/conformance/test_tables.py."""

from __future__ import annotations

from pathlib import Path

import lance
import pyarrow as pa
import pytest

from sightloop.errors import InvalidInput, StorageFull
from sightloop.storage import Store, Tables
from sightloop.storage.lance_tables import MANY_FRAGMENTS
from sightloop.storage.places import LocalPlace


def rows(*pairs: tuple[str, int]) -> pa.Table:
    return pa.table({"id": [one for one, _ in pairs], "x": pa.array([two for _, two in pairs], pa.int64())})


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_a_name_that_is_a_path_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidInput):
        store.tables.append(name, rows(("a", 1)))


def test_an_upsert_needs_its_key_column(store: Store) -> None:
    with pytest.raises(InvalidInput, match="no column"):
        store.tables.upsert("samples", rows(("a", 1)), "sample_id")


def test_below_the_floor_a_table_takes_no_rows_but_gives_them_up(tmp_path: Path, store: Store) -> None:
    store.tables.append("samples", rows(("a", 1)))
    full = Tables(LocalPlace(tmp_path / "workspaces/default/tables", free_bytes_floor=1 << 60))
    with pytest.raises(StorageFull):
        full.append("samples", rows(("b", 1)))
    assert full.count("samples", full.delete("samples", "id = 'a'")) == 0


def test_collecting_frees_the_files_of_fragments_that_were_compacted(store: Store) -> None:
    for number in range(MANY_FRAGMENTS + 1):
        version = store.tables.upsert("many", pa.table({"id": [f"row-{number}"]}), "id")
    data = Path(store.tables._uri("many")) / "data"
    assert len(list(data.iterdir())) > MANY_FRAGMENTS
    store.tables.collect("many", version)
    assert len(list(data.iterdir())) < 10
    assert store.tables.count("many", version) == MANY_FRAGMENTS + 1


def test_many_small_upserts_do_not_leave_as_many_fragments(store: Store) -> None:
    for number in range(MANY_FRAGMENTS + 5):
        version = store.tables.upsert("many", pa.table({"id": [f"row-{number}"]}), "id")
    assert store.tables.count("many", version) == MANY_FRAGMENTS + 5
    assert len(lance.dataset(store.tables._uri("many")).get_fragments()) < 10
