"""The tables of events. The audit table refuses UPDATE and DELETE."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from sightloop.storage import metadata

chains = sa.Table(
    "chains",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("audit_sequence", sa.BigInteger, nullable=False),
    sa.Column("audit_hash", sa.String(64), nullable=False),
    sa.Column("event_sequence", sa.BigInteger, nullable=False),
    comment="One row a workspace: the heads of its audit chain and of its outbox. Writers take turns on it.",
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("action", sa.String(80), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("trace_id", sa.String(64), nullable=False),
    sa.Column("events", sa.JSON, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("type", sa.String(120), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("audit_sequence", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("workspace_id", "id"),
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("audit_sequence", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(80), nullable=False),
    sa.Column("rule", sa.String(80), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("claim", sa.JSON, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("outcome", sa.JSON, nullable=False),
    sa.Column("policy", sa.String(120), nullable=False),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("code_version", sa.String(80), nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
    sa.Index("ix_receipts_subject", "workspace_id", "subject"),
    sa.Index("ix_receipts_order", "workspace_id", "audit_sequence", "id"),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("route", sa.String(200), primary_key=True),
    sa.Column("request_digest", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("response", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("url", sa.String(2000), nullable=False),
    sa.Column("event_types", sa.JSON, nullable=False),
    sa.Column("secret", sa.String(400), nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("webhook_id", sa.String(64), nullable=False),
    sa.Column("event_id", sa.String(64), nullable=False),
    sa.Column("event_sequence", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.String(40), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
    sa.Index("ix_deliveries_due", "state", "next_at"),
    sa.Index("ix_deliveries_webhook", "workspace_id", "webhook_id", "event_sequence"),
)

AUDIT_TRIGGERS: Mapping[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_refuses_{verb.lower()} BEFORE {verb} ON audit "
        f"BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'the audit chain is append-only' USING ERRCODE = '23000'; END $$",
        "CREATE TRIGGER audit_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
    ),
}


def _guard_audit(_table: sa.Table, connection: sa.Connection, **_options: object) -> None:
    for statement in AUDIT_TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


sa.event.listen(audit, "after_create", _guard_audit)
