"""A request sent twice under one idempotency key is done once and answered the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import anyio
import orjson
from anyio.to_thread import run_sync
from fastapi import Request, Response

from sightloop.domain import Caller, digest_of
from sightloop.events import Idempotency
from sightloop.interfaces.api.answers import answer
from sightloop.storage import faultpoint

_JSON = "application/json"


class Repeats:
    """Recalls answers, and lets two requests under one key take turns."""

    def __init__(self, idempotency: Idempotency) -> None:
        self._idempotency = idempotency
        self._turns: WeakValueDictionary[tuple[str, str], anyio.Lock] = WeakValueDictionary()

    async def once(
        self, request: Request, caller: Caller, route: str, serve: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """The response to the request, done now or kept from before. Only successes are kept.

        Raises:
            Conflict: the key came with another request before.
        """
        asked = f"{request.url.path}?{request.url.query}\n".encode() + await request.body()
        digest = await run_sync(digest_of, asked)
        turn = self._turns.setdefault((caller.workspace, str(caller.idempotency_key)), anyio.Lock())
        async with turn:
            known = await run_sync(self._idempotency.recall, caller, route, digest)
            if known is not None:
                status, kept = known
                return answer(kept, status)
            response = await serve(request)
            if response.status_code < 300 and response.media_type == _JSON:
                content = orjson.loads(response.body)
                faultpoint("answer.unkept")
                await run_sync(self._idempotency.remember, caller, route, digest, response.status_code, content)
                faultpoint("answer.kept")
            return response
