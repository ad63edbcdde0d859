"""What is labelled is an object on a sample; what was labelled before is the object "", the whole image."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Returns once annotations name their object, schemas their colours and skeleton, and suggestions have a table."""
    op.add_column("annotations", sa.Column("object", sa.String(), nullable=False, server_default=""))
    for name in ("colours", "skeleton"):
        op.add_column("label_schemas", sa.Column(name, sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "suggestions",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("schema_id", sa.String(), nullable=False),
        sa.Column("sample", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("objects", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "schema_id", "sample", name="pk_suggestions"),
    )
