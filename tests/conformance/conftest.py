"""Fixtures: the servers, and one place for objects of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightloop.storage.places import LocalPlace, Place
from sightloop.storage.s3 import s3_place
from tests.conformance.brokers import nats_target, target
from tests.conformance.seaweed import Bucket, bucket, s3_endpoint

__all__ = ["bucket", "nats_target", "s3_endpoint", "target"]


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place with nothing in it."""
    if request.param == "local":
        return LocalPlace(tmp_path / "objects")
    bucket: Bucket = request.getfixturevalue("bucket")
    return s3_place(bucket.settings())
