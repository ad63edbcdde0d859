"""How both processes listen: patient with networks, not with clients that never finish; every answer locked down."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import orjson
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sightloop.errors import Overloaded
from sightloop.settings import ApiSettings

MAX_HEADER_BYTES: Final = 64 << 10
SLOWEST_BYTES_PER_S: Final = 4096
# OWASP HTTP Headers Cheat Sheet. Nothing here is meant to be rendered; a page that is brings a policy of its own.
LOCKED: Final = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
STRICT_TRANSPORT: Final = "max-age=31536000"


class LockedDown:
    """The application with answers that no browser renders, sniffs, frames, keeps or shares with another site."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def locked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in LOCKED.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("strict-transport-security", STRICT_TRANSPORT)
            await send(message)

        await self._app(scope, receive, locked)


def body_patience_s(patience_s: float, received: int) -> float:
    """Seconds that a body may have taken after so many bytes: the patience, and a slow line's time for what came."""
    return patience_s + received / SLOWEST_BYTES_PER_S


def listening_options(settings: ApiSettings) -> dict[str, Any]:
    """uvicorn's options for both processes: limits on connections, on headers and on the wait for them."""
    return {
        "http": _protocol(settings.patience_s, settings.connections_limit),
        "timeout_keep_alive": 5,
        "lifespan": "off",
        "access_log": False,
        "log_config": None,
        "server_header": False,
    }


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    error = Overloaded(
        "This process has as many connections as it takes.",
        hint="Try again in a second, or raise the setting api.connections_limit.",
        retry_after_s=1,
    )
    headers = {"retry-after": "1", "connection": "close"}
    response = Response(orjson.dumps(error.problem()), error.status, headers, "application/problem+json")
    await response(scope, receive, send)


def _protocol(patience_s: float, connections_limit: int) -> type[asyncio.Protocol]:
    """uvicorn's protocol with two ends of its own: to the wait for the headers of a request, and to connections.

    uvicorn's `limit_concurrency` answers without Retry-After.

    The rest of a body that was answered before its end (refused for its size, or for want of a place) is read and
    thrown away for as long: who closes instead resets the connection, and the answer may be lost with it.
    """

    class Impatient(HttpToolsProtocol):
        _overdue: asyncio.TimerHandle | None = None
        _waited_for = 0
        _in_body = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            self._waited_for += len(data)
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_waiting()
            elif self._waited_for > MAX_HEADER_BYTES and not self._in_body:
                self._leave()
            elif self._overdue is None:
                self._wait()

        def on_headers_complete(self) -> None:
            self._in_body = True
            app = self.app
            if len(self.connections) > connections_limit:
                self.app = LockedDown(_full)
            super().on_headers_complete()
            self.app = app

        def on_message_complete(self) -> None:
            self._in_body = False
            self._stop_waiting()
            super().on_message_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._overdue = self.loop.call_later(patience_s, self._leave)

        def _stop_waiting(self) -> None:
            self._waited_for = 0
            if self._overdue is not None:
                self._overdue.cancel()
                self._overdue = None

        def _leave(self) -> None:
            self._stop_waiting()
            self.transport.close()

    return Impatient
