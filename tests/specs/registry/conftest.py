from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightloop.domain import Caller, ModelVersion, Role
from sightloop.events import Events
from sightloop.registry import Registry
from sightloop.storage import Records, Stores
from tests.specs.serving.small_model import small_bundle

CLASSES = ("dark", "bright")
ME = Caller(workspace="ws_a", actor="usr_1", role=Role.ENGINEER)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the bundle of these tests was checked once, under a model of its own."""
    folder = tmp_path_factory.mktemp("prepared")
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    registry = Registry(records, Events(records), Stores(folder, records))
    registering(registry, small_bundle().to_archive())(model="prepared")
    records.close()
    return folder


@pytest.fixture
def records(prepared: Path, tmp_path: Path) -> Iterator[Records]:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    records = Records(f"sqlite:///{tmp_path}/sightloop.db")
    yield records
    records.close()


@pytest.fixture
def events(records: Records) -> Events:
    return Events(records, code_version="test")


@pytest.fixture
def stores(tmp_path: Path, records: Records) -> Stores:
    return Stores(tmp_path, records)


@pytest.fixture
def registry(records: Records, events: Events, stores: Stores) -> Registry:
    return Registry(records, events, stores)


def evaluation(
    n: int = 400, *, wrong: float = 0.1, seed: int = 0, test_version: str = "dsv_test", first_sample: int = 0
) -> dict[str, Any]:
    """Results of a model that errs on this share of the samples; the samples and labels are always the same."""
    label = np.random.default_rng(99).integers(0, 2, n)
    flip = np.random.default_rng(seed).random(n) < wrong
    predicted = np.where(flip, 1 - label, label)
    score = np.where(predicted == 1, 0.9, 0.1)
    return {
        "test_version": test_version,
        "samples": [f"smp_{first_sample + index:04d}" for index in range(n)],
        "label": [CLASSES[index] for index in label],
        "predicted": [CLASSES[index] for index in predicted],
        "probabilities": [[1 - float(s), float(s)] for s in score],
        "slices": {"cell_type": ["mono" if index % 2 else "poly" for index in range(n)]},
    }


Register = Callable[..., ModelVersion]


@pytest.fixture
def register(registry: Registry) -> Register:
    return registering(registry, small_bundle().to_archive())


def registering(registry: Registry, archive: bytes) -> Register:
    def make(*, caller: Caller = ME, parity: bool = True, model: str = "cells", **facts: Any) -> ModelVersion:
        return registry.register(
            caller,
            model,
            bundle=archive,
            dataset_version="dsv_1",
            schema="sch_1",
            recipe={"trainer": "frozen_head"},
            metrics={"accuracy": 0.9, "parity": {"passed": parity}},
            evaluation=evaluation(**facts),
            run="run_1",
        )

    return make
