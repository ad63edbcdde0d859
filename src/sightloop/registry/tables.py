"""What the registry keeps in SQL. At most one version holds an alias: its primary key says so."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage import metadata

models = sa.Table(
    "models",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

model_versions = sa.Table(
    "model_versions",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("bundle_digest", sa.String, nullable=False),
    sa.Column("dataset_version", sa.String, nullable=False),
    sa.Column("schema", sa.String, nullable=False),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("recipe", sa.JSON, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("evaluation", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "model", "number", name="uq_model_versions_number"),
)

evaluations = sa.Table(
    "evaluations",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("model_version", sa.String, primary_key=True),
    sa.Column("test_version", sa.String, primary_key=True),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("alias", sa.String, primary_key=True),
    sa.Column("version", sa.String, nullable=False),
)

alias_moves = sa.Table(
    "alias_moves",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("alias", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("from_version", sa.String, nullable=False),
    sa.Column("to_version", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("receipt", sa.String, nullable=False),
    sa.Column("data", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "model", "alias", "number", name="uq_alias_moves_number"),
)

gates = sa.Table(
    "gates",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("challenger", sa.String, nullable=False),
    sa.Column("champion", sa.String, nullable=False),
    sa.Column("test_version", sa.String, nullable=False),
    sa.Column("look", sa.Integer, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("verdict", sa.JSON, nullable=False),
    sa.Column("data", sa.String, nullable=False),
    sa.Column("receipt", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "test_version", "look", name="uq_gates_look"),
)
