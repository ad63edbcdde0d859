"""What cameras keep in SQL: what they are told, where they stand, and frames on their way to become samples."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage import metadata

cameras = sa.Table(
    "cameras",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("wanted", sa.Boolean, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("since", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "name", name="uq_cameras_name"),
)

camera_frames = sa.Table(
    "camera_frames",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("camera", sa.String, primary_key=True),
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("facets", sa.JSON, nullable=False),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)
