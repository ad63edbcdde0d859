"""One installation for each test module, one workspace for each test; images are real, the embedder is small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sightloop.datasets import Datasets
from sightloop.domain import Caller, Role, new_id
from sightloop.events import Events
from sightloop.inference import DecodePool
from sightloop.runs import Runs
from sightloop.storage import Records, Stores
from tests.specs.datasets.world import TinyEmbedder, World


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("installation")
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores = Stores(folder, records)
    events = Events(records)
    runs = Runs(records, events, folder / "runs.db")
    with DecodePool(workers=1) as decoder:
        datasets = Datasets(records, stores, events, runs, decoder, TinyEmbedder())
        runs.launch()
        yield World(datasets, records, stores, events, runs, Caller("none", "tester", Role.ADMIN), folder)
        runs.close()
    records.close()


@pytest.fixture
def world(installation: World, tmp_path: Path) -> World:
    return installation.elsewhere(new_id("wsp"), tmp_path)
