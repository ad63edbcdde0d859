"""The HTTP door of the serving process: plain routes, each with its permission, every error a problem document."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from sightloop.domain import PROBE, Caller, Permission, Role, require
from sightloop.errors import Forbidden, InvalidInput, NotFound, SightloopError, not_found
from sightloop.serving.batching import Place
from sightloop.serving.body import read_body
from sightloop.serving.door import Asked, PredictionDoor
from sightloop.serving.live import Live, LiveDeployments
from sightloop.serving.protocol import EXTENSIONS, model_metadata, parse_infer, present_infer
from sightloop.serving.refusals import Refusals
from sightloop.serving.segments import SegmentWriter
from sightloop.serving.spool import MediaSpool
from sightloop.settings import Settings

MAX_BODY_BYTES: Final = 32 << 20
MAX_KEY: Final = 200
JSON_BYTES: Final = "inference-header-content-length"
MAX_FACETS: Final = 8
_FACET: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_-]{0,60})=(?P<value>[A-Za-z0-9._:/+-]{1,80})")

Handler = Callable[[Request, Caller], Awaitable[Response]]
Answer = Callable[[Asked, Live, bytes], Response]


class ServingApp:
    """The routes over live deployments and the prediction door."""

    def __init__(
        self,
        live: LiveDeployments,
        door: PredictionDoor,
        segments: SegmentWriter,
        spool: MediaSpool,
        refusals: Refusals,
        settings: Settings,
    ) -> None:
        self._live = live
        self._refusals = refusals
        self._door = door
        self._threads = ThreadPoolExecutor(2 * settings.serving.queue_limit, thread_name_prefix="answer")
        self._body_limit = min(MAX_BODY_BYTES, settings.api.body_bytes_limit)
        self._hosts = {*settings.api.allowed_hosts, settings.serving.host}
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "sightloop_requests", "Answers by deployment and status.", ["deployment", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "sightloop_request_seconds", "Time to the answer.", ["deployment"], registry=self._registry
        )
        self._registry.register(_Gauges(live, segments, spool))
        model = "/v2/models/{name}"
        of_version = f"{model}/versions/{{version}}"
        self.asgi = Router(
            [
                *(
                    route
                    for path in (model, of_version)
                    for route in (
                        self._route(f"{path}/infer", self._infer, Permission.PREDICT, "POST"),
                        self._route(f"{path}/image", self._image, Permission.PREDICT, "POST"),
                        self._route(path, self._model, Permission.PREDICT),
                        self._route(f"{path}/ready", self._model_ready, Permission.PREDICT),
                    )
                ),
                self._route("/healthz", self._alive, Permission.PUBLIC),
                self._route("/v2/health/live", self._alive, Permission.PUBLIC),
                self._route("/v2/health/ready", self._ready, Permission.PUBLIC),
                self._route("/v2", self._server, Permission.PREDICT),
                self._route("/metrics", self._metrics, Permission.READ),
            ],
            redirect_slashes=False,
            default=_no_path,
        )

    def _route(self, path: str, handler: Handler, permission: Permission, method: str = "GET") -> Route:
        return Route(path, _Endpoint(self, handler, permission, method))

    async def answer(self, request: Request, handler: Handler, permission: Permission, method: str) -> Response:
        """The handler's answer, or its error as a problem document."""
        try:
            self._check_host(request)
            if request.method not in (method, "HEAD" if method == "GET" else method):
                raise InvalidInput("This path does not take this method.", hint="See the Open Inference Protocol.")
            caller = self._caller(request, permission)
            require(caller, permission)
            return await handler(request, caller)
        except SightloopError as error:
            return problem(error)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:  # what nobody foresaw is still an answer, and says nothing of the inside
            return problem(SightloopError("The serving process failed on this request.", hint="Try again."))

    def _caller(self, request: Request, permission: Permission) -> Caller:
        if permission is Permission.PUBLIC:
            return Caller(workspace="", actor="", role=Role.ANONYMOUS)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._live.caller(token.strip() if scheme.lower() == "bearer" else "")

    def _check_host(self, request: Request) -> None:
        """Refuses a Host header that is not ours, so that no web page can reach a local server by its own name."""
        host = request.headers.get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if name not in self._hosts:
            raise Forbidden(f'The host "{name}" is not served here.', hint="Add it to the setting api.allowed_hosts.")

    async def _alive(self, request: Request, caller: Caller) -> Response:
        return _json({"live": True})

    async def _ready(self, request: Request, caller: Caller) -> Response:
        ready = all(live.batcher for live in self._live.all()) and not self._live.problem
        return _json({"ready": ready}, 200 if ready else 503)

    async def _server(self, request: Request, caller: Caller) -> Response:
        try:
            number = version("sightloop")
        except PackageNotFoundError:
            number = "unknown"
        return _json({"name": "sightloop", "version": number, "extensions": list(EXTENSIONS)})

    async def _metrics(self, request: Request, caller: Caller) -> Response:
        others = [live.wanted.id for live in self._live.all() if live.wanted.workspace != caller.workspace]
        hidden = tuple(f'deployment="{other}"'.encode() for other in others)
        lines = generate_latest(self._registry).splitlines(keepends=True)
        shown = b"".join(line for line in lines if not any(label in line for label in hidden))
        return Response(shown, media_type=CONTENT_TYPE_LATEST)

    async def _model(self, request: Request, caller: Caller) -> Response:
        return _json(model_metadata(self._find(request, caller)))

    async def _model_ready(self, request: Request, caller: Caller) -> Response:
        live = self._find(request, caller)
        name = live.wanted.name
        return _json({"name": name, "ready": live.batcher is not None}, 200 if live.batcher else 503)

    async def _image(self, request: Request, caller: Caller) -> Response:
        def answer(asked: Asked, live: Live, body: bytes) -> Response:
            return _json(self._door.image(asked, live, body))

        return await self._predict(request, caller, answer)

    async def _infer(self, request: Request, caller: Caller) -> Response:
        json_bytes = request.headers.get(JSON_BYTES, "")

        def answer(asked: Asked, live: Live, body: bytes) -> Response:
            wanted = parse_infer(body, json_bytes)
            if wanted.timeout_ms > 0:
                asked = replace(asked, deadline_ms=wanted.timeout_ms)
                asked.place.expires_at = asked.arrived + wanted.timeout_ms / 1000
            if wanted.media:
                answers = self._door.encoded(asked, live, wanted.media)
            else:
                answers = self._door.tensors(asked, live, wanted.images)
            content, head = present_infer(wanted, live, answers)
            if head:
                return Response(content, headers={JSON_BYTES: str(head)}, media_type="application/octet-stream")
            return Response(content, media_type="application/json")

        return await self._predict(request, caller, answer)

    async def _predict(self, request: Request, caller: Caller, answer: Answer) -> Response:
        live = self._find(request, caller)
        began, label = time.monotonic(), live.wanted.id
        try:
            with live.answering().admitted(caller.actor) as place:
                asked = self._asked(request, caller, place, began)
                body = await read_body(request, self._body_limit)
                leaving = asyncio.ensure_future(_leaves(request, place))
                try:
                    response = await asyncio.get_running_loop().run_in_executor(
                        self._threads, answer, asked, live, body
                    )
                finally:
                    leaving.cancel()
        except SightloopError as error:
            self._requests.labels(label, str(error.status)).inc()
            self._refusals.count(live.wanted.workspace, live.wanted.name, error.status)
            raise
        except ClientDisconnect:
            raise
        except Exception:
            self._refusals.count(live.wanted.workspace, live.wanted.name, 500)
            raise
        self._requests.labels(label, "200").inc()
        self._seconds.labels(label).observe(time.monotonic() - began)
        return response

    def _asked(self, request: Request, caller: Caller, place: Place, arrived: float) -> Asked:
        headers = request.headers
        key = headers.get("idempotency-key") or headers.get("x-request-id") or ""
        if len(key) > MAX_KEY:
            raise InvalidInput(f"The idempotency key is longer than {MAX_KEY} characters.", hint="Send a UUID.")
        trace = headers.get("traceparent", "").split("-")
        try:
            deadline_ms = float(headers.get("x-deadline-ms", "0"))
        except ValueError as error:
            raise InvalidInput("X-Deadline-Ms is not a number.", hint="Send milliseconds.") from error
        purpose = headers.get("x-sightloop-purpose", "")
        if purpose not in ("", PROBE):
            raise InvalidInput("X-Sightloop-Purpose is unknown.", hint=f'Send "{PROBE}", or leave it out.')
        trace_id = trace[1] if len(trace) == 4 else ""
        facets = _facets(headers.get("x-sightloop-facets", ""))
        if deadline_ms > 0:
            place.expires_at = arrived + deadline_ms / 1000
        name = request.path_params["name"]
        return Asked(caller, name, place, arrived, key, trace_id, deadline_ms, purpose, facets)

    def _find(self, request: Request, caller: Caller) -> Live:
        live = self._live.get(caller, request.path_params["name"])
        wanted = request.path_params.get("version")
        serving = live.batcher.engine.model_version if live.batcher else ""
        if wanted is not None and wanted != serving:
            raise not_found("served version", wanted, [serving] if serving else [])
        return live


class _Endpoint:
    """A route as a bare ASGI application: what a framework wraps around a function costs more than the function."""

    def __init__(self, app: ServingApp, handler: Handler, permission: Permission, method: str) -> None:
        self._app = app
        self._what = (handler, permission, method)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._app.answer(Request(scope, receive), *self._what)
        await response(scope, receive, send)


class _Gauges:
    """What is counted elsewhere, read when somebody asks. Deployments are named by their opaque ids."""

    def __init__(self, live: LiveDeployments, segments: SegmentWriter, spool: MediaSpool) -> None:
        self._live = live
        self._segments = segments
        self._spool = spool

    def collect(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("sightloop_queue_depth", "Requests without an answer yet.", labels=["deployment"])
        images = CounterMetricFamily("sightloop_images", "Images predicted.", labels=["deployment"])
        batches = CounterMetricFamily("sightloop_batches", "Batches run.", labels=["deployment"])
        abandoned = CounterMetricFamily(
            "sightloop_abandoned", "Images not predicted: nobody waited for them any more.", labels=["deployment"]
        )
        for live in self._live.all():
            if live.batcher:
                for family, value in (
                    (depth, live.batcher.depth),
                    (images, live.batcher.images),
                    (batches, live.batcher.batches),
                    (abandoned, live.batcher.abandoned),
                ):
                    family.add_metric([live.wanted.id], value)
        yield from (depth, images, batches, abandoned)
        yield GaugeMetricFamily("sightloop_media_spool_bytes", "Media spooled.", value=self._spool.size_bytes)
        yield CounterMetricFamily("sightloop_media_dropped", "Media sampled away.", value=self._spool.dropped)
        yield CounterMetricFamily("sightloop_predictions_dropped", "Logged and lost.", value=self._segments.dropped)


def problem(error: SightloopError) -> Response:
    """The error as problem+json (RFC 9457), with the `error` that the Open Inference Protocol asks for."""
    headers = {"retry-after": str(error.facts["retry_after_s"])} if "retry_after_s" in error.facts else {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    content = orjson.dumps({**error.problem(), "error": error.message})
    return Response(content, error.status, headers, "application/problem+json")


async def _leaves(request: Request, place: Place) -> None:
    """Returns when the client has gone, and what is not predicted by then will not be. The body is read already."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
    place.left = True


async def _no_path(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await problem(NotFound("There is no such path.", hint="Predict: POST /v2/models/NAME/image"))(
            scope, receive, send
        )


def _facets(header: str) -> dict[str, str]:
    """What "camera=3, product=a" declares of an image; raises InvalidInput."""
    parts = [one.strip() for one in header.split(",") if one.strip()]
    found = [_FACET.fullmatch(one) for one in parts]
    facets = {one["name"]: one["value"] for one in found if one}
    if len(facets) < len(parts) or len(parts) > MAX_FACETS:
        raise InvalidInput(
            "X-Sightloop-Facets cannot be read.",
            hint=f"Send at most {MAX_FACETS} like: camera=3, product=a (letters, digits and ._:/+- in values).",
        )
    return facets


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
