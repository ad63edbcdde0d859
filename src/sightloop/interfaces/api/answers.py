"""Values become JSON, and errors become problem documents (RFC 9457), in one place."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel

from sightloop.errors import SightloopError

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def to_json(value: Any) -> bytes:
    """The value as JSON: dataclasses as objects, times as ISO 8601, arrays as lists, NaN as null."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def answer(value: Any, status: int = 200) -> Response:
    """A JSON response with the value."""
    return Response(to_json(value), status_code=status, media_type="application/json")


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
