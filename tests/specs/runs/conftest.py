"""Fixtures: runs on a real DBOS, one at a time in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sightloop.domain import Caller, Role
from sightloop.events import Events
from sightloop.runs import Runs
from sightloop.storage import Records

ADMIN = Caller("default", "usr_ada", Role.ADMIN)
STRANGER = Caller("elsewhere", "usr_eve", Role.ADMIN)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(f"sqlite:///{tmp_path}/sightloop.db")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def events(records: Records) -> Events:
    return Events(records)


@pytest.fixture
def runs(tmp_path: Path, records: Records, events: Events) -> Iterator[Runs]:
    """Not launched: a test registers its kinds first."""
    made = Runs(records, events, tmp_path / "runs.db", code_version="1.2.3", cores=2)
    yield made
    made.close()
