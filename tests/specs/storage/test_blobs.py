"""A workspace's blobs in its folder: keys, room and rights. What blobs are: tests/conformance/test_blobs.py."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sightloop.errors import Corrupt, InvalidInput, StorageFull, Unavailable
from sightloop.storage import Blobs, Records, Store, Stores
from sightloop.storage.places import LocalPlace
from tests.specs.storage.conftest import MASTER_KEY

DATA = b"a cell with a crack" * 50


def test_the_key_survives_a_restart(tmp_path: Path, records: Records, sealed_store: Store) -> None:
    digest = sealed_store.blobs.put(DATA)
    reopened = Stores(tmp_path, records, master_key=MASTER_KEY).workspace("secret")
    assert reopened.blobs.get(digest) == DATA


def test_an_encrypted_workspace_does_not_open_without_its_master_key(
    tmp_path: Path, records: Records, sealed_store: Store
) -> None:
    with pytest.raises(Unavailable):
        Stores(tmp_path, records).workspace("secret")
    other_key = base64.b64encode(b"k" * 32).decode()
    with pytest.raises(Corrupt):
        Stores(tmp_path, records, master_key=other_key).workspace("secret")


def test_a_key_set_later_leaves_older_blobs_readable(tmp_path: Path, records: Records, store: Store) -> None:
    old = store.blobs.put(DATA)
    keyed = Stores(tmp_path, records, master_key=MASTER_KEY).workspace("default")
    new = keyed.blobs.put(b"new")
    assert (keyed.blobs.get(old), keyed.blobs.get(new)) == (DATA, b"new")


def test_a_master_key_of_the_wrong_size_is_refused(tmp_path: Path, records: Records) -> None:
    with pytest.raises(InvalidInput):
        Stores(tmp_path, records, master_key="c2hvcnQ=")


def test_a_secret_for_sql_is_sealed_and_comes_back(sealed_store: Store) -> None:
    sealed = sealed_store.seal("whsec_abc", "whk_1")
    assert ("whsec_abc" in sealed, sealed_store.unseal(sealed, "whk_1")) == (False, "whsec_abc")


def test_workspaces_do_not_see_each_other(store: Store, sealed_store: Store) -> None:
    digest = store.blobs.put(DATA)
    assert not sealed_store.blobs.exists(digest)


def test_below_the_floor_writes_are_refused_and_reads_and_deletes_go_on(tmp_path: Path, store: Store) -> None:
    digest = store.blobs.put(DATA)
    full = Blobs(LocalPlace(tmp_path / "workspaces/default/blobs", free_bytes_floor=1 << 60))
    with pytest.raises(StorageFull):
        full.put(b"more")
    assert (full.get(digest), full.delete(digest)) == (DATA, True)


def test_a_workspace_id_cannot_be_a_path(tmp_path: Path, records: Records) -> None:
    with pytest.raises(InvalidInput):
        Stores(tmp_path, records).workspace("../other")


def test_other_users_of_the_machine_cannot_look_into_workspaces(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path / 'sightloop.db'}")
    records.migrate()
    Stores(tmp_path, records).workspace("default")
    assert (tmp_path / "workspaces").stat().st_mode & 0o077 == 0
