"""What handlers take in: strict bodies, pages, filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from sightloop.errors import InvalidInput

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


def page_of(items: Sequence[Any], limit: int | None, cursor_of: Callable[[Any], str]) -> dict[str, Any]:
    """A page; a full one carries the cursor that the next one starts after."""
    return {"items": items, "next_cursor": cursor_of(items[-1]) if len(items) == limit else ""}


def items_of(items: Any) -> dict[str, Any]:
    """A list that comes whole."""
    return {"items": list(items), "next_cursor": ""}
