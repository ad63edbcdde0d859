"""What the API says that it answers, held against what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator


class Promises:
    """The answers that an OpenAPI document describes, read strictly: a field that it does not name is a fault.

    Attributes:
        broken: what `hold` found in answers that is not in the document, a sentence each.
        kept: the names of the operations that have answered 200 with JSON as described.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components = _strict(document["components"])
        self._operations = [
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), described)
            for path, methods in document["paths"].items()
            for method, described in methods.items()
        ]
        self._validators: dict[tuple[str, str], Any] = {}
        self.broken: list[str] = []
        self.kept: set[str] = set()

    def watch(self, http: httpx.Client) -> None:
        """Returns once every answer that the client gets is held to the document."""
        http.event_hooks["response"].append(self.hold)

    def hold(self, response: httpx.Response) -> None:
        """Returns with the answer read and judged; bytes, pages and streams by their media type only.

        Not judged are answers of routes that the document does not have, such as those of the serving process, and the
        files of the dashboard.
        """
        request, status = response.request, str(response.status_code)
        where = f"{request.method} {request.url.path} {status}"
        operation: Mapping[str, Any] | None = next(
            (described for method, form, described in self._operations
             if method == request.method and form.fullmatch(request.url.path)),
            None,
        )  # fmt: skip
        if operation is None or "pages" in operation["tags"]:
            return
        answers = operation["responses"]
        given = status if status in answers else f"{status[0]}XX"
        content = answers.get(given, {}).get("content", {})
        media = response.headers.get("content-type", "").partition(";")[0]
        if media not in content and not (media.startswith("image/") and "image/*" in content):
            self.broken.append(f"{where}: {media} is not described")
        elif media.endswith("json"):
            response.read()
            validator = self._validator(operation["operationId"], given, content[media]["schema"])
            faults = [f"{where}: {'.'.join(map(str, fault.instance_path))}: {fault.message[:300]}"
                      for fault in validator.iter_errors(response.json())]  # fmt: skip
            self.broken += faults
            self.kept |= set() if faults or status != "200" else {operation["operationId"]}

    def _validator(self, operation: str, given: str, schema: Mapping[str, Any]) -> Any:
        key = operation, given
        if key not in self._validators:
            whole = {**_strict(schema), "components": self._components}
            self._validators[key] = Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    inner = {name: _strict(one) for name, one in schema.items()}
    named = inner.get("type") == "object" and "properties" in inner
    return {"additionalProperties": False, **inner} if named else inner
