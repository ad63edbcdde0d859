"""What all tests share: how they are spread over workers, and a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sightloop.storage import Records
from tests import postgres_server
from tests.groups import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A PostgreSQL server for the session (one each xdist worker that asks; files keep to one worker)."""
    with postgres_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_database(postgres: postgres_server.Server) -> str:
    """The address of a database with every table."""
    url = postgres.new_database("sightloop")
    records = Records(url)
    records.migrate()
    records.close()
    return url


@pytest.fixture
def postgres_url(postgres: postgres_server.Server, postgres_database: str) -> Iterator[str]:
    """The address of a database with every table and nothing in it."""
    yield postgres_database
    postgres.empty(postgres_database)
