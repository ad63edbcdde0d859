"""The one way to change records: a transaction that carries its audit entry and its events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from typing_extensions import TypedDict

from sightloop.domain import Caller, Receipt, derived_id, new_id, now
from sightloop.errors import InvalidInput, SightloopError, not_found
from sightloop.events.audit_chain import (
    GENESIS,
    AuditEntry,
    AuditReport,
    append_entry,
    canonical_json,
    find_entries,
    verify,
)
from sightloop.events.paging import read_page
from sightloop.events.tables import chains, deliveries, outbox, receipts, webhooks
from sightloop.storage import Records, faultpoint, insert_once


class Change:
    """An open unit of work. What it executes, emits and receipts commits together or not at all.

    `sequence` is its place in the workspace's audit chain: it rises with every change, so it can order what is made.
    """

    def __init__(self, connection: sa.Connection, caller: Caller, action: str, subject: str, code_version: str) -> None:
        self.connection = connection
        self._caller = caller
        self._action = action
        self._subject = subject
        self._code_version = code_version
        self._at = now()
        self._event_ids: list[str] = []
        chain = connection.execute(
            sa.select(chains).where(chains.c.workspace_id == caller.workspace).with_for_update()
        ).first()
        self._is_first = chain is None
        self.sequence = (chain.audit_sequence if chain else 0) + 1
        self._previous_hash = chain.audit_hash if chain else GENESIS
        self._event_sequence = chain.event_sequence if chain else 0

    def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """The result of the statement, inside this unit of work."""
        result: sa.CursorResult[Any] = self.connection.execute(statement, parameters)
        return result

    def insert_once(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """The number of rows that were new; rows whose key is taken stay as they are."""
        return insert_once(self.connection, table, rows)

    def emit(self, event_type: str, data: Mapping[str, Any]) -> str:
        """The id of the event, which goes to the outbox and to the webhooks that asked for its type.

        Under an idempotency key the same event keeps its id, so a step that runs again does not tell twice.
        """
        if not event_type.startswith("sightloop."):
            raise InvalidInput(f'"{event_type}" is no event type.', hint='Write "sightloop.<thing>.<past participle>".')
        content = canonical_json(data).decode()
        key, workspace = self._caller.idempotency_key, self._caller.workspace
        event_id = (
            new_id("evt")
            if key is None
            else derived_id("evt", workspace, key, self._action, self._subject, event_type, content)
        )
        self._event_ids.append(event_id)
        row = {
            "workspace_id": workspace,
            "sequence": self._event_sequence + 1,
            "id": event_id,
            "type": event_type,
            "subject": self._subject,
            "actor": self._caller.actor,
            "at": self._at.isoformat(),
            "data": dict(data),
            "audit_sequence": self.sequence,
        }
        if insert_once(self.connection, outbox, [row]):
            self._event_sequence += 1
            self._address(event_id, event_type)
        return event_id

    def receipt(
        self,
        kind: str,
        *,
        rule: str,
        subject: str,
        claim: Mapping[str, Any],
        evidence: Mapping[str, Any],
        inputs: Mapping[str, Any],
        outcome: Mapping[str, Any],
        policy: str = "",
        run: str = "",
    ) -> Receipt:
        """The receipt of an automatic decision; under an idempotency key the first one stays."""
        key, workspace = self._caller.idempotency_key, self._caller.workspace
        receipt_id = new_id("rcp") if key is None else derived_id("rcp", workspace, key, kind, subject)
        row = {
            "workspace_id": workspace,
            "id": receipt_id,
            "audit_sequence": self.sequence,
            "kind": kind,
            "rule": rule,
            "subject": subject,
            "claim": dict(claim),
            "evidence": dict(evidence),
            "inputs": dict(inputs),
            "outcome": dict(outcome),
            "policy": policy,
            "run": run,
            "code_version": self._code_version,
            "made_at": self._at.isoformat(),
        }
        insert_once(self.connection, receipts, [row])
        stored = self.connection.execute(
            sa.select(receipts).where(receipts.c.workspace_id == workspace, receipts.c.id == receipt_id)
        ).one()
        return _receipt(stored)

    def finish(self) -> None:
        """Returns once the audit entry and the heads are written; raises where nothing was emitted."""
        if not self._event_ids:
            raise SightloopError(
                f'The change "{self._action}" emitted no event, so it was undone.',
                hint="Call change.emit(...) before the block ends.",
            )
        fields = {
            "workspace": self._caller.workspace,
            "at": self._at.isoformat(),
            "actor": self._caller.actor,
            "role": str(self._caller.role),
            "action": self._action,
            "subject": self._subject,
            "trace_id": self._caller.trace_id,
            "events": self._event_ids,
        }
        new_hash = append_entry(self.connection, self.sequence, self._previous_hash, fields)
        heads = {
            "audit_sequence": self.sequence,
            "audit_hash": new_hash,
            "event_sequence": self._event_sequence,
        }
        if self._is_first:
            self.connection.execute(sa.insert(chains).values(workspace_id=self._caller.workspace, **heads))
        else:
            self.connection.execute(
                sa.update(chains).where(chains.c.workspace_id == self._caller.workspace).values(heads)
            )

    def _address(self, event_id: str, event_type: str) -> None:
        asked = self.connection.execute(
            sa.select(webhooks.c.id, webhooks.c.event_types).where(webhooks.c.workspace_id == self._caller.workspace)
        )
        rows = [
            {
                "workspace_id": self._caller.workspace,
                "id": derived_id("dlv", self._caller.workspace, hook.id, event_id),
                "webhook_id": hook.id,
                "event_id": event_id,
                "event_sequence": self._event_sequence,
                "state": "pending",
                "attempts": 0,
                "next_at": self._at.isoformat(),
                "status": 0,
                "detail": "",
                "made_at": self._at.isoformat(),
                "ended_at": "",
            }
            for hook in asked
            if any(_asks_for(pattern, event_type) for pattern in hook.event_types)
        ]
        if rows:
            self.connection.execute(sa.insert(deliveries), rows)


class Events:
    """Units of work, and what they left: the outbox, the receipts, the audit chain.

    Args:
        code_version: the version of the code, written into every receipt.
    """

    def __init__(self, records: Records, *, code_version: str = "") -> None:
        self._records = records
        self._code_version = code_version
        self._news = threading.Condition()
        self._listeners: list[Callable[[], None]] = []

    @contextmanager
    def change(self, caller: Caller, action: str, subject: str) -> Iterator[Change]:
        """A unit of work; it commits when the block ends and is undone when the block raises.

        Args:
            action: what is done, such as "dataset.commit".
            subject: opaque id of the thing; never a name or content.

        Raises:
            SightloopError: the block emitted no event; nothing was changed.
        """
        with self._records.write() as connection:
            change = Change(connection, caller, action, subject, self._code_version)
            yield change
            faultpoint("change.unaudited")
            change.finish()
            faultpoint("change.before_commit")
        faultpoint("change.committed")
        with self._news:
            self._news.notify_all()
        for listener in self._listeners:
            listener()

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Returns nothing; the listener is called after each commit and must return at once."""
        self._listeners.append(listener)

    def since(self, workspace: str, after: int, limit: int = 500) -> list[CloudEvent]:
        """The events after that sequence, oldest first, as CloudEvents 1.0 with `sequence` and `actor` added."""
        with self._records.read() as connection:
            rows = connection.execute(
                sa.select(outbox)
                .where(outbox.c.workspace_id == workspace, outbox.c.sequence > after)
                .order_by(outbox.c.sequence)
                .limit(limit)
            )
            return [cloud_event(row) for row in rows]

    def newest(self, workspace: str, limit: int) -> list[CloudEvent]:
        """The newest events, newest first, in the shape of `since`."""
        query = sa.select(outbox).where(outbox.c.workspace_id == workspace)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(outbox.c.sequence.desc()).limit(limit))
            return [cloud_event(row) for row in rows]

    def wait(self, workspace: str, after: int, timeout_s: float) -> list[CloudEvent]:
        """The events after that sequence as soon as there are any; empty when the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._news:
                found = self.since(workspace, after)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._news.wait(min(left, 1.0))

    def receipt(self, caller: Caller, receipt_id: str) -> Receipt:
        """The receipt. Raises NotFound outside the caller's workspace too."""
        with self._records.read() as connection:
            row = connection.execute(
                sa.select(receipts).where(receipts.c.workspace_id == caller.workspace, receipts.c.id == receipt_id)
            ).first()
        if row is None:
            raise not_found("receipt", receipt_id, hint="List them: sightloop receipt list")
        return _receipt(row)

    def receipts(
        self, caller: Caller, *, kind: str | None = None, subject: str | None = None, limit: int = 100, cursor: str = ""
    ) -> list[Receipt]:
        """Receipts, newest first. `cursor` is the id of the last one seen."""
        query = sa.select(receipts).where(receipts.c.workspace_id == caller.workspace)
        if kind is not None:
            query = query.where(receipts.c.kind == kind)
        if subject is not None:
            query = query.where(receipts.c.subject == subject)
        order = (receipts.c.audit_sequence, receipts.c.id)
        page = partial(read_page, workspace=caller.workspace, what="receipt", limit=limit, cursor=cursor)
        with self._records.read() as connection:
            return [_receipt(row) for row in page(connection, query, order, newest_first=True)]

    def audit(
        self,
        caller: Caller,
        limit: int = 100,
        cursor: str = "",
        *,
        newest: bool = False,
        actor: str | None = None,
        subject: str | None = None,
        action: str | None = None,
    ) -> list[AuditEntry]:
        """The audit entries that match, oldest or newest first.

        Args:
            cursor: the sequence of the last one seen; raises InvalidInput.
            action: the whole action, or its beginning with a star: "labels.*".
        """
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            raise InvalidInput("This is no cursor of the audit.", hint="Start again without a cursor.")
        with self._records.read() as connection:
            return find_entries(
                connection,
                caller.workspace,
                after=int(cursor or 0),
                limit=limit,
                newest=newest,
                actor=actor,
                subject=subject,
                action=action,
            )

    def audit_verify(self, workspace: str) -> AuditReport:
        """A report on the workspace's whole audit chain."""
        with self._records.read() as connection:
            return verify(connection, workspace)


class CloudEvent(TypedDict):
    """An event as CloudEvents 1.0 has it (JSON format, section 3), with its sequence and its actor."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    sequence: int
    actor: str
    data: Mapping[str, Any]


def cloud_event(row: sa.Row[Any]) -> CloudEvent:
    """The outbox row as a CloudEvents 1.0 envelope (JSON format, section 3)."""
    return {
        "specversion": "1.0",
        "id": row.id,
        "source": f"/workspaces/{row.workspace_id}",
        "type": row.type,
        "subject": row.subject,
        "time": row.at,
        "datacontenttype": "application/json",
        "sequence": row.sequence,
        "actor": row.actor,
        "data": row.data,
    }


def _asks_for(pattern: str, event_type: str) -> bool:
    return pattern in ("*", event_type) or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))


def _receipt(row: sa.Row[Any]) -> Receipt:
    fields = dict(row._mapping)
    del fields["workspace_id"], fields["audit_sequence"]
    return Receipt(**{**fields, "made_at": datetime.fromisoformat(row.made_at)})
