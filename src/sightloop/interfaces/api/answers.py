"""Values become JSON, and errors become problem documents (RFC 9457), in one place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Set
from typing import Any, Final, Generic, TypeVar

import orjson
import pyarrow as pa
from fastapi import Request, Response
from pydantic import BaseModel

from sightloop.errors import SightloopError

T = TypeVar("T")
ARROW: Final = "application/vnd.apache.arrow.stream"
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PICTURES: Final = {b"RIFF": "image/webp", b"\x89PNG": "image/png"}
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def to_json(value: Any) -> bytes:
    """The value as JSON: dataclasses as objects, times as ISO 8601, arrays as lists, NaN as null."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


class Answered(Response, Generic[T]):
    """A JSON response with a value of that type, for a handler that has headers or cookies to add."""


def answer(value: T, status: int = 200) -> Answered[T]:
    """A JSON response with the value."""
    return Answered(to_json(value), status_code=status, media_type="application/json")


def unchanged(request: Request, stamp: str) -> Response | None:
    """304 where the client holds what has this stamp, else None."""
    sent = _sealed(stamp)
    return Response(status_code=304, headers=sent) if sent["ETag"] in request.headers.get("if-none-match", "") else None


def arrow(request: Request, table: pa.Table, stamp: str) -> Response:
    """The table as an Arrow IPC stream, or 304 where the client holds it; compressed where it asks for Zstandard.

    Args:
        stamp: differs where the table does.
    """
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed, pa.ipc.new_stream(packed, table.schema) as stream:
        stream.write_table(table)
    return unchanged(request, stamp) or arrow_stream(request, sink.getvalue(), stamp)


def arrow_stream(request: Request, packed: bytes | pa.Buffer, stamp: str) -> Response:
    """The Arrow IPC stream under Zstandard as it is, or unpacked for a client that does not ask for it."""
    sent = _sealed(stamp)
    if "zstd" in request.headers.get("accept-encoding", ""):
        sent["Content-Encoding"] = "zstd"
    else:
        packed = pa.CompressedInputStream(pa.BufferReader(packed), "zstd").read()
    return Response(memoryview(packed), headers=sent, media_type=ARROW)


def _sealed(stamp: str) -> dict[str, str]:
    seal = f'"{hashlib.sha256(stamp.encode()).hexdigest()[:32]}"'
    return {"ETag": seal, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}


def picture(data: bytes, *, seal: str = "") -> Response:
    """An image from outside, which a browser may show and must not take for anything else.

    Args:
        seal: names content that never changes, so that a browser keeps it.
    """
    kind = _PICTURES.get(data[:4], "image/jpeg")
    lasting = {"ETag": f'"{seal}"', "Cache-Control": "private, max-age=31536000, immutable"}
    return Response(data, media_type=kind, headers=lasting if seal else None)


def ranged(request: Request, data: bytes, kind: str, *, seal: str) -> Response:
    """The bytes, or the one range of them that is asked for (RFC 9110, 14.2): players seek so.

    Args:
        seal: names content that never changes.
    """
    sent = {"ETag": f'"{seal}"', "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=31536000, immutable"}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", f'"{seal}"') != f'"{seal}"' or not any(asked.groups()):
        return Response(data, media_type=kind, headers=sent)
    first, last = asked.groups()
    begin = int(first) if first else max(0, len(data) - int(last))
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if begin > end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
    sent["Content-Range"] = f"bytes {begin}-{end}/{len(data)}"
    return Response(data[begin : end + 1], 206, media_type=kind, headers=sent)


def attachment(data: bytes) -> Response:
    """Bytes of unknown origin: saved by a browser, never rendered."""
    return Response(data, media_type="application/octet-stream", headers={"Content-Disposition": "attachment"})


def problem_answer(error: SightloopError, headers: Mapping[str, str] | None = None) -> Response:
    """The error as application/problem+json, with Retry-After where a retry may help."""
    sent = dict(headers or {})
    if error.retryable:
        sent["Retry-After"] = str(error.facts.get("retry_after_s", 1))
    if error.status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if error.status in (408, 413):  # what is left of the body is not waited for
        sent["Connection"] = "close"
    return Response(to_json(error.problem()), error.status, sent, media_type="application/problem+json")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} cannot be shown as JSON")
