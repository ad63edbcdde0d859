"""What labeling keeps in SQL: campaigns and review queues, what they ask people about, and every answer."""

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

review_queues = sa.Table(
    "review_queues",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("schema_id", sa.String, nullable=False),
    sa.Column("mode", sa.String, nullable=False),
    sa.Column("geometry", sa.String, nullable=False),
    sa.Column("answers_wanted", sa.Integer, nullable=False),
    sa.Column("agreement", sa.Float, nullable=False),
    sa.Column("blind", sa.Boolean, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

review_items = sa.Table(
    "review_items",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("sample", sa.String, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("honeypot", sa.Boolean, nullable=False),
    sa.Column("truth", sa.JSON, nullable=False),  # of a honeypot: its objects when the queue was made
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("agreement", sa.Float, nullable=True),
    sa.Column("leases", sa.JSON, nullable=False),  # until when, by actor
    sa.Column("sent_to", sa.JSON, nullable=False),  # actors that it went back to
    sa.Column("reason", sa.String, nullable=False),
    sa.Index("ix_review_items_order", "workspace_id", "queue", "state", "position"),
)

review_answers = sa.Table(
    "review_answers",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("item", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("verb", sa.String, nullable=False),
    sa.Column("objects", sa.JSON, nullable=False),
    sa.Column("written", sa.JSON, nullable=False),  # what it changed on the sample, and what stood there before
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("duration_s", sa.Float, nullable=False),
    sa.Column("agreement", sa.Float, nullable=True),  # of a honeypot's answer: with the truth
    sa.Column("state", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Index("ix_review_answers_item", "workspace_id", "item", "number"),
    sa.Index("ix_review_answers_queue", "workspace_id", "queue", "number"),
)
