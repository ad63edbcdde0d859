"""A bucket as the home of blobs and tables: who may use it, what it answers, and whose it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sightloop.app import open_installation
from sightloop.errors import CODES, InvalidInput, Refused, Unavailable
from sightloop.settings import StorageSettings, describe_settings, load_settings
from sightloop.storage import Blobs, Records, Stores, Tables
from sightloop.storage.s3 import LANCE_RETRIES, s3_place
from tests.conformance.fault_proxy import FaultProxy, fault_proxy
from tests.conformance.seaweed import SECRET, Bucket

Opened = Callable[[str], AbstractContextManager[Stores]]
ROWS = pa.table({"id": ["a"]})
APPENDS = """
import json, sys
import pyarrow as pa
from sightloop.settings import StorageSettings
from sightloop.storage import Tables
from sightloop.storage.s3 import s3_place
tables = Tables(s3_place(StorageSettings(**json.loads(sys.argv[1]))))
for number in range(5):
    tables.append("samples", pa.table({"id": [f"{sys.argv[2]}{number}"]}))
"""


@pytest.fixture
def opened(tmp_path: Path, bucket: Bucket) -> Opened:
    """Stores of the installation of that name, all on one bucket and prefix."""

    @contextmanager
    def opening(name: str, settings: StorageSettings | None = None) -> Iterator[Stores]:
        (tmp_path / name).mkdir(exist_ok=True)
        records = Records(f"sqlite:///{tmp_path / name}/sightloop.db")
        records.migrate()
        try:
            yield Stores.from_settings(tmp_path / name, records, settings or bucket.settings())
        finally:
            records.close()

    return opening


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[FaultProxy]:
    with fault_proxy(bucket.endpoint) as running:
        yield running


def test_a_wrong_secret_is_refused_at_the_start_and_not_told(tmp_path: Path, bucket: Bucket) -> None:
    wrong = {"storage": {**bucket.as_arguments(), "s3_secret_access_key": "not-the-secret"}}
    with pytest.raises(Unavailable, match="refuses the credentials") as caught:
        open_installation(tmp_path / "installation", load_settings(overrides=wrong))
    assert "not-the-secret" not in f"{caught.value.message} {caught.value.hint} {caught.value.facts}"


def test_neither_settings_nor_places_show_the_secret(bucket: Bucket) -> None:
    settings = load_settings(overrides={"storage": bucket.as_arguments()})
    place = s3_place(settings.storage)
    assert SECRET not in f"{describe_settings(settings)} {settings!r} {place!r} {place.objects!r}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "s3://UPPER/x"},
        {"url": "https://bucket.example.com"},
        {"url": "s3://bucket/../x"},
        {"s3_endpoint": "ftp://store"},
        {"s3_endpoint": "https://user:pass@store"},
        {"s3_secret_access_key": None},
    ],
)
def test_settings_that_name_no_place_are_the_operators_error(wrong: dict[str, Any]) -> None:
    given = {"url": "s3://bucket/x", "s3_access_key_id": "k", "s3_secret_access_key": "s", **wrong}
    with pytest.raises(InvalidInput):
        s3_place(StorageSettings.model_validate(given))


def test_a_second_installation_cannot_take_the_same_prefix(opened: Opened) -> None:
    with opened("first") as first, opened("second") as second:
        first.claim()
        with pytest.raises(Refused, match="another installation"):
            second.claim()


def test_an_installation_opens_its_own_prefix_again(opened: Opened) -> None:
    for _ in range(2):
        with opened("first") as stores:
            stores.claim()


def test_workspaces_lie_in_the_bucket_and_not_in_the_folder(tmp_path: Path, opened: Opened) -> None:
    with opened("first") as stores:
        store = stores.workspace("default")
        digest, version = store.blobs.put(b"medium"), store.tables.append("samples", ROWS)
    with opened("first") as stores:
        store = stores.workspace("default")
        assert (store.blobs.get(digest), store.tables.count("samples", version)) == (b"medium", 1)
    assert [path.name for path in (tmp_path / "first").iterdir() if path.is_dir()] == []


def test_a_few_errors_of_the_store_are_not_noticed(bucket: Bucket, proxy: FaultProxy) -> None:
    place = s3_place(bucket.settings(endpoint=proxy.url))
    proxy.faults = ["503"] * 3
    digest = Blobs(place.below("blobs")).put(b"medium")
    proxy.faults = ["503"] * 3
    Tables(place.below("tables")).append("samples", ROWS)
    assert (proxy.faults, Blobs(place.below("blobs")).get(digest)) == ([], b"medium")


def test_half_an_answer_is_never_taken_for_the_whole(bucket: Bucket, proxy: FaultProxy) -> None:
    blobs = Blobs(s3_place(bucket.settings(endpoint=proxy.url)))
    data = bytes(range(256)) * 4000
    digest = blobs.put(data)
    proxy.faults = ["cut"]
    assert blobs.get(digest) == data


@pytest.mark.parametrize("asked", ["blob read", "blob written", "table read", "table written"])
def test_a_store_that_is_down_is_unavailable_after_a_bounded_number_of_tries(
    bucket: Bucket, proxy: FaultProxy, asked: str
) -> None:
    place = s3_place(bucket.settings(endpoint=proxy.url))
    blobs, tables = Blobs(place.below("blobs")), Tables(place.below("tables"))
    digest, version = blobs.put(b"medium"), tables.append("samples", ROWS)
    asking: dict[str, Callable[[], object]] = {
        "blob read": lambda: blobs.get(digest),
        "blob written": lambda: blobs.put(b"more"),
        "table read": lambda: tables.count("samples", version),
        "table written": lambda: tables.append("samples", ROWS),
    }
    proxy.down, proxy.asked = True, 0
    with pytest.raises(Unavailable) as caught:
        asking[asked]()
    assert CODES[caught.value.code].status == 503
    assert caught.value.facts["retry_after_s"] > 0
    assert "127.0.0.1" not in caught.value.message
    assert proxy.asked <= 6 * (LANCE_RETRIES + 1)


def test_appends_of_two_processes_are_all_kept(bucket: Bucket) -> None:
    """Lance commits by conditional put: what two writers append is never overwritten, even unlocked."""
    Tables(s3_place(bucket.settings())).append("samples", pa.table({"id": ["first"]}))
    given = json.dumps(bucket.as_arguments())
    writers = [subprocess.Popen([sys.executable, "-c", APPENDS, given, name]) for name in ("x", "y")]
    assert [writer.wait() for writer in writers] == [0, 0]
    tables = Tables(s3_place(bucket.settings()))
    version = tables.latest("samples")
    assert version is not None
    found = tables.read("samples", version)["id"].to_pylist()
    assert sorted(found) == sorted(["first", *(f"{name}{number}" for name in ("x", "y") for number in range(5))])
