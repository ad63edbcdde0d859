"""Sinks: brokers that the operator declared, NATS JetStream or whatever speaks Kafka's protocol."""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Lock
from types import TracebackType
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from sightloop.errors import Forbidden, InvalidInput, Unavailable, not_found
from sightloop.settings import SinkSettings

SCHEME: Final = "sink:"
CONTENT_TYPE: Final = "application/cloudevents+json"
_EXTRAS: Final = {"nats": "nats", "kafka": "aiokafka"}  # and the package that each of them brings


def sink_name(url: str) -> str | None:
    """The name of the sink where the URL of a webhook names one ("sink:line"), else None."""
    return url.removeprefix(SCHEME) if url.startswith(SCHEME) else None


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to a broker; `body` is a CloudEvent in structured JSON."""

    id: str
    workspace: str
    type: str
    subject: str
    body: bytes


class Broker(Protocol):
    """A connection to a broker, opened by the first message."""

    async def send(self, message: Message) -> None:
        """Returns once the broker has acknowledged that it keeps the message; raises anything otherwise."""

    async def close(self) -> None:
        """Returns once the connection is closed; the next message opens it again."""


class Sinks:
    """The declared sinks. Only these are ever connected to: a user names one and gives no address.

    The clients are asynchronous and live in one thread of their own, which the first message starts.
    """

    def __init__(self, declared: Sequence[SinkSettings] = (), *, timeout_s: float = 10.0) -> None:
        self._declared = {one.name: one for one in declared}
        if len(self._declared) < len(declared):
            raise InvalidInput("Two sinks have the same name.", hint="Rename one in events.sinks.")
        self._brokers = {one.name: _broker(one, timeout_s) for one in declared}
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._portal: BlockingPortal | None = None
        self._closing: Any = None

    def require(self, workspace: str, name: str) -> None:
        """Returns silently where the workspace may send to the sink; raises NotFound or Forbidden otherwise."""
        found = self._declared.get(name)
        if found is None:
            open_to = [one.name for one in self._declared.values() if _may(one, workspace)]
            raise not_found("sink", name, open_to, hint="The operator declares sinks in events.sinks.")
        if not _may(found, workspace):
            raise Forbidden(
                f'This workspace may not send to the sink "{name}".',
                hint="Let the operator add it to the sink's workspaces.",
            )

    def send(self, name: str, message: Message) -> None:
        """Returns once the broker keeps the message.

        Raises:
            NotFound, Forbidden: see `require`.
            Unavailable: the broker did not acknowledge; it may have the message all the same.
        """
        self.require(message.workspace, name)
        self._running().call(self._send, name, message)

    def close(self) -> None:
        """Returns once no connection is open."""
        with self._lock:
            if self._portal is not None:
                for broker in self._brokers.values():
                    self._portal.call(_close, broker)
                self._closing.__exit__(None, None, None)
                self._portal = None

    def __enter__(self) -> Sinks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> BlockingPortal:
        with self._lock:
            if self._portal is None:
                self._closing = start_blocking_portal()
                self._portal = self._closing.__enter__()
            return self._portal

    async def _send(self, name: str, message: Message) -> None:
        broker = self._brokers[name]
        try:
            with anyio.fail_after(2 * self._timeout_s):
                await broker.send(message)
        except Exception as error:
            await _close(broker)
            raise Unavailable(
                f'The sink "{name}" did not take the event: {type(error).__name__}.',
                hint="Is the broker up, does it know the user, has it a stream or topic for this?",
            ) from error


class NatsBroker:
    """A JetStream stream that takes `<prefix>.<workspace>.<event type>`; the event's id is its Nats-Msg-Id.

    The server drops an id that it has seen within the stream's duplicate window
    (https://docs.nats.io/using-nats/developer/develop_jetstream/model_deep_dive, message deduplication).
    """

    def __init__(self, sink: SinkSettings, timeout_s: float) -> None:
        self._sink = sink
        self._timeout_s = timeout_s
        self._client: Any = None
        self._opening = anyio.Lock()

    async def send(self, message: Message) -> None:
        client = await self._open()
        await client.jetstream(timeout=self._timeout_s).publish(
            f"{_path(self._sink)}.{message.workspace}.{message.type}",
            message.body,
            headers={"Nats-Msg-Id": message.id, "content-type": CONTENT_TYPE},
        )

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _open(self) -> Any:
        async with self._opening:
            if self._client is None:
                tls = _tls(self._sink)
                self._client = await importlib.import_module("nats").connect(
                    servers=[f"{'tls' if tls else 'nats'}://{host}" for host in _hosts(self._sink)],
                    tls=tls,
                    user=self._sink.user or None,
                    password=self._sink.password.get_secret_value() if self._sink.password else None,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,  # also of the first connection: without it the client tries for ever
                    reconnect_time_wait=0.1,
                    error_cb=_unheard,
                    connect_timeout=self._timeout_s,
                    name="sightloop",
                )
            return self._client


class KafkaBroker:
    """A topic; the key is `<workspace>/<subject>`, so what is about one thing stays in order in one partition."""

    def __init__(self, sink: SinkSettings, timeout_s: float) -> None:
        self._sink = sink
        self._timeout_s = timeout_s
        self._producer: Any = None
        self._opening = anyio.Lock()

    async def send(self, message: Message) -> None:
        producer = await self._open()
        await producer.send_and_wait(
            _path(self._sink),
            message.body,
            key=f"{message.workspace}/{message.subject}".encode(),
            headers=[("content-type", CONTENT_TYPE.encode())],
        )

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _open(self) -> Any:
        async with self._opening:
            if self._producer is None:
                tls, user = _tls(self._sink), self._sink.user
                producer = importlib.import_module("aiokafka").AIOKafkaProducer(
                    bootstrap_servers=_hosts(self._sink),
                    client_id="sightloop",
                    enable_idempotence=self._sink.idempotent,
                    acks="all",
                    request_timeout_ms=int(self._timeout_s * 1000),
                    security_protocol=("SASL_" if user else "") + ("SSL" if tls else "PLAINTEXT"),
                    ssl_context=tls,
                    sasl_mechanism=self._sink.sasl_mechanism,
                    sasl_plain_username=user or None,
                    sasl_plain_password=self._sink.password.get_secret_value() if self._sink.password else None,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


def _broker(sink: SinkSettings, timeout_s: float) -> Broker:
    kind = sink.url.split(":")[0].split("+")[0]
    if find_spec(_EXTRAS[kind]) is None:
        raise Unavailable(
            f'The sink "{sink.name}" needs a client that is not installed.', hint=f"pip install 'sightloop[{kind}]'"
        )
    return NatsBroker(sink, timeout_s) if kind == "nats" else KafkaBroker(sink, timeout_s)


async def _close(broker: Broker) -> None:
    with anyio.move_on_after(5, shield=True), suppress(Exception):
        await broker.close()


async def _unheard(_error: Exception) -> None:
    """What the client also raises."""


def _may(sink: SinkSettings, workspace: str) -> bool:
    return not sink.workspaces or workspace in sink.workspaces


def _hosts(sink: SinkSettings) -> list[str]:
    return urlsplit(sink.url).netloc.split(",")


def _path(sink: SinkSettings) -> str:
    return urlsplit(sink.url).path.strip("/")


def _tls(sink: SinkSettings) -> ssl.SSLContext | None:
    return ssl.create_default_context() if "+tls:" in sink.url else None
