"""Fixtures: real records, and a receiver that listens on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sightloop.domain import Caller, Role
from sightloop.events import Deliverer, Egress, Events, Webhooks
from sightloop.storage import Records, Stores, configure_faults

LOOPBACK = Egress(["127.0.0.0/8"])
ADMIN = Caller("default", "usr_ada", Role.ADMIN)
STRANGER = Caller("elsewhere", "usr_eve", Role.ADMIN)


@dataclass
class Receiver:
    """Keeps every request: headers in lower case, and the body. Answers with `statuses` in turn, then 204."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.statuses.pop(0) if kept.statuses else 204)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/line"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(f"sqlite:///{tmp_path}/sightloop.db")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def events(records: Records) -> Events:
    return Events(records, code_version="1.2.3")


@pytest.fixture
def stores(tmp_path: Path, records: Records) -> Stores:
    return Stores(tmp_path, records)


@pytest.fixture
def webhooks(records: Records, stores: Stores, events: Events) -> Webhooks:
    return Webhooks(records, stores, events, LOOPBACK)


@pytest.fixture
def deliverer(records: Records, stores: Stores, events: Events) -> Iterator[Deliverer]:
    running = Deliverer(
        records,
        stores,
        events,
        interval_s=0.02,
        attempts=3,
        egress=LOOPBACK,
        backoff=lambda _attempt, _jitter: 0.01,
        seed=0,
    )
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_faults_left() -> Iterator[None]:
    yield
    configure_faults("")


def answered(events: Events, number: int = 0, caller: Caller = ADMIN) -> str:
    """The id of an event that tells of one answered label."""
    with events.change(caller, "labels.answer", f"itm_{number}") as change:
        return change.emit("sightloop.labels.answered", {"number": number})
