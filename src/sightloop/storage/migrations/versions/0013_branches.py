"""Versions stand on branches, and rest on others: a version from before knows of no change of labels."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Returns once there are branches, and versions say where they stand and rest."""
    with op.batch_alter_table("dataset_versions") as table:
        table.add_column(sa.Column("branch", sa.String(), nullable=False, server_default="main"))
        table.add_column(sa.Column("merged", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("base", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="-1"))
    op.create_table(
        "dataset_branches",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("began", sa.String(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "dataset_id", "name", name="pk_dataset_branches"),
    )
