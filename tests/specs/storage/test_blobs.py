"""Blobs: content under its digest, whole or not at all, secret where a key is set."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sightloop.domain import digest_of
from sightloop.errors import Corrupt, InvalidInput, NotFound, StorageFull, Unavailable
from sightloop.storage import Blobs, Records, Store, Stores
from tests.specs.storage.conftest import MASTER_KEY

DATA = b"a cell with a crack" * 50


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_put_is_got_under_its_digest(store: Store) -> None:
    digest = store.blobs.put(DATA)
    assert (digest, store.blobs.get(digest)) == (digest_of(DATA), DATA)


def test_the_same_content_is_kept_once(store: Store) -> None:
    digests = store.blobs.put_many([DATA, b"other", DATA])
    assert list(store.blobs.digests()) == sorted(set(digests))


def test_an_empty_blob_is_a_blob(sealed_store: Store) -> None:
    assert sealed_store.blobs.get(sealed_store.blobs.put(b"")) == b""


def test_a_missing_blob_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        store.blobs.get(digest_of(b"never put"))


def test_a_name_that_is_no_digest_never_reaches_the_disk(store: Store) -> None:
    with pytest.raises(InvalidInput):
        store.blobs.get("../../sightloop.db")


def test_a_flipped_bit_is_noticed(tmp_path: Path, store: Store) -> None:
    digest = store.blobs.put(DATA)
    path = tmp_path / "workspaces/default/blobs" / digest[:2] / digest
    path.write_bytes(b"X" + path.read_bytes()[1:])
    with pytest.raises(Corrupt):
        store.blobs.get(digest)


def test_an_encrypted_blob_leaves_no_plaintext_on_the_disk(tmp_path: Path, sealed_store: Store) -> None:
    digest = sealed_store.blobs.put(DATA)
    on_disk = everything_below(tmp_path / "workspaces/secret")
    assert (sealed_store.blobs.get(digest), b"crack" in on_disk) == (DATA, False)


def test_a_flipped_bit_in_an_encrypted_blob_is_noticed(tmp_path: Path, sealed_store: Store) -> None:
    digest = sealed_store.blobs.put(DATA)
    path = tmp_path / "workspaces/secret/blobs" / digest[:2] / f"{digest}.sealed"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(Corrupt):
        sealed_store.blobs.get(digest)


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


def test_a_deleted_blob_is_gone(store: Store) -> None:
    digest = store.blobs.put(DATA)
    assert (store.blobs.delete(digest), store.blobs.exists(digest), store.blobs.delete(digest)) == (True, False, False)


def test_workspaces_do_not_see_each_other(store: Store, sealed_store: Store) -> None:
    digest = store.blobs.put(DATA)
    assert not sealed_store.blobs.exists(digest)


def test_below_the_floor_writes_are_refused_and_reads_and_deletes_go_on(tmp_path: Path, store: Store) -> None:
    digest = store.blobs.put(DATA)
    full = Blobs(tmp_path / "workspaces/default/blobs", free_bytes_floor=1 << 60)
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
