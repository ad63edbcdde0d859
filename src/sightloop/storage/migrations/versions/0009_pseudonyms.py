"""Names of persons in media become pseudonyms, under a key of the workspace."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Returns once there is a table of keys."""
    op.create_table(
        "pseudonym_keys",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("sealed_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_pseudonym_keys"),
    )
