"""What is checked before any route is looked up: the host asked for, the page that asks, the body's size and pace."""

from __future__ import annotations

import time

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightloop.errors import Forbidden, InvalidInput, SightloopError, TooLarge, TooSlow
from sightloop.interfaces.api.answers import problem_answer
from sightloop.interfaces.api.credentials import SESSION_COOKIE
from sightloop.serving import body_patience_s
from sightloop.settings import ApiSettings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Doorkeeper:
    """Turns away foreign hosts (DNS rebinding), other sites' pages (request forgery), large and slow bodies."""

    def __init__(self, app: ASGIApp, *, settings: ApiSettings) -> None:
        self.app = app
        self.allowed_hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        self.body_bytes_limit = settings.body_bytes_limit
        self.patience_s = settings.patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope, Headers(scope=scope))
        except SightloopError as error:
            await problem_answer(error)(scope, receive, send)
            return
        await self.app(scope, self._counted(receive), send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "").lower()
        if _host_name(host) not in self.allowed_hosts:
            raise Forbidden("This host is not served here.", hint="Name it in the setting api.allowed_hosts.")
        if scope["method"] not in _SAFE_METHODS and not _is_own_page(scope["scheme"], host, headers):
            raise Forbidden("Pages of other sites may not change anything here.", hint="Call from your own code.")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > self.body_bytes_limit:
            raise self._too_large()
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise InvalidInput("The address holds a NUL character.", hint="Leave it out.")

    def _counted(self, receive: Receive) -> Receive:
        began, received, more = time.monotonic(), 0, True

        async def counted() -> Message:
            nonlocal received, more
            if not more:
                return await receive()
            left_s = began + body_patience_s(self.patience_s, received) - time.monotonic()
            try:
                with anyio.fail_after(max(left_s, 0)):
                    message = await receive()
            except TimeoutError as error:
                raise TooSlow("The body did not arrive in time.", hint="Send it at once, or in parts.") from error
            received += len(message.get("body", b""))
            more = bool(message.get("more_body", False))
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


def _is_own_page(scheme: str, host: str, headers: Headers) -> bool:
    """Whether a request that changes something comes from our own page, or from no page at all.

    A browser sends a session cookie by itself, so there the page must show itself (OWASP CSRF Prevention Cheat
    Sheet, "Fetch Metadata" and "Verifying Origin"); a key in a header is sent by whoever holds it.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin.lower() != f"{scheme}://{host}":
        return False
    if site is not None:
        return site == "same-origin" or (site == "none" and "authorization" in headers)
    return origin is not None or "authorization" in headers or SESSION_COOKIE not in headers.get("cookie", "")


def _host_name(host: str) -> str:
    """The host without its port; an IPv6 address keeps its brackets."""
    return host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host
