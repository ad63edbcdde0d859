"""PostgreSQL under the records: one writer at a time over all processes, one snapshot a read, errors that are ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from sightloop.errors import InvalidInput, StorageFull, Unavailable

RETRY_AFTER_S = 2
LONGEST_WAIT_S = 30  # for the turn to write, as SQLite's busy timeout
LONGEST_PAUSE_S = 30  # of a client inside a transaction; then the server ends its session, and with it its turn
CONNECT_S = 5
WRITERS_TURN = 0x5165  # advisory lock of the transaction that writes; locks are apart by database
_TABLES_TURN = 0x5166  # first half of the two-part key of `Records.alone`
_TRY_S = 0.02
_READ_ONLY = "25006"
_DISK_FULL = "53100"
_SEATS = 8  # of each of the two engines of a process, and as many again under load

CLOCK_MS: sa.ColumnElement[int] = sa.cast(
    sa.func.floor(sa.extract("epoch", sa.func.clock_timestamp()) * 1000), sa.BigInteger
)


def read_url(text: str) -> sa.URL:
    """The address of the database. Raises InvalidInput, whose message does not repeat the text: it holds a secret."""
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgresql", "postgresql+psycopg") or not url.database:
        raise InvalidInput(
            "The setting storage.records_url is no address of a PostgreSQL database.",
            hint="Write postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE.",
        )
    return url.set(drivername="postgresql+psycopg")


def make_engine(url: sa.URL, session: str) -> sa.Engine:
    """An engine whose sessions carry the name, so that a live process can end those of a dead one."""
    waits = {
        "lock_timeout": f"{LONGEST_WAIT_S}s",
        "idle_in_transaction_session_timeout": f"{LONGEST_PAUSE_S}s",
        "synchronous_commit": "on",
    }
    options = " ".join(f"-c {name}={value}" for name, value in waits.items())
    connect = {"application_name": session, "connect_timeout": CONNECT_S, "options": options}
    return sa.create_engine(url, pool_size=_SEATS, max_overflow=_SEATS, pool_pre_ping=True, connect_args=connect)


def begin(connection: sa.Connection) -> None:
    """Returns once it is this transaction's turn, where it writes.

    The lock is taken before the first statement and freed when the commit can be seen (READ COMMITTED takes a new
    snapshot each statement), so writers are serial as under SQLite's BEGIN IMMEDIATE, over all processes.
    """
    if connection.get_execution_options().get("sightloop_write", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_TURN})")


@contextmanager
def errors_translated() -> Iterator[None]:
    """A block in which what PostgreSQL or its driver says about itself is raised as ours.

    A commit whose answer was lost may have happened: Unavailable says to try again, and keys make that harmless.
    """
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise _unavailable("Every connection to the record database is taken.") from error
    except sa.exc.DBAPIError as error:
        state = str(getattr(error.orig, "sqlstate", "") or "")
        if state == _DISK_FULL:
            raise StorageFull(
                "There is no room left to write.", hint="Free some room on the database server.", retry_after_s=30
            ) from error
        if isinstance(error, sa.exc.DataError):
            raise InvalidInput(
                "A value does not fit its place in the database.", hint="Shorten it, and leave out NUL characters."
            ) from error
        lost = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated
        if lost or state == _READ_ONLY:
            raise _unavailable("The record database does not answer.") from error
        raise


def text_in_byte_order(connection: sa.Connection) -> None:
    """Returns once every text column compares by bytes, as SQLite's do: a locale orders ids and names otherwise."""
    found = connection.exec_driver_sql(
        "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type = 'character varying' "
        "AND collation_name IS DISTINCT FROM 'C' ORDER BY 1, 2"
    ).all()
    quoted = connection.dialect.identifier_preparer.quote
    for table, column, length in found:
        kind = f"varchar({length})" if length else "varchar"
        connection.exec_driver_sql(f'ALTER TABLE {quoted(table)} ALTER {quoted(column)} TYPE {kind} COLLATE "C"')


@contextmanager
def alone(engine: sa.Engine, name: str) -> Iterator[None]:
    """A block that no other process is in under the same name; a session of its own holds it, and ends with it."""
    with errors_translated(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"turn": _TABLES_TURN, "name": name}
        while not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:turn, hashtext(:name))"), key):
            time.sleep(_TRY_S)  # a wait in the server would end at lock_timeout, and a long write is no fault
        try:
            yield
        finally:
            _unlock(connection, key)


def count_sessions(connection: sa.Connection, session: str) -> int:
    """How many sessions of that name are open on this database."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(_sessions(session))).scalar_one())


def end_sessions(connection: sa.Connection, session: str) -> int:
    """The number of sessions of that name that were ended; what they held open is undone and what they locked free."""
    found = _sessions(session)
    ended = sa.select(sa.func.count(sa.func.pg_terminate_backend(found.c.pid)))
    return int(connection.execute(ended).scalar_one())


def _sessions(session: str) -> sa.Subquery:
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = :session AND pid <> pg_backend_pid()"
    )
    return sa.text(query).bindparams(session=session).columns(pid=sa.Integer).subquery()


def _unlock(connection: sa.Connection, key: dict[str, Any]) -> None:
    try:
        connection.execute(sa.text("SELECT pg_advisory_unlock(:turn, hashtext(:name))"), key)
    except sa.exc.DBAPIError:
        connection.invalidate()  # the session has ended, and the lock with it


def _unavailable(message: str) -> Unavailable:
    hint = "Try again; what is under way goes on when it is back."
    return Unavailable(message, hint=hint, part="records", retry_after_s=RETRY_AFTER_S)
