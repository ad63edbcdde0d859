"""The name under which a database claims a bucket's prefix."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0007"


def upgrade() -> None:
    """Returns once the table is there."""
    op.create_table(
        "installation",
        sa.Column("one", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("one", name="pk_installation"),
    )
