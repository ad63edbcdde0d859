"""The audit chain: each entry's hash covers the one before it, so that no past entry can change unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from sightloop.domain import digest_of
from sightloop.events.tables import audit, chains, outbox

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which thing, by opaque ids only: names would break the chain at the first erasure."""

    workspace: str
    sequence: int
    at: str
    actor: str
    role: str
    action: str
    subject: str
    trace_id: str
    events: tuple[str, ...]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check of the chain found. `head` is worth keeping elsewhere: it vouches for everything before it."""

    ok: bool
    entries: int
    head: str
    problems: tuple[str, ...]


def canonical_json(value: Any) -> bytes:
    """The value as JSON with sorted keys and no spaces: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def entry_hash(previous_hash: str, fields: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash and the canonical JSON of the entry's own fields."""
    return digest_of(previous_hash.encode() + canonical_json(fields))


def append_entry(connection: sa.Connection, sequence: int, previous_hash: str, fields: Mapping[str, Any]) -> str:
    """The hash of the new entry, which is written on this connection."""
    hashed = {**fields, "sequence": sequence}
    new_hash = entry_hash(previous_hash, hashed)
    row = {**hashed, "workspace_id": hashed["workspace"], "previous_hash": previous_hash, "hash": new_hash}
    del row["workspace"]
    connection.execute(sa.insert(audit).values(row))
    return new_hash


def read_entries(connection: sa.Connection, workspace: str, after: int, limit: int | None) -> Iterator[AuditEntry]:
    """The entries after that sequence, oldest first."""
    query = (
        sa.select(audit)
        .where(audit.c.workspace_id == workspace, audit.c.sequence > after)
        .order_by(audit.c.sequence)
        .limit(limit)
    )
    yield from map(_entry, connection.execute(query).mappings())


def find_entries(
    connection: sa.Connection,
    workspace: str,
    *,
    after: int,
    limit: int,
    newest: bool,
    actor: str | None,
    subject: str | None,
    action: str | None,
) -> list[AuditEntry]:
    """The entries that match, oldest or newest first; `after` is the last sequence seen, 0 for none.

    Args:
        action: the whole action, or its beginning with a star: "labels.*".
    """
    query = sa.select(audit).where(audit.c.workspace_id == workspace)
    if after:
        query = query.where(audit.c.sequence < after if newest else audit.c.sequence > after)
    if actor is not None:
        query = query.where(audit.c.actor == actor)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if action is not None:
        starts = audit.c.action.startswith(action.removesuffix("*"), autoescape=True)
        query = query.where(starts if action.endswith("*") else audit.c.action == action)
    order = audit.c.sequence.desc() if newest else audit.c.sequence
    return [_entry(row) for row in connection.execute(query.order_by(order).limit(limit)).mappings()]


def _entry(row: sa.RowMapping) -> AuditEntry:
    fields = {**row, "workspace": row["workspace_id"], "events": tuple(row["events"])}
    del fields["workspace_id"]
    return AuditEntry(**fields)


def verify(connection: sa.Connection, workspace: str) -> AuditReport:
    """A report on the whole chain: changed, missing and cut-off entries are named."""
    problems: list[str] = []
    expected, previous, count = 1, GENESIS, 0
    for entry in read_entries(connection, workspace, 0, None):
        count += 1
        if entry.sequence != expected:
            problems.append(f"Entries {expected} to {entry.sequence - 1} are missing.")
        elif entry.previous_hash != previous:
            problems.append(f"Entry {entry.sequence} does not follow the one before it.")
        fields = asdict(entry)
        del fields["previous_hash"], fields["hash"]
        if entry_hash(entry.previous_hash, {**fields, "events": list(entry.events)}) != entry.hash:
            problems.append(f"Entry {entry.sequence} is not what was written.")
        expected, previous = entry.sequence + 1, entry.hash
    head = connection.execute(sa.select(chains).where(chains.c.workspace_id == workspace)).mappings().first()
    told = connection.scalar(sa.select(sa.func.max(outbox.c.audit_sequence)).where(outbox.c.workspace_id == workspace))
    known = max(head["audit_sequence"] if head else 0, told or 0)
    if known >= expected:
        problems.append(f"Entries {expected} to {known} are missing at the end.")
    elif head is None and count:
        problems.append("The head of the chain is missing.")
    elif head is not None and head["audit_hash"] != previous:
        problems.append("The head of the chain is not the last entry.")
    return AuditReport(ok=not problems, entries=count, head=previous, problems=tuple(problems))
