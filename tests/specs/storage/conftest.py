"""Fixtures: an installation folder with its records and one workspace, all real."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from sightloop.storage import Records, Store, Stores, configure_faults

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(f"sqlite:///{tmp_path}/sightloop.db")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path, records: Records) -> Store:
    return Stores(tmp_path, records).workspace("default")


@pytest.fixture
def sealed_store(tmp_path: Path, records: Records) -> Store:
    return Stores(tmp_path, records, master_key=MASTER_KEY).workspace("secret")


@pytest.fixture(autouse=True)
def no_faults_left() -> Iterator[None]:
    yield
    configure_faults("")
