"""The records: one SQL database in which readers never wait and writers take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql, sqlite

from sightloop.errors import Conflict, Refused, SightloopError
from sightloop.storage.durability import full_disk_translated
from sightloop.storage.faults import faultpoint

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 30.0


class Records:
    """Transactions on the record database.

    On SQLite: write-ahead log with synchronous=FULL, so that what is acknowledged survives a power cut, and
    BEGIN IMMEDIATE for writers: a deferred transaction that reads and then writes fails with "database is locked",
    which no busy timeout helps (https://www.sqlite.org/lang_transaction.html, section 2.2). Within the process
    writers queue on a lock, which is fair where SQLite's busy handler is not.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, pool_size=8, max_overflow=32)
        if self._engine.dialect.name == "sqlite" and self._engine.url.database:
            Path(self._engine.url.database).touch(mode=0o600)  # its -wal and -shm files take over the mode
        self._turn = threading.Lock()
        self._writer: int | None = None
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)

    def migrate(self) -> None:
        """Returns once the schema is the newest one.

        Raises:
            Refused: a newer Sightloop has written the database.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise Refused(
                    "A newer version of Sightloop has written this folder.",
                    hint="Update Sightloop, then open it again.",
                ) from error
            faultpoint("records.migrating")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection on one snapshot: what others commit meanwhile is not seen."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that commits when the block ends and is undone when it raises.

        Rooms above events use `events.change` instead. A second one in the same thread is an error of the program.
        """
        me = threading.get_ident()
        if self._writer == me:
            raise SightloopError(
                "A unit of work is open in this thread already.", hint="Pass the open connection on instead."
            )
        with self._turn:
            self._writer = me
            try:
                with (
                    _sql_errors_translated(),
                    self._engine.connect().execution_options(sightloop_write=True) as connection,
                    connection.begin(),
                ):
                    yield connection
            finally:
                self._writer = None

    def close(self) -> None:
        """Returns once no connection is open."""
        self._engine.dispose()


def insert_once(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """The number of rows that were new; a row whose primary or unique key is taken is left as it stands."""
    if not rows:
        return 0
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    before = connection.execute(dialect.insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])
    return max(before.rowcount, 0)


@contextmanager
def _sql_errors_translated() -> Iterator[None]:
    with full_disk_translated():
        try:
            yield
        except sa.exc.IntegrityError as error:
            if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_TRIGGER":
                raise Refused(f"The database refuses: {error.orig}.", hint="Write a new entry instead.") from error
            if not _key_is_taken(error):
                raise
            raise Conflict(
                "Something with this key or name exists already.", hint="Read it, then decide what to change."
            ) from error


def _key_is_taken(error: sa.exc.IntegrityError) -> bool:
    """Whether a unique key was violated: SQLite's extended result codes, or SQLSTATE 23505 of PostgreSQL."""
    return (
        getattr(error.orig, "sqlite_errorname", "") in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
        or getattr(error.orig, "sqlstate", "") == "23505"
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={int(BUSY_TIMEOUT_S * 1000)}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("sightloop_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
