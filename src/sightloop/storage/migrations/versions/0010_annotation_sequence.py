"""What was said since a moment is found by its place in the audit chain; before, all was read again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Returns once annotations know their change, 0 for those from before."""
    op.add_column("annotations", sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_annotations_sequence", "annotations", ["workspace_id", "sequence"])
