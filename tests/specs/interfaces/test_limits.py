"""How often one may ask, and what becomes of clients that never finish."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.responses import Response

from sightloop.errors import RateLimited
from sightloop.interfaces.api.limits import Buckets, Limits
from sightloop.interfaces.sdk import connect
from sightloop.serving.listening import listening_options
from sightloop.serving.supervisor import free_port
from sightloop.settings import ApiSettings
from tests.specs.interfaces.house import House

CLIENTS = 150


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_what_it_holds_and_then_what_comes_back() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 3.0, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now = 0.5
    assert [buckets.take("a") for _ in range(2)] == [0.0, 0.5]


def test_one_name_leaves_the_bucket_of_another_full() -> None:
    buckets = Buckets(1.0, 1.0, clock=Clock())
    assert [buckets.take(name) for name in "aab"] == [0.0, 1.0, 0.0]


def test_what_was_long_unused_is_forgotten_first() -> None:
    buckets = Buckets(1.0, 1.0, most=2, clock=Clock())
    for name in "abc":
        buckets.take(name)
    assert [buckets.take("c"), buckets.take("a")] == [1.0, 0.0]


def test_the_addresses_of_one_customer_share_a_bucket() -> None:
    limits = Limits(ApiSettings(address_requests_per_s=0.1))
    limits.address("2001:db8::1")
    limits.address("2001:db8:0:1::1")
    with pytest.raises(RateLimited):
        limits.address("2001:db8::2")


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    limits = {"key_requests_per_s": 0.5, "address_requests_per_s": 20, "failures_per_minute": 3}
    opened = House(tmp_path_factory.mktemp("tight"), {"api": limits})
    yield opened
    opened.close()


def test_wrong_keys_are_told_to_wait_while_known_keys_go_on(tight: House) -> None:
    secret = tight.workspace().keys.create("viewer").secret
    late = tight.workspace().keys.create("viewer").secret
    assert tight.client(secret).get("/api/v1/status").status_code == 200
    statuses = [tight.client(f"sl_{number:043d}").get("/api/v1/status").status_code for number in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert tight.client(secret).get("/api/v1/status").status_code == 200
    refused = tight.client(late).get("/api/v1/status")
    assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert tight.client().get("/owner/wrong").status_code == 429


def test_a_key_that_asks_too_often_waits_alone(tight: House) -> None:
    one = tight.client(tight.workspace().keys.create("viewer").secret)
    answers = [one.get("/api/v1/schemas/none") for _ in range(7)]
    assert 429 in [answer.status_code for answer in answers]
    assert answers[-1].json()["code"] == "rate_limited"
    assert tight.owner().get("/api/v1/status").status_code == 200


def test_an_address_that_asks_too_often_waits(tight: House) -> None:
    statuses = [tight.client().get("/healthz").status_code for _ in range(300)]
    assert set(statuses) == {200, 429}
    assert tight.owner().get("/api/v1/status").status_code == 200


SLOW = {
    "no byte": b"",
    "half a request line": b"GET /hea",
    "headers without end": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ",
    "a body that never comes": b"POST /api/v1/schemas HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer KEY\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "chunks that never end": b"POST /api/v1/uploads?name=a HTTP/1.1\r\nHost: localhost\r\n"
    b"Authorization: Bearer KEY\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    "a body that nobody asked for": b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    "a second request that never comes": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he",
}


@pytest.fixture(scope="module", params=["control", "serving"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """The port of a running process that waits for three seconds only, and a key that the control process knows."""
    folder, number, key = tmp_path_factory.mktemp("slow"), free_port(), ""
    words = {
        "control": ["sightloop", "serve", str(folder), "--port", str(number)],
        "serving": ["sightloop.serving.process", "--folder", str(folder), "--host", "127.0.0.1", "--port", str(number)],
    }
    environment = {**os.environ, "SIGHTLOOP_API__PATIENCE_S": "3"}
    process = subprocess.Popen(
        [sys.executable, "-m", *words[request.param]], env=environment, stderr=subprocess.DEVNULL
    )
    with httpx.Client(trust_env=False, base_url=f"http://127.0.0.1:{number}") as client:
        while process.poll() is None and not lives(client):
            time.sleep(0.05)
    if request.param == "control":
        with connect(folder) as ws:
            key = str(ws.keys.create("engineer").secret)
    yield number, key
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def lives(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


async def drip(port: int, opening: bytes) -> bytes:
    """What the server said until it closed, while a byte came every now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = asyncio.ensure_future(reader.read())
    try:
        writer.write(opening)
        while not said.done():
            await asyncio.wait([said], timeout=0.4)
            if opening:
                writer.write(b"a")
        return await said
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def healthy(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")


async def besieged(port: int, key: str) -> tuple[list[bytes], list[bool]]:
    openings = [opening.replace(b"KEY", key.encode()) for opening in SLOW.values()]
    slow = [asyncio.ensure_future(drip(port, openings[n % len(openings)])) for n in range(2 * CLIENTS)]
    await asyncio.sleep(0.2)
    alive = [await healthy(port) for _ in range(10)]
    return await asyncio.wait_for(asyncio.gather(*slow), timeout=90), alive


def test_hundreds_of_slow_clients_are_left_while_others_are_answered(port: tuple[int, str]) -> None:
    answers, alive = asyncio.run(besieged(*port))
    assert (len(answers), all(alive)) == (2 * CLIENTS, True)
    assert (b" 408 " in b"".join(answers)) == bool(port[1])


def test_headers_without_end_are_not_kept(port: tuple[int, str]) -> None:
    async def flood() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port[0])
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        sent = 0
        try:
            while not reader.at_eof() and sent < (16 << 20):
                writer.write(b"X-A: " + b"a" * 4000 + b"\r\n")
                sent += 4000
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        writer.close()
        return sent

    assert asyncio.run(asyncio.wait_for(flood(), 60)) < (16 << 20)


def test_a_url_without_end_is_not_kept(port: tuple[int, str]) -> None:
    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port[0])
        writer.write(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            return await reader.read(12)
        except ConnectionError:
            return b""

    assert not asyncio.run(asyncio.wait_for(ask(), 60)).startswith(b"HTTP/1.1 2")


def test_who_is_answered_before_the_end_of_a_body_may_send_the_rest_and_ask_again(port: tuple[int, str]) -> None:
    async def ask() -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port[0])
        writer.write(b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n\r\n" + bytes(100_000))
        said = [await answered(reader)]
        writer.write(bytes(300_000))
        await writer.drain()
        await asyncio.sleep(0.3)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said.append(await answered(reader))
        writer.close()
        return said

    assert [line.split()[1][:1] for line in asyncio.run(asyncio.wait_for(ask(), 60))] == [b"4", b"2"]


async def answered(reader: asyncio.StreamReader) -> bytes:
    """The status line of an answer that was read to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
    return head.split(b"\r\n", 1)[0]


def test_a_connection_too_many_is_told_when_to_come_back() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Response("hello")(scope, receive, send)

    async def ask() -> list[bytes]:
        server = uvicorn.Server(uvicorn.Config(app, port=0, **listening_options(ApiSettings(connections_limit=2))))
        serving = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        at = server.servers[0].sockets[0].getsockname()[1]
        streams = [await asyncio.open_connection("127.0.0.1", at) for _ in range(3)]
        heads = []
        for reader, writer in streams:
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            heads.append(await reader.readuntil(b"\r\n\r\n"))
        for _, writer in streams:
            writer.close()
        server.should_exit = True
        await serving
        return heads

    heads = asyncio.run(asyncio.wait_for(ask(), 60))
    assert sorted(head.split()[1] for head in heads) == [b"200", b"200", b"503"]
    assert [b"\r\nretry-after: 1\r\n" in head for head in heads if b" 503 " in head] == [True]
