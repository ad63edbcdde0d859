"""Tables of the loop."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage import metadata

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

# A row stands for a pulled switch: nothing in the workspace moves by itself.
loop_stops = sa.Table(
    "loop_stops",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
)

cycles = sa.Table(
    "cycles",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("policy", sa.String, nullable=False),
    sa.Column("declared", sa.JSON, nullable=False),
    sa.Column("alert", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("moves", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("blobs", sa.JSON, nullable=False),
    sa.Column("receipts", sa.JSON, nullable=False),
    sa.Column("seconds", sa.JSON, nullable=False),
    sa.Column("error", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("moved_at", sa.String, nullable=False),
    sa.Index("ix_cycles_state", "workspace_id", "state"),
)
