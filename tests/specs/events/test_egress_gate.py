"""The gate that clients with connections of their own go through."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from sightloop.events import Egress, EgressGate


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"here")

        def log_message(self, *_arguments: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def asked(gate: EgressGate, url: str, proxy: str = "") -> int:
    with httpx.Client(proxy=proxy or gate.url, trust_env=False) as client:
        return client.get(url).status_code


@pytest.fixture
def gates() -> Iterator[tuple[EgressGate, EgressGate]]:
    """One that may reach this machine, and one that may not."""
    found = EgressGate(Egress(["127.0.0.0/8"])), EgressGate(Egress())
    yield found
    for one in found:
        one.close()


def test_an_allowed_address_is_reached(server: ThreadingHTTPServer, gates: tuple[EgressGate, EgressGate]) -> None:
    assert asked(gates[0], f"http://127.0.0.1:{server.server_port}/x?y=1") == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1"])
def test_a_private_address_is_not_reached(
    server: ThreadingHTTPServer, gates: tuple[EgressGate, EgressGate], host: str
) -> None:
    assert asked(gates[1], f"http://{host}:{server.server_port}/") == 403
    with pytest.raises(httpx.ProxyError, match="403"):
        asked(gates[1], f"https://{host}:{server.server_port}/")


def test_a_name_that_resolves_otherwise_the_second_time_is_asked_for_once(server: ThreadingHTTPServer) -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    gate = EgressGate(Egress(["127.0.0.0/8"], look_up=lambda _host, _port: answers.pop(0)))
    assert asked(gate, f"http://store.example.com:{server.server_port}/") == 200
    assert asked(gate, f"http://store.example.com:{server.server_port}/") == 403
    gate.close()


def test_nobody_passes_without_the_password(server: ThreadingHTTPServer, gates: tuple[EgressGate, EgressGate]) -> None:
    port = gates[0].url.rpartition(":")[2]
    for who in ("", "gate:wrong@"):
        assert asked(gates[0], f"http://127.0.0.1:{server.server_port}/", f"http://{who}127.0.0.1:{port}") == 407
