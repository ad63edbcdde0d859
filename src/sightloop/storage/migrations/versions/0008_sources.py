"""Sources that stand, with the credentials of the stores they read, and what was pushed to them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Returns once sources, their credentials and their inbox have tables."""
    text, number = sa.String(), sa.Float()
    _make(
        "source_credentials",
        ["id"],
        [*_columns(text, "name", "kind", "endpoint", "region", "account"), *_columns(sa.Text(), "secrets"),
         *_columns(text, "made_at", "rotated_at")],
        named=True,
    )  # fmt: skip
    _make(
        "sources",
        ["id"],
        [*_columns(text, "name", "kind"), *_columns(sa.JSON(), "settings"), *_columns(number, "every_s"),
         *_columns(text, "last_run", "looked_at", "made_at")],
        named=True,
    )  # fmt: skip
    _make(
        "source_inbox",
        ["source", "id"],
        [*_columns(text, "name", "digest"), *_columns(sa.JSON(), "given"), *_columns(text, "made_at")],
    )


def _make(name: str, keys: list[str], columns: list[sa.Column[Any]], named: bool = False) -> None:
    keys = ["workspace_id", *keys]
    unique = [sa.UniqueConstraint("workspace_id", "name", name=f"uq_{name}_name")] if named else []
    primary = sa.PrimaryKeyConstraint(*keys, name=f"pk_{name}")
    op.create_table(name, *_columns(sa.String(), *keys), *columns, primary, *unique)


def _columns(kind: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]
