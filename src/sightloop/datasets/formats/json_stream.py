"""JSON documents whose long lists are gone through one element at a time, so that they need not be held as objects."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Generator, Iterator
from json import JSONDecodeError
from typing import Any, Final, NamedTuple

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


class Part(NamedTuple):
    """A member of the document, or one element of a list in it: the member's name, the value, where its text begins."""

    name: str
    value: Any
    start: int


def parts(text: str, lists: Collection[str]) -> Iterator[Part]:
    """Each member of the document, which is an object; of the lists that are named, each element.

    The document may itself be a list: its elements are those of the member "".

    Raises:
        JSONDecodeError: not JSON, with the place.
        ValueError: neither an object nor a list.
        RecursionError: nested too deeply.
    """
    at = _skip(text, 0)
    first = text[at : at + 1]
    if first == "[" and "" in lists:
        at = yield from _elements(text, at, "")
    elif first == "{":
        at = _skip(text, at + 1)
        while text[at : at + 1] != "}":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if not isinstance(name, str) or text[at : at + 1] != ":":
                raise JSONDecodeError("no name", text, at)
            at = _skip(text, at + 1)
            if name in lists and text[at : at + 1] == "[":
                at = yield from _elements(text, at, name)
            else:
                value, end = _DECODER.raw_decode(text, at)
                yield Part(name, value, at)
                at = end
            at = _next(text, at, "}")
        at += 1
    else:
        raise JSONDecodeError("no document", text, at)
    if _skip(text, at) != len(text):
        raise JSONDecodeError("more after the end", text, at)


def part_at(text: str, start: int) -> Any:
    """The value whose text begins there."""
    return _DECODER.raw_decode(text, start)[0]


def _elements(text: str, at: int, name: str) -> Generator[Part, None, int]:
    """Yields the elements of the list that begins there; its return value is where it ends."""
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield Part(name, value, at)
        at = _next(text, end, "]")
    return at + 1


def _next(text: str, at: int, end: str) -> int:
    """Where the next element begins, or the end stands."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        at = _skip(text, at + 1)
        if text[at : at + 1] == end:
            raise JSONDecodeError("nothing after a comma", text, at)
    elif text[at : at + 1] != end:
        raise JSONDecodeError("no comma", text, at)
    return at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()
