"""One installation for each test module, one workspace for each test, with pictures that a head can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sightloop.datasets import Datasets
from sightloop.domain import Caller, Role, new_id
from sightloop.events import Events
from sightloop.inference import DecodePool
from sightloop.labeling import Labeling
from sightloop.runs import Runs
from sightloop.storage import Records, Stores
from sightloop.training import HeadSuggester
from tests.specs.labeling.plant import MeanColour, Plant


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("installation")
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores = Stores(folder, records)
    events = Events(records)
    runs = Runs(records, events, folder / "runs.db")
    with DecodePool(workers=1) as decoder:
        datasets = Datasets(records, stores, events, runs, decoder, MeanColour())
        labeling = Labeling(records, events, stores, datasets, HeadSuggester(datasets))
        runs.launch()
        yield Plant(labeling, datasets, records, events, stores, runs, Caller("none", "tester", Role.ADMIN))
        runs.close()
    records.close()


@pytest.fixture
def plant(installation: Plant, tmp_path: Path) -> Plant:
    return installation.elsewhere(Caller(new_id("wsp"), "reviewer", Role.ADMIN))
