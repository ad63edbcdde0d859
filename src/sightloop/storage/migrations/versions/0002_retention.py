"""How far the prediction log has been retired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("prediction_heads", sa.Column("retired", sa.BigInteger(), nullable=False, server_default="0"))
