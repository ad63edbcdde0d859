"""The tables of runs. DBOS keeps its own state apart, in `runs.db` or in the schema `dbos` of the same database."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage import metadata

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(80), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("params", sa.JSON, nullable=False),
    sa.Column("resources", sa.JSON, nullable=False),
    sa.Column("progress", sa.JSON, nullable=False),
    sa.Column("output", sa.JSON, nullable=False),
    sa.Column("error", sa.JSON, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("trace_id", sa.String(64), nullable=False),
    sa.Column("code_version", sa.String(80), nullable=False),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
    sa.Column("owner", sa.String(64), nullable=False, server_default=""),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("ix_runs_order", "workspace_id", "sequence"),
    sa.Index("ix_runs_state", "state"),
)

run_links = sa.Table(
    "run_links",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("direction", sa.String(8), primary_key=True),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("artifact", sa.String(120), primary_key=True),
    sa.Index("ix_run_links_artifact", "workspace_id", "artifact"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("incarnation", sa.String(64), nullable=False),
    sa.Column("seen_ms", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.String(40), nullable=False),
    info={"of_place": True},
    comment="The live processes that carry out runs. `seen_ms` is the database's clock at the last heartbeat.",
)
