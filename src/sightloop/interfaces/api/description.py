"""The API's description of itself (OpenAPI 3.1): bodies that are no JSON, every way an answer may fail, who may ask."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from sightloop.errors import CODES

JSON: Final = "application/json"
_RAW: Final = ("application/octet-stream", "application/vnd.apache.arrow.stream", "application/zip", "image/*")
_BINARY: Final = {"type": "string", "format": "binary"}
_PROBLEM: Final = {
    "type": "object",
    "description": "What went wrong, as RFC 9457 asks, with a code, a hint and whether a retry may help.",
    "required": ["type", "title", "status", "detail", "code", "hint", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "enum": sorted({code.status for code in CODES.values()})},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(CODES)},
        "hint": {"type": "string"},
        "retryable": {"type": "boolean"},
        "facts": {"type": "object"},
    },
}


def described(app: FastAPI) -> dict[str, Any]:
    """The description of the application, made from its routes."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return document


def answers_of(gives: str) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: what it gives, and a problem document for whatever fails."""
    failure = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {
        200: {"description": "Done.", "content": {gives: {"schema": _BINARY if gives in _RAW else {}}}},
        "4XX": {"description": "The request cannot be answered as it is.", **failure},
        "5XX": {"description": "The server cannot answer it now.", **failure},
    }


def body_of(takes: str) -> dict[str, Any]:
    """The request body of a route that reads raw bytes."""
    return {"requestBody": {"required": True, "content": {takes: {"schema": _BINARY}}}} if takes else {}
