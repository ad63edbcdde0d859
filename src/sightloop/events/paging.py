"""Pages of rows that keep their place while others are added: a cursor is the id of the last row seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from sightloop.errors import not_found


def read_page(
    connection: sa.Connection,
    query: sa.Select[Any],
    order: Sequence[sa.Column[Any]],
    *,
    workspace: str,
    what: str,
    limit: int,
    cursor: str = "",
    newest_first: bool = False,
) -> Sequence[sa.Row[Any]]:
    """The query's next rows in this order, after the row whose id the cursor is.

    Args:
        order: columns of one table that has `workspace_id` and `id`; together they tell any two of its rows apart.
        what: a row, for the message where the cursor is none.

    Raises:
        NotFound: the workspace has no row of that id.
    """
    table = order[0].table
    if cursor:
        seen = connection.execute(
            sa.select(*order).where(table.c.workspace_id == workspace, table.c.id == cursor)
        ).first()
        if seen is None:
            raise not_found(what, cursor, hint="Start again without a cursor.")
        here, last = sa.tuple_(*order), sa.tuple_(*map(sa.literal, seen))
        query = query.where(here < last if newest_first else here > last)
    sorting = [column.desc() if newest_first else column for column in order]
    return connection.execute(query.order_by(*sorting).limit(limit)).all()
