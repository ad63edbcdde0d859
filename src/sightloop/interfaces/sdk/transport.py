"""An ASGI application called as if it were a server: synchronous, in this process, streaming as it is sent."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import anyio
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

_CHUNK, _START, _END = "chunk", "start", "end"
_Asgi = Any


class PortalTransport(httpx.BaseTransport):
    """Requests run on one event loop in a thread of their own; `httpx.ASGITransport` would wait for a stream's end."""

    def __init__(self, app: _Asgi) -> None:
        self._app = app
        self._stack = ExitStack()
        self._portal: BlockingPortal = self._stack.enter_context(start_blocking_portal())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _Exchange(self._app, self._portal, request)
        status, headers = exchange.start()
        return httpx.Response(status, headers=headers, stream=exchange, request=request)

    def lend(self) -> httpx.BaseTransport:
        """A transport for one client, which may close it without closing this one."""
        return _Lent(self)

    def close(self) -> None:
        self._stack.close()


class _Lent(httpx.BaseTransport):
    def __init__(self, portal: PortalTransport) -> None:
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.handle_request(request)


class _Exchange(httpx.SyncByteStream):
    """One request and its answer: the application writes into a queue that the caller reads from."""

    def __init__(self, app: _Asgi, portal: BlockingPortal, request: httpx.Request) -> None:
        self._app = app
        self._request = request
        self._body = request.read()
        self._sent: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._task: Future[None] = portal.start_task_soon(self._run)

    def start(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        kind, message = self._sent.get()
        if kind == _END:
            raise message if message is not None else httpx.RemoteProtocolError("No answer was sent.")
        return int(message["status"]), list(message["headers"])

    def __iter__(self) -> Iterator[bytes]:
        while True:
            kind, message = self._sent.get()
            if kind == _END:
                if message is not None:
                    raise message
                return
            yield message

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        failure: BaseException | None = None
        try:
            await self._app(self._scope(), self._receiver(), self._send)
        except Exception as error:
            failure = error
        finally:
            self._sent.put((_END, failure))

    def _receiver(self) -> Any:
        messages = iter([{"type": "http.request", "body": self._body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            message = next(messages, None)
            if message is None:
                await anyio.sleep_forever()
            return message or {}

        return receive

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._sent.put((_START, message))
        elif message.get("body"):
            self._sent.put((_CHUNK, message["body"]))

    def _scope(self) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?", 1)[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "server": (url.host, url.port or 80),
            "client": ("127.0.0.1", 0),
            "state": {},
        }
