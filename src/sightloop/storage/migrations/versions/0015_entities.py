"""Entities are named by rules and made one by merges; nothing of them lies with samples."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Returns once there are rules and merges of entities."""
    op.create_table(
        "entity_rules",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "field", name="pk_entity_rules"),
    )
    op.create_table(
        "entity_merges",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("into", sa.String(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "name", name="pk_entity_merges"),
    )
