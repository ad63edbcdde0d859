"""What labeling keeps in SQL: campaigns, the items that people are asked about, and every answer."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage import metadata

campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("schema_id", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("schedule", sa.JSON, nullable=False),
    sa.Column("pool", sa.String, nullable=False),  # blob: {"samples": [...], "context": {sample: label}}
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("attempts", sa.JSON, nullable=False),
    sa.Column("policy", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("ended_at", sa.String, nullable=False),
)

queue_items = sa.Table(
    "queue_items",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("campaign", sa.String, nullable=False),
    sa.Column("sample", sa.String, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("suggestion", sa.String, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("verb", sa.String, nullable=False),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("leased_by", sa.String, nullable=False),
    sa.Column("leased_until", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Index("ix_queue_items_order", "workspace_id", "campaign", "state", "round", "position"),
)

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("item", sa.String, nullable=False),
    sa.Column("campaign", sa.String, nullable=False),
    sa.Column("sample", sa.String, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("verb", sa.String, nullable=False),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("duration_s", sa.Float, nullable=False),
    sa.Column("annotation", sa.String, nullable=False),
    sa.Column("undoes", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Index("ix_answers_campaign", "workspace_id", "campaign", "number"),
    sa.Index("ix_answers_author", "workspace_id", "author", "number"),
)
