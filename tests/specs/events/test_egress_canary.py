"""Nothing that is delivered reaches a place inside, however it is spelt, resolved or redirected to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sightloop.errors import SightloopError
from sightloop.events import Deliverer, Egress, Events, Webhooks
from sightloop.storage import Records, Stores
from tests.specs.events.canary import HOSTS, Canary, targets, watched
from tests.specs.events.conftest import ADMIN, Receiver, answered

ANYWHERE = Egress(["0.0.0.0/0", "::/0"])
ANSWERED = ["sightloop.labels.answered"]


@pytest.fixture
def canary() -> Iterator[Canary]:
    with watched() as singing:
        yield singing


def deliver(records: Records, stores: Stores, events: Events, egress: Egress) -> None:
    answered(events)
    deliverer = Deliverer(
        records, stores, events, interval_s=0.02, attempts=1, egress=egress, timeout_s=5.0, seed=0
    )  # fmt: skip
    deliverer.start()
    assert deliverer.drain(60.0)
    deliverer.stop()


def test_the_canary_hears_what_is_let_through(records: Records, stores: Stores, events: Events, canary: Canary) -> None:
    Webhooks(records, stores, events, ANYWHERE).create(ADMIN, f"http://127.0.0.1:{canary.port}/in", ANSWERED)
    deliver(records, stores, events, ANYWHERE)
    assert (canary.arrived, len(canary.started)) == (1, 1)


def test_there_are_sixty_ways_to_spell_a_place_inside() -> None:
    assert len(set(HOSTS)) >= 60


def test_no_spelling_of_a_place_inside_is_connected_to(canary: Canary) -> None:
    egress = Egress(ports=[canary.port])
    for url in targets(canary.port):
        with pytest.raises(SightloopError):
            egress.post(url, b"", {}, timeout_s=1.0)
    assert not canary.touched


def test_no_stored_spelling_of_a_place_inside_is_delivered_to(
    records: Records, stores: Stores, events: Events, canary: Canary
) -> None:
    webhooks, stored = Webhooks(records, stores, events, ANYWHERE), 0
    for url in targets(canary.port):
        try:
            webhooks.create(ADMIN, url, ANSWERED)
            stored += 1
        except SightloopError:
            continue
    deliver(records, stores, events, Egress(ports=[canary.port]))
    assert stored >= 60
    assert {delivery.state for delivery in webhooks.deliveries(ADMIN, limit=1000)} == {"dead"}
    assert not canary.touched


def test_a_second_answer_of_the_name_server_is_never_asked_for(
    records: Records, stores: Stores, events: Events, canary: Canary
) -> None:
    answers = iter(["127.0.0.9", *["127.0.0.1"] * 9])
    egress = Egress(["127.0.0.9/32"], [canary.port], look_up=lambda _host, _port: [next(answers)])
    Webhooks(records, stores, events, ANYWHERE).create(ADMIN, f"http://localhost:{canary.port}/in", ANSWERED)
    deliver(records, stores, events, egress)
    assert [address for address, _ in canary.started] == ["127.0.0.9"]


def test_a_name_that_was_public_when_the_webhook_was_made_is_checked_again(
    records: Records, stores: Stores, events: Events, canary: Canary
) -> None:
    answers = iter(["8.8.8.8", *["127.0.0.1"] * 9])
    egress = Egress(ports=[canary.port], look_up=lambda _host, _port: [next(answers)])
    Webhooks(records, stores, events, egress).create(ADMIN, f"https://rebinding.test:{canary.port}/", ANSWERED)
    deliver(records, stores, events, egress)
    assert not canary.touched


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(canary: Canary, status: int) -> None:
    class Redirecting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("location", f"http://127.0.0.1:{canary.port}/in")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.9", 0), Redirecting)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    answer = Egress(["127.0.0.9/32"]).post(f"http://127.0.0.9:{server.server_port}/", b"", {})
    server.shutdown()
    server.server_close()
    thread.join()
    assert (answer, canary.touched) == (status, False)


def test_a_proxy_named_in_the_environment_is_not_asked(
    canary: Canary, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    assert Egress(["127.0.0.0/8"]).post(receiver.url, b"{}", {"webhook-id": "x"}) == 204
    assert not canary.touched


def test_a_port_that_the_operator_did_not_name_is_refused() -> None:
    with pytest.raises(SightloopError, match="Port 22"):
        Egress().check_url("https://8.8.8.8:22/")


def test_who_answers_one_byte_at_a_time_is_left(canary: Canary) -> None:
    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            for letter in b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 10_000:
                try:
                    self.wfile.write(bytes([letter]))
                except OSError:
                    return
                stop.wait(0.05)

        def log_message(self, *_arguments: object) -> None:
            pass

    stop = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with pytest.raises(SightloopError, match="TimeoutError"):
        Egress(["127.0.0.1/32"]).post(f"http://127.0.0.1:{server.server_port}/", b"", {}, timeout_s=0.5)
    stop.set()
    server.shutdown()
    server.server_close()
    thread.join()
