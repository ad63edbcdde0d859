"""An ASGI application called in this process."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from sightloop.interfaces.sdk.transport import PortalTransport


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(
        f"{request.method} {request.url.path}?{request.url.query} {(await request.body()).decode()}"
    )


async def endless(_: Request) -> StreamingResponse:
    async def ticks() -> AsyncIterator[bytes]:
        for number in range(1_000_000):
            yield b"%d\n" % number
            await anyio.sleep(0.01)

    return StreamingResponse(ticks())


async def broken(_: Request) -> PlainTextResponse:
    raise ValueError("the application fell over")


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    routes = [
        Route("/echo/{rest:path}", echo, methods=["GET", "POST"]),
        Route("/endless", endless),
        Route("/broken", broken),
    ]
    transport = PortalTransport(Starlette(routes=routes))
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        yield client


def test_a_request_arrives_whole(client: httpx.Client) -> None:
    assert client.post("/echo/a%2Fb", params={"k": "v w"}, content="body").text == "POST /echo/a/b?k=v+w body"


def test_a_stream_is_read_while_it_is_sent_and_can_be_left(client: httpx.Client) -> None:
    with client.stream("GET", "/endless") as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(3)] == ["0", "1", "2"]
    assert client.get("/echo/").status_code == 200


def test_an_error_of_the_application_reaches_the_caller(client: httpx.Client) -> None:
    with pytest.raises(ValueError, match="fell over"):
        client.get("/broken")


def test_many_threads_may_ask_at_once(client: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: client.get(f"/echo/{n}").text, range(40)))
    assert answers == [f"GET /echo/{n}? " for n in range(40)]
