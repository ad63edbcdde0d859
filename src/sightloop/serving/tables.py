"""What serving keeps in SQL: deployments and their history, how far segments were imported, and outcomes."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from sightloop.storage import metadata

PREDICTIONS: Final = "predictions"

deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("alias", sa.String, nullable=False),
    sa.Column("model_version", sa.String, nullable=False),
    sa.Column("bundle", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

deployment_switches = sa.Table(
    "deployment_switches",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("deployment", sa.String, nullable=False),
    sa.Column("model_version", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

segment_offsets = sa.Table(
    "segment_offsets",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
)

prediction_heads = sa.Table(
    "prediction_heads",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("retired", sa.BigInteger, nullable=False, server_default="0"),
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("prediction", sa.String, primary_key=True),
    sa.Column("outcome", sa.JSON, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)
