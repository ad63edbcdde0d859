"""The metadata that every room declares its tables on, and storage's own three tables."""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.errors import Conflict

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

workspaces = sa.Table(
    "workspaces",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("region", sa.String(64), nullable=False, default=""),
    sa.Column("wrapped_key", sa.String(200), nullable=False, default=""),
    sa.Column("made_at", sa.String(40), nullable=False),
)

table_pointers = sa.Table(
    "table_pointers",
    metadata,
    sa.Column("workspace_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)

installation = sa.Table(
    "installation",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("made_at", sa.String(40), nullable=False),
    info={"of_place": True},
    comment="At most one row: the installation folder that these records belong to, where they lie outside of it.",
)


def pointer(connection: sa.Connection, workspace: str, name: str) -> int | None:
    """The Lance version of the table that readers use, or None before the first one. SQL is the truth."""
    found: int | None = connection.scalar(
        sa.select(table_pointers.c.version).where(
            table_pointers.c.workspace_id == workspace, table_pointers.c.name == name
        )
    )
    return found


def move_pointer(connection: sa.Connection, workspace: str, name: str, version: int) -> None:
    """Returns nothing; readers use `version` from the commit on. Call it inside `events.change`.

    Raises:
        Conflict: the pointer already stands further: another writer was faster.
    """
    current = pointer(connection, workspace, name)
    if current is None:
        connection.execute(sa.insert(table_pointers).values(workspace_id=workspace, name=name, version=version))
    elif version < current:
        raise Conflict(
            f'The table "{name}" stands at version {current} and cannot go back to {version}.',
            hint="Read the newest version and write again.",
            current=current,
        )
    else:
        connection.execute(
            sa.update(table_pointers)
            .where(table_pointers.c.workspace_id == workspace, table_pointers.c.name == name)
            .values(version=version)
        )
