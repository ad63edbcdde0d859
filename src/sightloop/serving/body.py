"""The body of a request, read and unpacked within its limits."""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

from starlette.requests import Request

from sightloop.errors import InvalidInput, Malformed, TooLarge

BODY_TIMEOUT_S: Final = 30.0
WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""RFC 9110, section 8.4.1: `deflate` is the zlib format of RFC 1950."""


async def read_body(request: Request, limit: int) -> bytes:
    """The body as its sender had it before any compression.

    Raises:
        TooLarge: it is, or becomes, larger than `limit` bytes; no more than that is kept or unpacked.
        Malformed: its compression is not gzip or deflate, or it is damaged.
        InvalidInput: it did not arrive in time.
    """
    too_large = TooLarge(f"The body is larger than {limit} bytes.", hint="Ingest large images as samples.")
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise too_large
    except TimeoutError as error:
        raise InvalidInput("The body did not arrive in time.", hint="Send it at once.") from error
    body = b"".join(chunks)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return body
    unpacked = await asyncio.to_thread(unpack, body, encoding, limit)
    if unpacked is None:
        raise too_large
    return unpacked


def unpack(data: bytes, encoding: str, limit: int) -> bytes | None:
    """What was compressed, or None where it is larger than `limit` bytes; raises Malformed."""
    if encoding not in WINDOW_BITS:
        raise Malformed(f'The content encoding "{encoding}" is not taken.', hint="Send gzip, deflate or none.")
    engine = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        unpacked = engine.decompress(data, limit + 1)
    except zlib.error as error:
        raise Malformed(f"The body is not {encoding}.", hint="Send it again, or without compression.") from error
    if len(unpacked) > limit:
        return None
    if not engine.eof or engine.unused_data:
        raise Malformed(f"The body is not one whole {encoding} stream.", hint="Send it again.")
    return unpacked
