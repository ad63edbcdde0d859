"""Answers kept by idempotency key, so that a request sent twice is done once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sightloop.domain import Caller, now
from sightloop.errors import Conflict
from sightloop.events.tables import idempotency
from sightloop.storage import Records, insert_once


class Idempotency:
    """Remembers the answer to a request under its key and route."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def recall(self, caller: Caller, route: str, request_digest: str) -> tuple[int, Any] | None:
        """Status and response of the same request, or None. Raises Conflict where the key came with another one."""
        if caller.idempotency_key is None:
            return None
        with self._records.read() as connection:
            row = connection.execute(
                sa.select(idempotency).where(
                    idempotency.c.workspace_id == caller.workspace,
                    idempotency.c.key == caller.idempotency_key,
                    idempotency.c.route == route,
                )
            ).first()
        if row is None:
            return None
        if row.request_digest != request_digest:
            raise Conflict(
                "This idempotency key came with another request before.", hint="Use a new key for a new request."
            )
        return row.status, row.response

    def remember(self, caller: Caller, route: str, request_digest: str, status: int, response: Any) -> None:
        """Returns nothing; the first answer under a key stays."""
        if caller.idempotency_key is None:
            return
        row = {
            "workspace_id": caller.workspace,
            "key": caller.idempotency_key,
            "route": route,
            "request_digest": request_digest,
            "status": status,
            "response": response,
            "made_at": now().isoformat(),
        }
        with self._records.write() as connection:
            insert_once(connection, idempotency, [row])

    def retire(self, caller: Caller, before: datetime) -> int:
        """How many answers from before the moment are kept no longer: the same request would then be done again."""
        old = (idempotency.c.workspace_id == caller.workspace) & (idempotency.c.made_at < before.isoformat())
        with self._records.write() as connection:
            return int(connection.execute(sa.delete(idempotency).where(old)).rowcount)
