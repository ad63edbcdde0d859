"""What handlers take in, strict bodies and filters, and the lists that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from sightloop.errors import InvalidInput

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=1000, description="Items on this page at most.")]
AllOrLimit = Annotated[int | None, Query(ge=1, le=1000, description="Items on this page at most; none for all.")]
Cursor = Annotated[str, Query(description="`next_cursor` of the page before; empty for the first.")]
Name = Annotated[str, Field(max_length=200)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Where = Annotated[str | None, Query(description='Filter as JSON, for example {"cell_type": "mono"}.')]


class Body(BaseModel):
    """A request body in which an unknown field is an error; a text of unsaid length has 2,000 characters at most."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=2000)


def filter_of(where: str | None) -> dict[str, Any] | None:
    """The filter, or None where none was given; raises InvalidInput."""
    if not where:
        return None
    try:
        parsed = orjson.loads(where)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidInput("The filter is not a JSON object.", hint='For example {"cell_type": "mono"}.')
    return parsed


def sequence_of(cursor: str) -> int:
    """The sequence that a cursor names, 0 for none; raises InvalidInput."""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise InvalidInput("This is no cursor of this list.", hint="Start again without a cursor.")
    return int(cursor or 0)


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """Some items in order, and the cursor that the next ones start after; it is empty at the end."""

    items: Sequence[T]
    next_cursor: str = ""


def page_of(items: Sequence[T], limit: int | None, cursor_of: Callable[[T], str]) -> Listed[T]:
    """A page; a full one carries the cursor that the next one starts after."""
    return Listed(items, cursor_of(items[-1]) if len(items) == limit else "")


def items_of(items: Iterable[T]) -> Listed[T]:
    """A list that comes whole."""
    return Listed(list(items))
