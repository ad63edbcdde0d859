"""What sources hold, run by run, and what is expected of it; refused media keep the name of their source."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Returns once schemas of sources and expectations have tables."""
    op.create_table(
        "source_schemas",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("runs", sa.JSON(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("drifted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "source", "number", name="pk_source_schemas"),
    )
    op.create_table(
        "expectations",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_expectations"),
        sa.UniqueConstraint("workspace_id", "scope", "number", name="uq_expectations_number"),
    )
    op.add_column("quarantine", sa.Column("source", sa.String(), nullable=False, server_default=""))
