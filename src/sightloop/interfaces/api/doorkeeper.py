"""What is checked before any route is looked up: the host asked for, the page that asks, the size of the body."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightloop.errors import Forbidden, SightloopError, TooLarge
from sightloop.interfaces.api.answers import problem_answer

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Doorkeeper:
    """Turns away foreign hosts (DNS rebinding), other sites' pages (request forgery) and bodies over the limit."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Sequence[str], body_bytes_limit: int) -> None:
        self.app = app
        self.allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self.body_bytes_limit = body_bytes_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope["method"], Headers(scope=scope))
        except SightloopError as error:
            await problem_answer(error)(scope, receive, send)
            return
        await self.app(scope, self._counted(receive), send)

    def _check(self, method: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if _host_name(host) not in self.allowed_hosts:
            raise Forbidden("This host is not served here.", hint="Name it in the setting api.allowed_hosts.")
        if method not in _SAFE_METHODS:
            origin = headers.get("origin")
            if (origin is not None and urlsplit(origin).netloc.lower() != host.lower()) or (
                headers.get("sec-fetch-site", "none") == "cross-site"
            ):
                raise Forbidden("Pages of other sites may not change anything here.", hint="Call from your own code.")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.body_bytes_limit:
            raise self._too_large()

    def _counted(self, receive: Receive) -> Receive:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.body_bytes_limit:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The body is larger than {self.body_bytes_limit} bytes.",
            hint="Send it in parts, or raise the setting api.body_bytes_limit.",
            limit_bytes=self.body_bytes_limit,
        )


def _host_name(host: str) -> str:
    """The host without its port; an IPv6 address keeps its brackets."""
    return (host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host).lower()
