"""The records: one SQL database in which readers never wait and writers take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql, sqlite

from sightloop.errors import Conflict, Refused, SightloopError
from sightloop.storage import postgres
from sightloop.storage.durability import full_disk_translated
from sightloop.storage.faults import faultpoint

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 30.0
_MIGRATING = threading.Lock()  # Alembic keeps what it works on in globals of the process: two at once mix databases


class Records:
    """Transactions on the record database.

    On SQLite: write-ahead log with synchronous=FULL, so that what is acknowledged survives a power cut, and
    BEGIN IMMEDIATE for writers: a deferred transaction that reads and then writes fails with "database is locked",
    which no busy timeout helps (https://www.sqlite.org/lang_transaction.html, section 2.2). Within the process
    writers queue on a lock, which is fair where SQLite's busy handler is not.

    On PostgreSQL: an advisory lock gives writers their turns over all processes, and a read is one snapshot.

    Args:
        url: "sqlite:///PATH", or the address of a PostgreSQL database.
        session: the name that this process's sessions on PostgreSQL carry.

    Attributes:
        shared: whether other processes may work on the same records.
    """

    def __init__(self, url: str, *, session: str = "sightloop") -> None:
        self.shared = not url.startswith("sqlite")
        self.session = session
        if self.shared:
            self._url = postgres.read_url(url)
            self._engine = self.engine_beside(session)
            sa.event.listen(self._engine, "begin", postgres.begin)
        else:
            self._engine = sa.create_engine(url, pool_size=8, max_overflow=32)
            if self._engine.url.database:
                Path(self._engine.url.database).touch(mode=0o600)  # its -wal and -shm files take over the mode
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        self._turn = threading.Lock()
        self._writer: int | None = None
        self._checks: list[Callable[[sa.Connection], None]] = []
        self._turns: dict[str, threading.Lock] = {}

    def engine_beside(self, session: str) -> sa.Engine:
        """Another engine on the same PostgreSQL database, for what keeps tables of its own there."""
        return postgres.make_engine(self._url, session)

    @property
    def clock_ms(self) -> sa.ColumnElement[int]:
        """The database's own clock, in milliseconds since 1970; the same for all processes."""
        return postgres.CLOCK_MS

    @contextmanager
    def aside(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that takes no turn: for heartbeats, of which each row has one writer."""
        with postgres.errors_translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    def count_sessions(self, connection: sa.Connection, session: str) -> int:
        """How many sessions of that name are open."""
        return postgres.count_sessions(connection, session)

    def end_sessions(self, connection: sa.Connection, session: str) -> int:
        """The number of sessions of that name that were ended; what they held open is undone, what they locked free."""
        return postgres.end_sessions(connection, session)

    def before_each_write(self, check: Callable[[sa.Connection], None]) -> None:
        """Returns nothing; the check runs first in every writing transaction, and what it raises undoes it."""
        self._checks.append(check)

    def migrate(self) -> None:
        """Returns once the schema is the newest one.

        Raises:
            Refused: a newer Sightloop has written the database.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with _MIGRATING, self.write() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise Refused(
                    "A newer version of Sightloop has written this folder.",
                    hint="Update Sightloop, then open it again.",
                ) from error
            if self.shared:
                postgres.text_in_byte_order(connection)
            faultpoint("records.migrating")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection on one snapshot: what others commit meanwhile is not seen."""
        if not self.shared:
            with self._engine.connect() as connection, connection.begin():
                yield connection
            return
        with (
            postgres.errors_translated(),
            self._engine.connect().execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            ) as connection,
            connection.begin(),
        ):
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
                    self._errors_translated(),
                    self._engine.connect().execution_options(sightloop_write=True) as connection,
                    connection.begin(),
                ):
                    for check in self._checks:
                        check(connection)
                    yield connection
            finally:
                self._writer = None

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """A block that nobody else is in under the same name, in this process or another one on these records.

        For writes outside SQL, such as those of one Lance table. A process that is judged dead loses it: what it did
        counts only once a pointer moves, and that is refused to it.
        """
        beyond = postgres.alone(self._engine, name) if self.shared else nullcontext()
        with self._turns.setdefault(name, threading.Lock()), beyond:
            yield

    def close(self) -> None:
        """Returns once no connection is open."""
        self._engine.dispose()

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        with (
            full_disk_translated(),
            _taken_keys_translated(),
            postgres.errors_translated() if self.shared else nullcontext(),
        ):
            yield


def insert_once(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """The number of rows that were new; a row whose primary or unique key is taken is left as it stands."""
    if not rows:
        return 0
    values = [dict(row) for row in rows]
    if connection.dialect.name == "sqlite":
        return max(connection.execute(sqlite.insert(table).on_conflict_do_nothing(), values).rowcount, 0)
    made = postgresql.insert(table).on_conflict_do_nothing().returning(sa.literal(1))  # many rows have no row count
    return len(connection.execute(made, values).all())


@contextmanager
def _taken_keys_translated() -> Iterator[None]:
    try:
        yield
    except sa.exc.IntegrityError as error:
        if _refused_by_trigger(error):
            raise Refused(
                "The database refuses: the audit chain is append-only.", hint="Write a new entry instead."
            ) from error
        if not _key_is_taken(error):
            raise
        raise Conflict(
            "Something with this key or name exists already.", hint="Read it, then decide what to change."
        ) from error


def _refused_by_trigger(error: sa.exc.IntegrityError) -> bool:
    """Whether one of the triggers on the audit chain spoke; on PostgreSQL only they use SQLSTATE 23000."""
    return (
        getattr(error.orig, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_TRIGGER"
        or getattr(error.orig, "sqlstate", "") == "23000"
    )


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
