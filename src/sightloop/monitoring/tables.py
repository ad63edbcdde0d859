"""Tables of monitoring."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage import metadata

monitors = sa.Table(
    "monitors",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("deployment", sa.String, nullable=False),
    sa.Column("model_version", sa.String, nullable=False),
    sa.Column("alpha", sa.Float, nullable=False),
    sa.Column("kinds", sa.JSON, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("reference", sa.String, nullable=False),
    sa.Column("stated", sa.JSON, nullable=False),
    sa.Column("fold", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("declared", sa.JSON, nullable=False, server_default="{}"),
    sa.UniqueConstraint("workspace_id", "name"),
)

# Each row is a stretch of consecutive watched images; a new reference begins a new epoch, the old ones stay.
monitor_history = sa.Table(
    "monitor_history",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("monitor", sa.String, primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("first_sequence", sa.Integer, primary_key=True),
    sa.Column("stretch", sa.JSON, nullable=False),
)

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("deployment", sa.String, nullable=False),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("consecutive", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("streak", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "name"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("monitor", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("raised_at", sa.String, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("receipt", sa.String, nullable=False),
    sa.Column("data", sa.String, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
)
