"""Monitors declare regimes and slices; those made before bet differently and wait for a new reference."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Returns once monitors have the column, and older ones that were still watching are "outdated"."""
    op.add_column("monitors", sa.Column("declared", sa.JSON(), nullable=False, server_default="{}"))
    op.execute("UPDATE monitors SET state = 'outdated' WHERE state IN ('watching', 'void')")
