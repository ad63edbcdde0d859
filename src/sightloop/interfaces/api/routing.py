"""Routes that say aloud which permission they need; nothing is served that did not say so."""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from sightloop.app import Installation
from sightloop.domain import Caller, Permission, new_id, require
from sightloop.errors import InvalidInput, SightloopError
from sightloop.interfaces.api.answers import answer, problem_answer
from sightloop.interfaces.api.bodies import LimitedRequest
from sightloop.interfaces.api.credentials import Credentials, address_of
from sightloop.interfaces.api.description import JSON, answers_of, body_of
from sightloop.interfaces.api.repeats import Repeats

PREFIX = "/api/v1"
PERMISSION_FIELD = "x-sightloop-permission"
_KEPT_FIELD = "x-sightloop-answer-kept"
_KEY = re.compile(r"[!-~]{1,128}")
_TRACE = re.compile(r"[0-9a-f]{32}")

Endpoint = Callable[..., Any]
log = logging.getLogger("sightloop.api")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a handler works with: the installation, on whose behalf, and the request as it came."""

    installation: Installation
    caller: Caller
    request: Request


def _asked(request: Request) -> Asked:
    return Asked(request.app.state.installation, request.state.caller, request)


Ask = Annotated[Asked, Depends(_asked)]


@dataclass(frozen=True, slots=True)
class Declared:
    """One route.

    Attributes:
        kept: whether its answer is kept under the idempotency key of the request. Not kept are answers that hold a
            secret, and those of requests that are harmless to repeat.
        takes: media type of the body that its handler reads by itself; empty where there is none.
        gives: media type of its answer.
    """

    method: str
    path: str
    endpoint: Endpoint
    permission: Permission
    tag: str
    kept: bool
    takes: str
    gives: str


class Routes:
    """The routes of one room, collected by decorators that cannot be used without a permission."""

    def __init__(self, tag: str, prefix: str = PREFIX) -> None:
        self.tag = tag
        self.prefix = prefix
        self.declared: list[Declared] = []

    def get(self, path: str, *, permission: Permission, gives: str = JSON) -> Callable[[Endpoint], Endpoint]:
        return self._declare("GET", path, permission, gives=gives)

    def post(
        self, path: str, *, permission: Permission, kept: bool = True, takes: str = "", gives: str = JSON
    ) -> Callable[[Endpoint], Endpoint]:
        return self._declare("POST", path, permission, kept=kept, takes=takes, gives=gives)

    def delete(self, path: str, *, permission: Permission) -> Callable[[Endpoint], Endpoint]:
        return self._declare("DELETE", path, permission)

    def _declare(
        self,
        method: str,
        path: str,
        permission: Permission,
        *,
        kept: bool = False,
        takes: str = "",
        gives: str = JSON,
    ) -> Callable[[Endpoint], Endpoint]:
        def decorate(endpoint: Endpoint) -> Endpoint:
            declared = Declared(method, self.prefix + path, endpoint, permission, self.tag, kept, takes, gives)
            self.declared.append(declared)
            return endpoint

        return decorate


class GuardedRoute(APIRoute):
    """Authenticates, authorises and answers repeats before the body is so much as parsed."""

    @property
    def permission(self) -> Permission:
        return Permission((self.openapi_extra or {})[PERMISSION_FIELD])

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        serve = super().get_route_handler()
        permission = self.permission
        kept = bool((self.openapi_extra or {})[_KEPT_FIELD])
        route = f"{'|'.join(sorted(self.methods or ()))} {self.path}"

        takes_json = self.body_field is not None

        async def handle(plain: Request) -> Response:
            try:
                caller = await _admit(plain, permission)
                key = _key(plain)
                settings = plain.app.state.installation.settings.api
                limit = settings.json_bytes_limit if takes_json else settings.body_bytes_limit
                request = LimitedRequest(plain.scope, plain.receive, limit)
                request.state.caller = replace(caller, idempotency_key=f"{caller.actor}/{key}") if key else caller
                if takes_json:
                    await request.read_json()
                if key is None or not kept:
                    return await serve(request)
                repeats: Repeats = request.app.state.repeats
                return await repeats.once(request, request.state.caller, route, serve)
            except (SightloopError, RequestValidationError, HTTPException):
                raise
            except Exception as error:
                return _unexpected(error)

        return handle


async def _admit(request: Request, permission: Permission) -> Caller:
    credentials: Credentials = request.app.state.credentials
    address = address_of(request)
    if permission is Permission.PUBLIC:
        return credentials.anonymous(address)
    headers = dict(request.headers)
    if request.method == "GET" and "workspace" in request.query_params:  # a browser's player can send no header
        headers.setdefault("sightloop-workspace", request.query_params["workspace"])
    caller = await run_sync(credentials.caller, headers, request.cookies, address)
    require(caller, permission)
    return replace(caller, trace_id=_trace_id(request.headers.get("traceparent", "")))


def _key(request: Request) -> str | None:
    """The idempotency key; raises InvalidInput where it is none."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput("The idempotency key is none.", hint="Send 1 to 128 ASCII characters, such as a UUID.")
    return key


def _trace_id(traceparent: str) -> str:
    """The trace id of a W3C traceparent header (Trace Context, section 3.2), or an empty text."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and _TRACE.fullmatch(parts[1]) else ""


def _unexpected(error: Exception) -> Response:
    incident = new_id("err")
    log.error("unexpected error %s", incident, exc_info=error)
    return problem_answer(
        SightloopError(
            "Something went wrong inside Sightloop.",
            hint=f"The log of the server holds the details under {incident}.",
            incident=incident,
        )
    )


@functools.cache
def routes_of(rooms: tuple[Routes, ...]) -> tuple[BaseRoute, ...]:
    """Every declared route, for any application of the process: whose it is comes with the request."""
    router = APIRouter()
    for room in rooms:
        for declared in room.declared:
            router.add_api_route(
                declared.path,
                _presented(declared.endpoint),
                methods=[declared.method],
                operation_id=declared.endpoint.__name__,
                tags=[declared.tag],
                response_model=None,
                response_class=Response,
                responses=answers_of(declared.gives),
                route_class_override=GuardedRoute,
                openapi_extra={
                    **body_of(declared.takes),
                    "security": [] if declared.permission is Permission.PUBLIC else [{"key": []}],
                    PERMISSION_FIELD: str(declared.permission),
                    _KEPT_FIELD: declared.kept,
                },
            )
    return tuple(router.routes)


def undeclared(routes: Iterable[BaseRoute]) -> list[str]:
    """The paths of routes that do not say which permission they need."""
    return [getattr(route, "path", repr(route)) for route in routes if not isinstance(route, GuardedRoute)]


def _presented(endpoint: Endpoint) -> Endpoint:
    """The endpoint with its result turned into a response; a Response passes as it is."""

    def present(result: Any) -> Response:
        return result if isinstance(result, Response) else answer(result)

    if inspect.iscoroutinefunction(endpoint):
        waiting: Callable[..., Awaitable[Any]] = endpoint

        @functools.wraps(endpoint)
        async def run_async(*args: Any, **kwargs: Any) -> Response:
            return present(await waiting(*args, **kwargs))

        wrapped: Endpoint = run_async
    else:

        @functools.wraps(endpoint)
        def run(*args: Any, **kwargs: Any) -> Response:
            return present(endpoint(*args, **kwargs))

        wrapped = run
    wrapped.__signature__ = inspect.signature(endpoint, eval_str=True)  # type: ignore[attr-defined]
    return wrapped
