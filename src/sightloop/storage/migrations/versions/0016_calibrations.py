"""Calibrations of rigs: where the sensors stand to each other, and how cameras draw, by name and version."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Returns once there is a table of calibrations."""
    op.create_table(
        "calibrations",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_calibrations"),
        sa.UniqueConstraint("workspace_id", "name", "version", name="uq_calibrations_version"),
    )
