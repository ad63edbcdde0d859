"""The API's description of itself (OpenAPI 3.1): what each route takes and gives, how an answer may fail, who may ask.

What a route gives is the type that its handler says it returns.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args, get_origin

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from sightloop.errors import CODES, SightloopError
from sightloop.interfaces.api.answers import Answered

JSON: Final = "application/json"
_RAW: Final = ("application/octet-stream", "application/vnd.apache.arrow.stream", "application/zip", "image/*")
_PAGES: Final = ("text/html", "text/markdown")
_BINARY: Final = {"type": "string", "format": "binary"}
_PLACE: Final = "#/components/schemas/{model}"
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


class _Given(GenerateJsonSchema):
    """Schemas of values as `answers.to_json` writes them: every field of a dataclass or model is there."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return bool(field.get("required", total)) if field["type"] == "typed-dict-field" else True

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def normalize_name(self, name: str) -> str:
        """The name of a type without brackets and dots: Listed[Sample] is ListedSample."""
        return re.sub(r"\W", "", name)


def described(app: FastAPI) -> dict[str, Any]:
    """The description of the application, made from its routes once. Raises SightloopError as `_add` does."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schemas = components.setdefault("schemas", {})
        _add(schemas, {"Problem": _PROBLEM})
        routes = {route.unique_id: route for route in app.routes if isinstance(route, APIRoute)}
        answers = {name: answer_of(route.endpoint) for name, route in routes.items()}
        asked: list[tuple[str, Literal["serialization"], TypeAdapter[Any]]] = [
            (name, "serialization", TypeAdapter(answer)) for name, answer in answers.items() if answer is not Response
        ]
        found, shared = TypeAdapter.json_schemas(asked, ref_template=_PLACE, schema_generator=_Given)
        _add(schemas, shared.get("$defs", {}))
        for (name, _), schema in found.items():
            for method in routes[name].methods or ():
                done = document["paths"][routes[name].path_format][method.lower()]["responses"]["200"]
                done["content"][JSON]["schema"] = schema
        app.openapi_schema = document
    return app.openapi_schema


def answer_of(endpoint: Callable[..., Any]) -> Any:
    """The type of what the endpoint answers; Response where that is no JSON."""
    answer = inspect.signature(endpoint, eval_str=True).return_annotation
    return get_args(answer)[0] if get_origin(answer) is Answered else answer


def answers_of(gives: str) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: what it gives, and a problem document for whatever fails."""
    schema = _BINARY if gives in _RAW else {"type": "string"} if gives in _PAGES else {}
    failure = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {
        200: {"description": "Done.", "content": {gives: {"schema": schema}}},
        "4XX": {"description": "The request cannot be answered as it is.", **failure},
        "5XX": {"description": "The server cannot answer it now.", **failure},
    }


def body_of(takes: str) -> dict[str, Any]:
    """The request body of a route that reads raw bytes."""
    return {"requestBody": {"required": True, "content": {takes: {"schema": _BINARY}}}} if takes else {}


def _add(schemas: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Returns with the schemas added; raises SightloopError where two that differ have one name."""
    twice = sorted(name for name, schema in more.items() if schemas.get(name, schema) != schema)
    if twice:
        raise SightloopError(
            f"These names mean two things in the description of the API: {', '.join(twice)}.",
            hint="Give what a route takes and what it gives different class names.",
        )
    schemas.update(more)
