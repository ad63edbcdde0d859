"""Buckets on real servers as sources: media stay there, changes are seen, and what goes wrong is told."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from sightloop.datasets import Datasets, listing
from sightloop.domain import Caller, Role, new_id
from sightloop.errors import Corrupt, Forbidden, InvalidInput, NotFound, Refused, SightloopError, Unavailable
from sightloop.events import Egress, EgressGate, Events
from sightloop.inference import DecodePool
from sightloop.runs import Runs
from sightloop.storage import Records, Stores
from tests.conformance.fault_proxy import fault_proxy
from tests.conformance.stores import Shelf
from tests.specs.datasets.world import TinyEmbedder, picture

ODD = ("a b.png", "ü ø.png", "a%2Fb.png", "50%.png", "q?x#y&z.png", "deep/er/x.png", "plus+.png", "quote'.png")


@dataclass(frozen=True)
class Plant:
    """An open installation that may ask this machine, and a workspace of its own for each test."""

    datasets: Datasets
    runs: Runs
    stores: Stores
    caller: Caller

    def connect(self, shelf: Shelf, *, endpoint: str = "", name: str = "line", **settings: Any) -> None:
        """A standing source over the shelf's prefix, with its credentials where the server knows any."""
        sources = self.datasets.sources
        kept = {"endpoint": endpoint or shelf.endpoint, "account": shelf.account}
        sources.credentials.create(self.caller, name, shelf.kind, shelf.secrets, **kept)
        sources.add(self.caller, name, "bucket", {"url": shelf.address, "credentials": name, **settings})

    def sync(self, name: str = "line") -> Mapping[str, Any]:
        run = self.datasets.sources.sync(self.caller, name)
        return self.runs.wait(self.caller, run.id).output

    def samples(self) -> dict[str, str]:
        """Id by name."""
        return {one.name: one.id for one in self.datasets.samples(self.caller, limit=1000).items}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("installation")
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores, events = Stores(folder, records, master_key="c2lnaHRsb29wLXRlc3RzLXNpZ2h0bG9vcC10ZXN0cyE="), Events(records)
    runs = Runs(records, events, folder / "runs.db")
    gate = EgressGate(Egress(["127.0.0.0/8"]))
    with DecodePool(workers=1) as decoder:
        datasets = Datasets(records, stores, events, runs, decoder, TinyEmbedder(), gate=gate)
        runs.launch()
        yield Plant(datasets, runs, stores, Caller("none", "tester", Role.ADMIN))
        runs.close()
    gate.close()
    records.close()


@pytest.fixture
def plant(installation: Plant) -> Plant:
    return Plant(installation.datasets, installation.runs, installation.stores, Caller(new_id("wsp"), "t", Role.ADMIN))


def test_media_stay_in_the_bucket_and_are_read_there(plant: Plant, shelf: Shelf) -> None:
    for number in range(3):
        shelf.put(f"{number}.png", picture(number))
    plant.connect(shelf)
    assert plant.sync()["ingested"] == 3
    held = set(plant.stores.workspace(plant.caller.workspace).blobs.digests())
    taken = plant.datasets.samples(plant.caller).items
    assert not held & {one.media_digest for one in taken}
    assert [plant.datasets.media(plant.caller, id) for _, id in sorted(plant.samples().items())] == [
        picture(number) for number in range(3)
    ]


def test_names_of_all_kinds_are_read_as_they_are(plant: Plant, shelf: Shelf) -> None:
    for number, name in enumerate(ODD):
        shelf.put(name, picture(number))
    plant.connect(shelf)
    assert plant.sync()["ingested"] == len(ODD)
    samples = plant.samples()
    assert {name: plant.datasets.media(plant.caller, samples[name]) for name in ODD} == {
        name: picture(number) for number, name in enumerate(ODD)
    }


def test_a_second_look_reads_only_what_is_new_or_changed_and_tells_what_is_gone(plant: Plant, shelf: Shelf) -> None:
    for number in range(4):
        shelf.put(f"{number}.png", picture(number))
    plant.connect(shelf)
    plant.sync()
    shelf.put("1.png", picture(11))
    shelf.put("new.png", picture(12))
    shelf.delete("2.png")
    looked = plant.sync()
    assert [looked[one] for one in ("unchanged", "changed", "removed", "ingested", "known")] == [2, 1, 1, 2, 0]
    settled = plant.sync()
    assert [settled[one] for one in ("unchanged", "changed", "removed", "ingested")] == [4, 0, 0, 0]


def test_no_page_takes_for_gone_what_the_store_lists_elsewhere(
    plant: Plant, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number, name in enumerate(("a-b.png", "a/x.png", "a/y.png", "a.png", "a0.png")):
        shelf.put(name, picture(number))
    plant.connect(shelf)
    assert plant.sync()["ingested"] == 5
    again = plant.sync()
    assert [again[one] for one in ("unchanged", "removed", "ingested", "known")] == [5, 0, 0, 0]


def test_an_object_whose_name_cannot_be_asked_for_is_named(plant: Plant, shelf: Shelf) -> None:
    if shelf.kind != "gcs":
        pytest.skip("no client of ours writes such a name to this server")
    shelf.put("a//b.png", picture(1))
    with pytest.raises(InvalidInput, match=r"a//b\.png"):
        plant.connect(shelf)


def test_a_medium_that_changed_under_us_is_not_taken_for_the_old_one(plant: Plant, shelf: Shelf) -> None:
    shelf.put("a.png", picture(1))
    plant.connect(shelf)
    plant.sync()
    shelf.put("a.png", picture(2))
    with pytest.raises(Corrupt, match="changed in the bucket"):
        plant.datasets.media(plant.caller, plant.samples()["a.png"])


def test_a_medium_that_is_gone_is_told(plant: Plant, shelf: Shelf) -> None:
    shelf.put("a.png", picture(1))
    plant.connect(shelf)
    plant.sync()
    shelf.delete("a.png")
    with pytest.raises(NotFound, match="gone from the bucket"):
        plant.datasets.media(plant.caller, plant.samples()["a.png"])


def test_with_copy_the_bucket_is_needed_no_more(plant: Plant, shelf: Shelf) -> None:
    shelf.put("a.png", picture(1))
    plant.connect(shelf, copy=True)
    plant.sync()
    shelf.delete("a.png")
    assert plant.datasets.media(plant.caller, plant.samples()["a.png"]) == picture(1)


def test_wrong_credentials_are_refused_when_the_source_is_added(plant: Plant, shelf: Shelf) -> None:
    if not shelf.wrong:
        pytest.skip("the GCS emulator checks no credentials")
    with pytest.raises(Forbidden, match='refuses the credentials "line"') as caught:
        plant.connect(Shelf(**{**vars(shelf), "secrets": shelf.wrong}))
    said = f"{caught.value.message} {caught.value.hint} {caught.value.facts}"
    assert not [one for one in shelf.wrong.values() if one in said and one != "sightloop"]


def test_rotated_credentials_open_the_bucket_again(plant: Plant, shelf: Shelf) -> None:
    if not shelf.wrong:
        pytest.skip("the GCS emulator checks no credentials")
    shelf.put("a.png", picture(1))
    plant.connect(shelf)
    credentials = plant.datasets.sources.credentials
    credentials.rotate(plant.caller, "line", shelf.wrong)
    with pytest.raises(Forbidden):
        plant.sync()
    credentials.rotate(plant.caller, "line", shelf.secrets)
    assert plant.sync()["ingested"] == 1


def test_a_bucket_that_is_not_there_is_told(plant: Plant, shelf: Shelf) -> None:
    told = Unavailable if shelf.kind == "gcs" else NotFound  # the GCS emulator answers 500
    with pytest.raises(told, match=r"There is no bucket|does not answer"):
        plant.connect(Shelf(**{**vars(shelf), "url": shelf.url + "-none"}))


def test_a_store_that_answers_503_is_unavailable_and_the_next_look_goes_on(plant: Plant, shelf: Shelf) -> None:
    if shelf.kind == "gcs":
        pytest.skip("the GCS emulator answers under its own address only")
    shelf.put("a.png", picture(1))
    with fault_proxy(shelf.endpoint) as proxy:
        behind = proxy.url + (f"/{shelf.account}" if shelf.account else "")
        plant.connect(shelf, endpoint=behind)
        proxy.down = True
        with pytest.raises(Unavailable, match="does not answer as it should"):
            plant.sync()
        proxy.down = False
        assert plant.sync()["ingested"] == 1


def test_a_failure_now_and_then_is_asked_past(plant: Plant, shelf: Shelf) -> None:
    if shelf.kind == "gcs":
        pytest.skip("the GCS emulator answers under its own address only")
    shelf.put("a.png", picture(1))
    with fault_proxy(shelf.endpoint) as proxy:
        plant.connect(shelf, endpoint=proxy.url + (f"/{shelf.account}" if shelf.account else ""))
        proxy.faults = ["503", "", "503", ""]
        assert plant.sync()["ingested"] == 1


def test_a_signed_url_gives_the_medium_to_a_browser_without_keys(plant: Plant, shelf: Shelf) -> None:
    if shelf.kind == "gcs":
        pytest.skip("signing for GCS needs the key of a real account")
    shelf.put("deep/a.png", picture(1))
    plant.connect(shelf)
    plant.sync()
    url = plant.datasets.signed_media(plant.caller, plant.samples()["deep/a.png"])
    assert httpx.get(url, trust_env=False).content == picture(1)


def test_an_endpoint_in_a_private_network_needs_the_operators_leave(plant: Plant, shelf: Shelf) -> None:
    egress = plant.datasets.sources.credentials._egress
    egress._allow, allowed = (), egress._allow
    try:
        with pytest.raises(Refused, match="private network"):
            plant.connect(shelf)
    finally:
        egress._allow = allowed


def test_secrets_lie_sealed_and_are_never_shown(plant: Plant, shelf: Shelf) -> None:
    plant.connect(shelf)
    shown = f"{plant.datasets.sources.credentials.list(plant.caller)} {plant.datasets.sources.list(plant.caller)}"
    stored = _dump(plant)
    assert not [one for one in shelf.secrets.values() if (one in shown or one in stored) and one != "sightloop"]


def test_errors_name_no_path_and_no_secret(plant: Plant, shelf: Shelf) -> None:
    with pytest.raises(SightloopError) as caught:
        plant.connect(Shelf(**{**vars(shelf), "url": shelf.url + "-none"}))
    assert "127.0.0.1" not in f"{caught.value.message}{caught.value.hint}"


@contextmanager
def redirecting(host: str, target: str) -> Iterator[tuple[str, list[str]]]:
    """A server that sends everybody to the target, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("location", target)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://{host}:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def _dump(plant: Plant) -> str:
    folder = Path(str(plant.stores.workspace(plant.caller.workspace).blobs._place._folder)).parents[2]  # type: ignore[attr-defined]
    return "".join(path.read_bytes().decode("latin-1") for path in folder.glob("sightloop.db*"))


def test_a_store_that_redirects_into_a_private_network_leads_nowhere(plant: Plant, shelf: Shelf) -> None:
    egress = plant.datasets.sources.credentials._egress
    egress._allow, allowed = (ipaddress.ip_network("127.0.0.1/32"),), egress._allow
    try:
        with (
            redirecting("127.0.0.2", "/") as (inside, reached),
            redirecting("127.0.0.1", inside) as (url, asked),
            pytest.raises(Unavailable, match="does not answer as it should"),
        ):
            plant.connect(shelf, endpoint=url + (f"/{shelf.account}" if shelf.account else ""))
    finally:
        egress._allow = allowed
    assert (bool(asked), reached) == (True, [])
