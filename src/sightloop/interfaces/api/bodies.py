"""Bodies that end at their limit, and JSON that every store can hold."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any, Final

import orjson
from anyio.to_thread import run_sync
from fastapi import Request
from starlette.types import Receive, Scope

from sightloop.errors import InvalidInput, TooLarge

MAX_DEPTH: Final = 64
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")


class LimitedRequest(Request):
    """A request whose body is at most `limit_bytes` long and whose JSON was read by `read_json` before."""

    def __init__(self, scope: Scope, receive: Receive, limit_bytes: int) -> None:
        super().__init__(scope, receive)
        self._limit_bytes = limit_bytes
        self._parsed: Any = None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        received = 0
        async for chunk in super().stream():
            received += len(chunk)
            if received > self._limit_bytes:
                raise TooLarge(
                    f"The body is larger than {self._limit_bytes} bytes.",
                    hint="Send it in parts, or raise the setting api.json_bytes_limit.",
                    limit_bytes=self._limit_bytes,
                )
            yield chunk

    async def read_json(self) -> None:
        """Returns once the body is read and parsed; raises TooLarge, and InvalidInput as `parse_json` does."""
        if not self.headers.get("content-type", "").lower().startswith("application/json"):
            raise InvalidInput("The body is not JSON.", hint="Send it with Content-Type: application/json.")
        self._parsed = await run_sync(parse_json, await self.body())

    async def json(self) -> Any:
        return self._parsed


def parse_json(text: bytes) -> Any:
    """The value of a JSON text (RFC 8259).

    Raises:
        InvalidInput: it is none, is nested deeper than 64 levels, or holds NaN, half a surrogate pair or a NUL.
    """
    if _depth(text) > MAX_DEPTH:
        raise InvalidInput(f"The JSON is nested deeper than {MAX_DEPTH} levels.", hint="Make it flatter.")
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The body is not JSON: {error.msg}.", hint="Send JSON in UTF-8.") from error
    if b"\\u0000" in text and _holds_nul(parsed):
        raise InvalidInput("The body holds a NUL character.", hint="Leave it out.")
    return parsed


def _depth(text: bytes) -> int:
    deepest = level = 0
    for bracket in _STRING.sub(b"", text).translate(None, _NOT_BRACKET):
        level += 1 if bracket in b"[{" else -1
        deepest = max(deepest, level)
    return deepest


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any("\0" in name or _holds_nul(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(_holds_nul(inner) for inner in value)
    return isinstance(value, str) and "\0" in value
