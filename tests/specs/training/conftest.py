"""One installation for each test module, one workspace for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sightloop.datasets import Datasets
from sightloop.domain import Caller, Role, new_id
from sightloop.events import Events
from sightloop.inference import DecodePool
from sightloop.registry import Registry
from sightloop.runs import Runs
from sightloop.storage import Records, Stores
from sightloop.training import LabelErrors, Training
from tests.specs.training.workshop import QuarterColours, Workshop


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("installation")
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores, events = Stores(folder, records), Events(records)
    runs = Runs(records, events, folder / "runs.db")
    embedder = QuarterColours()
    with DecodePool(workers=1) as decoder:
        datasets = Datasets(records, stores, events, runs, decoder, embedder)
        registry = Registry(records, events, stores)
        training = Training(stores, runs, datasets, registry, embedder, code_version="test")
        label_errors = LabelErrors(runs, datasets)
        runs.launch()
        owner = Caller("none", "trainer", Role.ADMIN)
        yield Workshop(training, label_errors, datasets, registry, runs, owner, folder)
        runs.close()
    records.close()


@pytest.fixture
def workshop(installation: Workshop, tmp_path: Path) -> Workshop:
    return installation.elsewhere(Caller(new_id("wsp"), "trainer", Role.ADMIN), tmp_path)
