"""The one place where the SDK speaks HTTP: keys, pages, retries and errors."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from sightloop.errors import InvalidInput, SightloopError, Unavailable, from_problem
from sightloop.interfaces.sdk.records import Record, plain

_TRIES = 3
_LONGEST_WAIT_S = 10.0
_PAGE = 500


class Connection:
    """A client of one workspace. `local` tells that the server sees the same disk as we do."""

    def __init__(self, http: httpx.Client, *, local: bool = False) -> None:
        self.http = http
        self.local = local

    def get(self, path: str, **params: Any) -> Record:
        """The JSON answer, with objects as records."""
        return Record(self._send("GET", path, params=_given(params)).json())

    def items(self, path: str, **params: Any) -> Sequence[Record]:
        """The items of a list that comes whole."""
        return items_of(self.get(path, **params))

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None, **params: Any
    ) -> Record:
        """The JSON answer to a POST. The key (made here if none is given) makes a repeat answer the same."""
        content = json.dumps({} if body is None else plain_body(body)).encode()
        return self._post(path, content, "application/json", key, params)

    def post_for_bytes(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The bytes that answer a POST of JSON which is harmless to repeat."""
        return self._send("POST", path, json=plain_body(body)).content

    def post_bytes(self, path: str, content: bytes, *, key: str | None = None, **params: Any) -> Record:
        """The JSON answer to a POST of raw bytes."""
        return self._post(path, content, "application/octet-stream", key, params)

    def post_text(self, path: str, text: str, *, key: str | None = None) -> Record:
        """The JSON answer to a POST of text (YAML)."""
        return self._post(path, text.encode(), "application/yaml", key, {})

    def delete(self, path: str) -> Record:
        """The JSON answer to a DELETE."""
        return Record(self._send("DELETE", path).json())

    def read(self, path: str, **params: Any) -> bytes:
        """The bytes of the answer: media, bundles, exports."""
        return self._send("GET", path, params=_given(params)).content

    def save(self, path: str, target: str | Path, **params: Any) -> Path:
        """The file that now holds the bytes of the answer; raises InvalidInput where it cannot be written."""
        file, content = Path(target), self.read(path, **params)
        try:
            file.write_bytes(content)
        except OSError as error:
            raise InvalidInput(
                f'The file "{file.name}" cannot be written.', hint="Check that its folder exists and has room."
            ) from error
        return file

    def text(self, path: str) -> str:
        """The text of the answer."""
        return self._send("GET", path).text

    def pages(self, path: str, *, limit: int | None = None, **params: Any) -> Iterator[Record]:
        """The items of all pages in order, at most `limit` of them."""
        cursor, left = "", limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            page = self.get(path, limit=size, cursor=cursor or None, **params)
            yield from items_of(page)
            left = None if left is None else left - len(items_of(page))
            cursor = page["next_cursor"]
            if not cursor:
                return

    def lines(self, path: str, **params: Any) -> Iterator[str]:
        """The lines of a server-sent event stream as they arrive."""
        with self.http.stream("GET", path, params=_given(params), timeout=None) as response:
            if response.is_error:
                response.read()
                raise _error(response)
            yield from response.iter_lines()

    def close(self) -> None:
        self.http.close()

    def _post(self, path: str, content: bytes, kind: str, key: str | None, params: Mapping[str, Any]) -> Record:
        headers = {"Content-Type": kind, "Idempotency-Key": key or uuid.uuid4().hex}
        return Record(self._send("POST", path, params=_given(params), content=content, headers=headers).json())

    def _send(self, method: str, path: str, **how: Any) -> httpx.Response:
        for attempt in range(1, _TRIES + 1):
            try:
                response = self.http.request(method, path, **how)
            except httpx.TransportError as error:
                if attempt == _TRIES:
                    raise Unavailable("The server does not answer.", hint="Is it running? sightloop serve") from error
            else:
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS and attempt < _TRIES:
                    time.sleep(min(float(response.headers.get("retry-after", 1)), _LONGEST_WAIT_S))
                elif response.is_error:
                    raise _error(response)
                else:
                    return response
        raise AssertionError("unreachable")


class Noun:
    """One noun of a workspace: its methods are one REST call each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


class Handle(Record):
    """A record that knows its connection, so that it has verbs of its own."""

    __slots__ = ("_connection",)
    _connection: Connection

    def __init__(self, fields: Mapping[str, Any], connection: Connection) -> None:
        super().__init__(fields)
        object.__setattr__(self, "_connection", connection)


def items_of(answer: Record) -> Sequence[Record]:
    """The items of an answered list."""
    found: Sequence[Record] = answer["items"]
    return found


def reference(thing: str | Mapping[str, Any]) -> str:
    """The id of a thing given as a record, or the reference that was given as text."""
    return thing if isinstance(thing, str) else str(thing["id"])


def references(things: Sequence[str | Mapping[str, Any]]) -> list[str]:
    """The ids of several things."""
    return [reference(thing) for thing in things]


def part(thing: str | Mapping[str, Any]) -> str:
    """A reference as one part of a path."""
    return quote(reference(thing), safe="@")


def plain_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without fields that were not given, records as plain objects."""
    return {name: plain(value) for name, value in body.items() if value is not None}


def where_text(where: Mapping[str, Any] | None) -> str | None:
    """A filter as it travels in a query string."""
    return json.dumps(where) if where else None


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _error(response: httpx.Response) -> SightloopError:
    try:
        problem = response.json()
    except ValueError:
        return Unavailable(f"The server answered {response.status_code} without a problem document.")
    return from_problem(problem)
