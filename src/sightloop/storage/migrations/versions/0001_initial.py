"""Every table of the first version, room by room."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Returns once all tables are there, and the audit table refuses UPDATE and DELETE."""
    _storage()
    _events()
    _runs()
    _datasets()
    _registry()
    _labeling()
    _serving()
    _monitoring()
    _loop()
    _governance()


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    """Columns of one type; none of them takes NULL."""
    return [sa.Column(name, kind, nullable=False) for name in names]


def _storage() -> None:
    op.create_table(
        "workspaces",
        *_columns(sa.String(64), "id"),
        *_columns(sa.String(200), "name"),
        *_columns(sa.String(64), "region"),
        *_columns(sa.String(200), "wrapped_key"),
        *_columns(sa.String(40), "made_at"),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
    )
    op.create_table(
        "table_pointers",
        *_columns(sa.String(64), "workspace_id"),
        *_columns(sa.String(200), "name"),
        *_columns(sa.BigInteger(), "version"),
        sa.PrimaryKeyConstraint("workspace_id", "name", name="pk_table_pointers"),
    )


def _events() -> None:
    op.create_table(
        "chains",
        *_columns(sa.String(64), "workspace_id"),
        *_columns(sa.BigInteger(), "audit_sequence"),
        *_columns(sa.String(64), "audit_hash"),
        *_columns(sa.BigInteger(), "event_sequence"),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_chains"),
    )
    op.create_table(
        "audit",
        *_columns(sa.String(64), "workspace_id"),
        *_columns(sa.BigInteger(), "sequence"),
        *_columns(sa.String(40), "at"),
        *_columns(sa.String(64), "actor"),
        *_columns(sa.String(20), "role"),
        *_columns(sa.String(80), "action"),
        *_columns(sa.String(120), "subject"),
        *_columns(sa.String(64), "trace_id"),
        *_columns(sa.JSON(), "events"),
        *_columns(sa.String(64), "previous_hash", "hash"),
        sa.PrimaryKeyConstraint("workspace_id", "sequence", name="pk_audit"),
    )
    op.create_table(
        "outbox",
        *_columns(sa.String(64), "workspace_id"),
        *_columns(sa.BigInteger(), "sequence"),
        *_columns(sa.String(64), "id"),
        *_columns(sa.String(120), "type", "subject"),
        *_columns(sa.String(64), "actor"),
        *_columns(sa.String(40), "at"),
        *_columns(sa.JSON(), "data"),
        *_columns(sa.BigInteger(), "audit_sequence"),
        sa.PrimaryKeyConstraint("workspace_id", "sequence", name="pk_outbox"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_outbox_workspace_id_id"),
    )
    op.create_table(
        "receipts",
        *_columns(sa.String(64), "workspace_id", "id"),
        *_columns(sa.BigInteger(), "audit_sequence"),
        *_columns(sa.String(80), "kind", "rule"),
        *_columns(sa.String(120), "subject"),
        *_columns(sa.JSON(), "claim", "evidence", "inputs", "outcome"),
        *_columns(sa.String(120), "policy"),
        *_columns(sa.String(64), "run"),
        *_columns(sa.String(80), "code_version"),
        *_columns(sa.String(40), "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_receipts"),
    )
    op.create_index("ix_receipts_order", "receipts", ["workspace_id", "audit_sequence", "id"])
    op.create_index("ix_receipts_subject", "receipts", ["workspace_id", "subject"])
    op.create_table(
        "idempotency",
        *_columns(sa.String(64), "workspace_id"),
        *_columns(sa.String(200), "key", "route"),
        *_columns(sa.String(64), "request_digest"),
        *_columns(sa.Integer(), "status"),
        *_columns(sa.JSON(), "response"),
        *_columns(sa.String(40), "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "key", "route", name="pk_idempotency"),
    )
    op.create_table(
        "webhooks",
        *_columns(sa.String(64), "workspace_id", "id"),
        *_columns(sa.String(200), "name"),
        *_columns(sa.String(2000), "url"),
        *_columns(sa.JSON(), "event_types"),
        *_columns(sa.String(400), "secret"),
        *_columns(sa.String(40), "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_webhooks"),
    )
    op.create_table(
        "deliveries",
        *_columns(sa.String(64), "workspace_id", "id", "webhook_id", "event_id"),
        *_columns(sa.BigInteger(), "event_sequence"),
        *_columns(sa.String(20), "state"),
        *_columns(sa.Integer(), "attempts"),
        *_columns(sa.String(40), "next_at"),
        *_columns(sa.Integer(), "status"),
        *_columns(sa.String(400), "detail"),
        *_columns(sa.String(40), "made_at", "ended_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "next_at"])
    op.create_index("ix_deliveries_webhook", "deliveries", ["workspace_id", "webhook_id", "event_sequence"])
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_refuses_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END"
            )


def _runs() -> None:
    op.create_table(
        "runs",
        *_columns(sa.String(64), "workspace_id", "id"),
        *_columns(sa.BigInteger(), "sequence"),
        *_columns(sa.String(80), "kind"),
        *_columns(sa.String(20), "state"),
        *_columns(sa.JSON(), "params", "resources", "progress", "output", "error"),
        *_columns(sa.String(64), "actor"),
        *_columns(sa.String(20), "role"),
        *_columns(sa.String(64), "trace_id"),
        *_columns(sa.String(80), "code_version"),
        *_columns(sa.String(40), "started_at", "ended_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_runs"),
    )
    op.create_index("ix_runs_order", "runs", ["workspace_id", "sequence"])
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_table(
        "run_links",
        *_columns(sa.String(64), "workspace_id", "run_id"),
        *_columns(sa.String(8), "direction"),
        *_columns(sa.String(40), "kind"),
        *_columns(sa.String(120), "artifact"),
        sa.PrimaryKeyConstraint("workspace_id", "run_id", "direction", "kind", "artifact", name="pk_run_links"),
    )
    op.create_index("ix_run_links_artifact", "run_links", ["workspace_id", "artifact"])


def _datasets() -> None:
    op.create_table(
        "datasets",
        *_columns(sa.String(), "workspace_id", "id", "name", "schema_id", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_datasets"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_datasets_name"),
    )
    op.create_table(
        "label_schemas",
        *_columns(sa.String(), "workspace_id", "id", "name"),
        *_columns(sa.Integer(), "version"),
        *_columns(sa.JSON(), "classes", "geometry_types", "attributes"),
        *_columns(sa.String(), "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_label_schemas"),
        sa.UniqueConstraint("workspace_id", "name", "version", name="uq_label_schemas_version"),
    )
    op.create_table(
        "dataset_versions",
        *_columns(sa.String(), "workspace_id", "id", "dataset_id"),
        *_columns(sa.Integer(), "number"),
        *_columns(sa.String(), "hash", "buckets", "parent"),
        *_columns(sa.JSON(), "counts", "label_counts"),
        *_columns(sa.String(), "note", "run", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_dataset_versions"),
        sa.UniqueConstraint("workspace_id", "dataset_id", "number", name="uq_dataset_versions_number"),
    )
    op.create_table(
        "annotations",
        *_columns(sa.String(), "workspace_id", "id", "schema_id", "sample"),
        *_columns(sa.Integer(), "revision"),
        *_columns(sa.Boolean(), "head"),
        *_columns(sa.String(), "label", "author", "author_kind", "basis", "made_at", "geometry_type"),
        *_columns(sa.JSON(), "geometry", "attributes"),
        *_columns(sa.Float(), "duration_s"),
        *_columns(sa.String(), "receipt", "queue_item"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_annotations"),
        sa.UniqueConstraint("workspace_id", "schema_id", "sample", "revision", name="uq_annotations_revision"),
    )
    op.create_index("ix_annotations_head", "annotations", ["workspace_id", "head", "schema_id"])
    op.create_index("ix_annotations_sample", "annotations", ["workspace_id", "sample"])
    op.create_table(
        "quarantine",
        *_columns(sa.String(), "workspace_id", "id", "name", "digest", "reason", "detail"),
        *_columns(sa.JSON(), "facets"),
        *_columns(sa.String(), "run", "state", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_quarantine"),
    )
    op.create_table(
        "staged",
        *_columns(sa.String(), "workspace_id", "digest", "name", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "digest", name="pk_staged"),
    )


def _registry() -> None:
    op.create_table(
        "models",
        *_columns(sa.String(), "workspace_id", "name", "id", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "name", name="pk_models"),
    )
    op.create_table(
        "model_versions",
        *_columns(sa.String(), "workspace_id", "id", "model"),
        *_columns(sa.Integer(), "number"),
        *_columns(sa.String(), "bundle_digest", "dataset_version", "schema", "run"),
        *_columns(sa.JSON(), "recipe", "metrics"),
        *_columns(sa.String(), "evaluation", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_model_versions"),
        sa.UniqueConstraint("workspace_id", "model", "number", name="uq_model_versions_number"),
    )
    op.create_table(
        "evaluations",
        *_columns(sa.String(), "workspace_id", "model_version", "test_version", "digest", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "model_version", "test_version", name="pk_evaluations"),
    )
    op.create_table(
        "aliases",
        *_columns(sa.String(), "workspace_id", "model", "alias", "version"),
        sa.PrimaryKeyConstraint("workspace_id", "model", "alias", name="pk_aliases"),
    )
    op.create_table(
        "alias_moves",
        *_columns(sa.String(), "workspace_id", "id", "model", "alias"),
        *_columns(sa.Integer(), "number"),
        *_columns(sa.String(), "from_version", "to_version", "actor", "receipt", "data", "reason", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_alias_moves"),
        sa.UniqueConstraint("workspace_id", "model", "alias", "number", name="uq_alias_moves_number"),
    )
    op.create_table(
        "gates",
        *_columns(sa.String(), "workspace_id", "id", "model", "challenger", "champion", "test_version"),
        *_columns(sa.Integer(), "look"),
        *_columns(sa.Boolean(), "passed"),
        *_columns(sa.JSON(), "verdict"),
        *_columns(sa.String(), "data", "receipt", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_gates"),
        sa.UniqueConstraint("workspace_id", "test_version", "look", name="uq_gates_look"),
    )


def _labeling() -> None:
    op.create_table(
        "campaigns",
        *_columns(sa.String(), "workspace_id", "id", "name", "schema_id", "state"),
        *_columns(sa.Integer(), "round"),
        *_columns(sa.JSON(), "schedule"),
        *_columns(sa.String(), "pool"),
        *_columns(sa.Integer(), "size"),
        *_columns(sa.JSON(), "attempts"),
        *_columns(sa.String(), "policy", "made_at", "ended_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_campaigns"),
    )
    op.create_table(
        "queue_items",
        *_columns(sa.String(), "workspace_id", "id", "campaign", "sample"),
        *_columns(sa.Integer(), "round", "position"),
        *_columns(sa.String(), "purpose"),
        *_columns(sa.Integer(), "attempt"),
        *_columns(sa.String(), "suggestion"),
        *_columns(sa.Float(), "score"),
        *_columns(sa.String(), "state", "verb", "label", "leased_by", "leased_until", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_queue_items"),
    )
    op.create_index("ix_queue_items_order", "queue_items", ["workspace_id", "campaign", "state", "round", "position"])
    op.create_table(
        "answers",
        *_columns(sa.String(), "workspace_id", "id"),
        *_columns(sa.Integer(), "number"),
        *_columns(sa.String(), "item", "campaign", "sample", "purpose", "verb", "label", "author"),
        *_columns(sa.Float(), "duration_s"),
        *_columns(sa.String(), "annotation", "undoes", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_answers"),
    )
    op.create_index("ix_answers_author", "answers", ["workspace_id", "author", "number"])
    op.create_index("ix_answers_campaign", "answers", ["workspace_id", "campaign", "number"])


def _serving() -> None:
    op.create_table(
        "deployments",
        *_columns(
            sa.String(), "workspace_id", "name", "id", "model", "alias", "model_version", "bundle", "state", "made_at"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "name", name="pk_deployments"),
    )
    op.create_table(
        "deployment_switches",
        *_columns(sa.String(), "workspace_id", "id", "deployment", "model_version", "state", "actor", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_deployment_switches"),
    )
    op.create_table(
        "segment_offsets",
        *_columns(sa.String(), "workspace_id", "name"),
        *_columns(sa.BigInteger(), "offset"),
        sa.PrimaryKeyConstraint("workspace_id", "name", name="pk_segment_offsets"),
    )
    op.create_table(
        "prediction_heads",
        *_columns(sa.String(), "workspace_id"),
        *_columns(sa.BigInteger(), "sequence"),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_prediction_heads"),
    )
    op.create_table(
        "outcomes",
        *_columns(sa.String(), "workspace_id", "prediction"),
        *_columns(sa.JSON(), "outcome"),
        *_columns(sa.String(), "actor", "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "prediction", name="pk_outcomes"),
    )


def _monitoring() -> None:
    op.create_table(
        "monitors",
        *_columns(sa.String(), "workspace_id", "id", "name", "deployment", "model_version"),
        *_columns(sa.Float(), "alpha"),
        *_columns(sa.JSON(), "kinds"),
        *_columns(sa.String(), "state"),
        *_columns(sa.Integer(), "epoch", "sequence"),
        *_columns(sa.String(), "reference"),
        *_columns(sa.JSON(), "stated", "fold"),
        *_columns(sa.String(), "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_monitors"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_monitors_workspace_id_name"),
    )
    op.create_table(
        "monitor_history",
        *_columns(sa.String(), "workspace_id", "monitor"),
        *_columns(sa.Integer(), "epoch", "first_sequence"),
        *_columns(sa.JSON(), "stretch"),
        sa.PrimaryKeyConstraint("workspace_id", "monitor", "epoch", "first_sequence", name="pk_monitor_history"),
    )
    op.create_table(
        "rules",
        *_columns(sa.String(), "workspace_id", "id", "name", "deployment", "label"),
        *_columns(sa.Integer(), "consecutive"),
        *_columns(sa.String(), "state"),
        *_columns(sa.Integer(), "sequence"),
        *_columns(sa.JSON(), "streak"),
        *_columns(sa.String(), "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_rules"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_rules_workspace_id_name"),
    )
    op.create_table(
        "alerts",
        *_columns(sa.String(), "workspace_id", "id", "monitor", "kind", "state", "raised_at"),
        *_columns(sa.Integer(), "sequence"),
        *_columns(sa.String(), "receipt", "data"),
        *_columns(sa.JSON(), "evidence"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_alerts"),
    )


def _loop() -> None:
    op.create_table(
        "policies",
        *_columns(sa.String(), "workspace_id", "name", "id"),
        *_columns(sa.Integer(), "number"),
        *_columns(sa.Text(), "text"),
        *_columns(sa.String(), "digest"),
        *_columns(sa.Boolean(), "enabled"),
        *_columns(sa.String(), "made_at"),
        sa.PrimaryKeyConstraint("workspace_id", "name", name="pk_policies"),
    )
    op.create_table(
        "loop_stops",
        *_columns(sa.String(), "workspace_id", "actor", "at"),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_loop_stops"),
    )
    op.create_table(
        "cycles",
        *_columns(sa.String(), "workspace_id", "id", "policy"),
        *_columns(sa.JSON(), "declared"),
        *_columns(sa.String(), "alert", "state"),
        *_columns(sa.Integer(), "moves", "attempt"),
        *_columns(sa.JSON(), "facts", "blobs", "receipts", "seconds", "error"),
        *_columns(sa.String(), "made_at", "moved_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_cycles"),
    )
    op.create_index("ix_cycles_state", "cycles", ["workspace_id", "state"])


def _governance() -> None:
    op.create_table(
        "api_keys",
        *_columns(sa.String(64), "id", "workspace_id"),
        *_columns(sa.String(200), "name"),
        *_columns(sa.String(20), "role"),
        *_columns(sa.String(64), "secret_sha256"),
        *_columns(sa.String(40), "made_at", "expires_at", "revoked_at", "last_used"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("secret_sha256", name="uq_api_keys_secret_sha256"),
    )
    op.create_index("ix_api_keys_workspace_id", "api_keys", ["workspace_id"])
    op.create_table(
        "owner_links",
        *_columns(sa.String(64), "workspace_id", "id", "secret_sha256"),
        *_columns(sa.String(40), "made_at", "expires_at", "used_at"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_owner_links"),
        sa.UniqueConstraint("secret_sha256", name="uq_owner_links_secret_sha256"),
    )
