"""What blobs are, wherever they lie: content under its digest, whole or not at all, secret where a key is set."""

from __future__ import annotations

import time

import obstore
import pytest

from sightloop.domain import digest_of
from sightloop.errors import Corrupt, InvalidInput, NotFound
from sightloop.storage import Blobs
from sightloop.storage.encryption import Cipher
from sightloop.storage.places import Place
from sightloop.storage.s3 import PART_BYTES

DATA = b"a cell with a crack" * 50
CIPHER = Cipher(bytes(range(32)))


def raw(place: Place) -> dict[str, bytes]:
    """Every object as it lies there."""
    return {
        one["path"]: bytes(obstore.get(place.objects, one["path"]).bytes())
        for page in obstore.list(place.objects)
        for one in page
    }


def test_what_is_put_is_got_under_its_digest(place: Place) -> None:
    blobs = Blobs(place)
    digest = blobs.put(DATA)
    assert (digest, blobs.get(digest)) == (digest_of(DATA), DATA)


@pytest.mark.parametrize("cipher", [None, CIPHER], ids=["plain", "sealed"])
def test_the_same_content_is_kept_once(place: Place, cipher: Cipher | None) -> None:
    blobs = Blobs(place, cipher)
    digests = [*blobs.put_many([DATA, b"other", DATA]), blobs.put(DATA)]
    assert (list(blobs.digests()), len(raw(place))) == (sorted(set(digests)), 2)


def test_an_empty_blob_is_a_blob(place: Place) -> None:
    blobs = Blobs(place, CIPHER)
    assert blobs.get(blobs.put(b"")) == b""


def test_a_blob_of_many_parts_comes_back_whole(place: Place) -> None:
    data = bytes(range(256)) * ((2 * PART_BYTES + 1000) // 256)
    blobs = Blobs(place)
    assert blobs.get(blobs.put(data)) == data


def test_many_blobs_at_once_are_all_there(place: Place) -> None:
    items = [f"blob {number}".encode() for number in range(40)]
    blobs = Blobs(place)
    assert [blobs.get(digest) for digest in blobs.put_many(items)] == items


def test_a_missing_blob_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        Blobs(place).get(digest_of(b"never put"))


def test_a_name_that_is_no_digest_never_reaches_the_store(place: Place) -> None:
    with pytest.raises(InvalidInput):
        Blobs(place).get("../../sightloop.db")


@pytest.mark.parametrize("cipher", [None, CIPHER], ids=["plain", "sealed"])
@pytest.mark.parametrize("broken", [lambda data: data[:-1], lambda data: b"X" + data[1:]], ids=["cut off", "flipped"])
def test_content_that_is_not_what_was_put_is_noticed(place: Place, cipher: Cipher | None, broken: object) -> None:
    assert callable(broken)
    blobs = Blobs(place, cipher)
    digest = blobs.put(DATA)
    [(path, data)] = raw(place).items()
    obstore.put(place.objects, path, broken(data))
    with pytest.raises(Corrupt):
        blobs.get(digest)


def test_an_encrypted_blob_leaves_no_plaintext(place: Place) -> None:
    blobs = Blobs(place, CIPHER)
    digest = blobs.put(DATA)
    assert (blobs.get(digest), b"crack" in b"".join(raw(place).values())) == (DATA, False)


def test_a_key_set_later_leaves_older_blobs_readable(place: Place) -> None:
    old = Blobs(place).put(DATA)
    keyed = Blobs(place, CIPHER)
    new = keyed.put(b"new")
    assert (keyed.get(old), keyed.get(new)) == (DATA, b"new")


def test_a_deleted_blob_is_gone_in_both_its_forms(place: Place) -> None:
    digest = Blobs(place).put(DATA)
    keyed = Blobs(place, CIPHER)
    keyed.put(DATA)
    found = keyed.delete(digest), keyed.exists(digest), keyed.delete(digest)
    assert (found, raw(place)) == ((True, False, False), {})


def test_only_what_nobody_has_put_for_long_is_collected(place: Place) -> None:
    blobs = Blobs(place)
    digest = blobs.put(DATA)
    young = blobs.collect(digest, older_than_s=3600.0), blobs.exists(digest)
    old = blobs.collect(digest, older_than_s=-60.0), blobs.exists(digest)
    assert (young, old) == ((False, True), (True, False))


def test_a_blob_put_again_is_young_again(place: Place) -> None:
    blobs = Blobs(place)
    digest = blobs.put(DATA)
    before = obstore.head(place.objects, f"{digest[:2]}/{digest}")["last_modified"]
    time.sleep(1.1)
    blobs.put(DATA)
    assert obstore.head(place.objects, f"{digest[:2]}/{digest}")["last_modified"] > before


def test_places_below_do_not_see_each_other(place: Place) -> None:
    digest = Blobs(place.below("one")).put(DATA)
    assert not Blobs(place.below("other")).exists(digest)


def test_the_size_is_that_of_all_blobs(place: Place) -> None:
    blobs = Blobs(place)
    blobs.put_many([DATA, b"four"])
    assert blobs.size_bytes() == len(DATA) + 4
