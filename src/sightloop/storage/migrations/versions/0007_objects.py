"""What is labelled is an object on a sample; before it was the object "", the whole image. People review in queues."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Returns once annotations name their object, schemas their colours and skeleton, and suggestions and reviews have
    tables.
    """
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
    _make(
        "review_queues",
        [*_columns(sa.String(), "name", "schema_id", "mode", "geometry"), *_columns(sa.Integer(), "answers_wanted"),
         *_columns(sa.Float(), "agreement"), *_columns(sa.Boolean(), "blind"), *_columns(sa.String(), "made_at")],
    )  # fmt: skip
    _make(
        "review_items",
        [*_columns(sa.String(), "queue", "sample"),
         *_columns(sa.Integer(), "position"), *_columns(sa.String(), "state"),
         *_columns(sa.Boolean(), "honeypot"), *_columns(sa.JSON(), "truth"), *_columns(sa.Integer(), "answered"),
         sa.Column("agreement", sa.Float(), nullable=True), *_columns(sa.JSON(), "leases", "sent_to"),
         *_columns(sa.String(), "reason")],
    )  # fmt: skip
    _make(
        "review_answers",
        [*_columns(sa.Integer(), "number"), *_columns(sa.String(), "queue", "item", "author", "kind", "verb"),
         *_columns(sa.JSON(), "objects", "written"), *_columns(sa.String(), "reason"),
         *_columns(sa.Float(), "duration_s"), sa.Column("agreement", sa.Float(), nullable=True),
         *_columns(sa.String(), "state", "made_at")],
    )  # fmt: skip
    op.create_index("ix_review_items_order", "review_items", ["workspace_id", "queue", "state", "position"])
    for name in ("item", "queue"):
        op.create_index(f"ix_review_answers_{name}", "review_answers", ["workspace_id", name, "number"])


def _make(name: str, columns: list[sa.Column[Any]]) -> None:
    keys = _columns(sa.String(), "workspace_id", "id")
    op.create_table(name, *keys, *columns, sa.PrimaryKeyConstraint("workspace_id", "id", name=f"pk_{name}"))


def _columns(kind: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]
