"""How tests share two cores: a file stays on one worker, and so do those that share a closed loop or a database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sightloop.storage import Records
from tests import postgres_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        conformance = item.path.parent.name == "conformance"
        shared = item.path.name.startswith(("test_loop_", "test_crashes")) and item.path.parent.name == "journeys"
        group = "loop" if shared else "conformance" if conformance else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


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
