"""A PostgreSQL server of the test session's own: real, on this machine, with fsync on, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest

_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def binaries() -> Path | None:
    """Where initdb and postgres are: Debian keeps them off the PATH."""
    found = shutil.which("postgres")
    return (
        Path(found).resolve().parent
        if found
        else next((place for place in _PLACES if (place / "postgres").exists()), None)
    )


class Server:
    """A cluster in a folder of its own. It refuses to run as root, so it runs as another user there."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._home = Path(mkdtemp(prefix="sightloop-pg-"))
        self._data = self._home / "data"
        self._user = next((name for name in ("postgres", "nobody") if os.geteuid() == 0 and _is_known(name)), None)
        if self._user:
            shutil.chown(self._home, self._user)
        self.port = _free_port()
        self._run("initdb", "-D", str(self._data), "-U", "sightloop", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")

    def start(self) -> None:
        """Returns once it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._home} -c max_connections=200"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._home / "log"), "-o", options, "start")
        while subprocess.run(
            [str(self._binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            check=False,
        ).returncode:
            time.sleep(0.05)

    def stop(self, mode: str = "immediate") -> None:
        """Returns once it is down; `immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def remove(self) -> None:
        """Returns once nothing is left of it."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def new_database(self, name: str) -> str:
        """The address of a new, empty database. Its locale does not order as bytes do."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 LC_COLLATE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
            )
        return self._address(name).replace("postgresql://", "postgresql+psycopg://")

    def empty(self, url: str) -> None:
        """Returns once every session is ended and every row gone, DBOS's too; quicker than a new database."""
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            with connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")  # the audit trigger sleeps
                found = connection.execute(
                    "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                    "WHERE schemaname IN ('public', 'dbos') AND tablename NOT IN ('alembic_version', 'dbos_migrations')"
                ).fetchall()
                for (table,) in found:
                    connection.execute(f"DELETE FROM {table}")

    def _address(self, database: str) -> str:
        return f"postgresql://sightloop:secret@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *words],
            user=self._user,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be held open by the server
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{program} ended with {done.returncode}; see {self._home}/log"


def require_binaries() -> Path:
    """Where PostgreSQL is; skips where this machine has none, and fails where the machine is to have it."""
    found = binaries()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is missing: apt-get install postgresql")
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    return found


@contextmanager
def running() -> Iterator[Server]:
    """A server, started."""
    server = Server(require_binaries())
    server.start()
    try:
        yield server
    finally:
        server.remove()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _is_known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
