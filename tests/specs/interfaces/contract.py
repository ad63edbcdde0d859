"""The operations of the API as it describes them, each ready to be asked with a text wherever one may stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Operation:
    """One operation: `body` is the JSON schema of its body without references, or None; `raw` its bytes' type."""

    method: str
    path: str
    permission: str
    query: Mapping[str, Mapping[str, Any]]
    body: Mapping[str, Any] | None
    raw: str

    @property
    def text_fields(self) -> list[str]:
        """Where a text may stand: path parameters, query parameters and fields of the body, by name."""
        query = [name for name, schema in self.query.items() if _is_text(schema)]
        fields = (self.body or {}).get("properties", {})
        return [*re.findall(r"\{(\w+)\}", self.path), *query, *fields]

    def filled(self, value: str, only: str | None = None) -> dict[str, Any]:
        """The arguments of a request with the value in every text, or in the one field of that name only."""

        def text(name: str, otherwise: str = "none") -> str:
            return value if only in (None, name) else otherwise

        url = re.sub(r"\{(\w+)\}", lambda match: quote(text(match[1]), safe=""), self.path)
        params: dict[str, Any] = {
            name: text(name)
            for name, schema in self.query.items()
            if _is_text(schema) and (only is None or name == only or schema.get("required"))
        }
        if self.path.endswith("/events"):
            params["follow"] = False
        request: dict[str, Any] = {"url": url, "params": params}
        if self.body is not None:
            request["json"] = _filled(self.body, text, "", complete=only is None, only=only)
        elif self.raw:
            request["content"] = value.encode(errors="replace")
            request["headers"] = {"Content-Type": self.raw}
        return request


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation of an OpenAPI document."""
    return list(_operations(document))


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            content = described.get("requestBody", {}).get("content", {})
            body = content.get("application/json", {}).get("schema")
            query = {
                one["name"]: {**_plain(one["schema"], document), "required": one.get("required", False)}
                for one in described.get("parameters", [])
                if one["in"] == "query"
            }
            yield Operation(
                method.upper(),
                path,
                described["x-sightloop-permission"],
                query,
                None if body is None else _plain(body, document),
                next((kind for kind in content if kind != "application/json"), ""),
            )


def _plain(schema: Any, document: Mapping[str, Any]) -> Any:
    """The schema with its references put in place, and the first alternative that is not null."""
    if isinstance(schema, list):
        return [_plain(one, document) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    if "anyOf" in schema:
        chosen = next(one for one in schema["anyOf"] if one.get("type") != "null")
        return _plain({**{k: v for k, v in schema.items() if k != "anyOf"}, **chosen}, document)
    return {name: _plain(inner, document) for name, inner in schema.items()}


def _is_text(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string"


def _filled(schema: Mapping[str, Any], text: Any, name: str, *, complete: bool, only: str | None) -> Any:
    """A value that fits the schema, with `text(name)` for each text."""
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object" and "properties" in schema:
        required = schema.get("required", [])
        return {
            field: _filled(inner, text, field, complete=complete, only=only)
            for field, inner in schema["properties"].items()
            if complete or field in required or field == only
        }
    if kind == "object":
        inner = schema.get("additionalProperties")
        nested = inner if isinstance(inner, Mapping) else {"type": "string"}
        return {text(name): _filled(nested, text, name, complete=complete, only=only)}
    if kind == "array":
        return [_filled(schema.get("items", {"type": "string"}), text, name, complete=complete, only=only)]
    if kind == "integer":
        return int(schema.get("minimum", 1))
    if kind == "number":
        return float(schema.get("maximum", 0.05)) / 2
    if kind == "boolean":
        return False
    return text(name)
