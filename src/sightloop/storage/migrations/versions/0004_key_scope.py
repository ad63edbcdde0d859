"""A key may be for one deployment alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("deployment", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("api_keys", "deployment")
