"""Fixtures: each database, each place for objects, and the servers.

A test that asks for `records` runs on SQLite and on PostgreSQL, one that asks for `place` in a folder and in a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sightloop.domain import Caller, Role
from sightloop.events import Events
from sightloop.storage import Records
from sightloop.storage.places import LocalPlace, Place
from sightloop.storage.s3 import s3_place
from tests.conformance.brokers import nats_target, target
from tests.conformance.seaweed import Bucket, bucket, s3_endpoint
from tests.conformance.stores import azure_endpoint, gcs_endpoint, shelf

__all__ = ["azure_endpoint", "bucket", "gcs_endpoint", "nats_target", "s3_endpoint", "shelf", "target"]

ADMIN = Caller("default", "usr_ada", Role.ADMIN)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty record database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sightloop.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def records(address: str) -> Iterator[Records]:
    opened = Records(address)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def events(records: Records) -> Events:
    return Events(records, code_version="1.2.3")


def told(events: Events, number: int = 0, caller: Caller = ADMIN) -> str:
    """The id of an event that a change of its own tells."""
    with events.change(caller, "note.write", f"not_{number}") as change:
        return change.emit("sightloop.note.written", {"number": number})


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place with nothing in it."""
    if request.param == "local":
        return LocalPlace(tmp_path / "objects")
    bucket: Bucket = request.getfixturevalue("bucket")
    return s3_place(bucket.settings())
