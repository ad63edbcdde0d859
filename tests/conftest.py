"""How tests share two cores: a file stays on one worker, as do those that share a closed loop, a yard or a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sightloop.storage import Records
from tests import postgres_server

_SHARED = {"test_loop_": "loop", "test_crashes": "yard", "test_full_disk": "yard", "test_random_kills": "yard"}


@pytest.hookimpl(tryfirst=True)  # before xdist's own, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = "conformance" if item.path.parent.name == "conformance" else str(item.path)
        if item.path.parent.name == "journeys":
            group = next((name for start, name in _SHARED.items() if item.path.name.startswith(start)), group)
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
