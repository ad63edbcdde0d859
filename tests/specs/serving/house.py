"""Control's side of serving on real foundations, with a few samples held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sightloop.domain import Caller, ModelVersion, Role, Sample, derived_id, digest_of
from sightloop.errors import not_found
from sightloop.events import Events
from sightloop.inference import Bundle, DecodePool, DecodeRequest
from sightloop.registry import Registry
from sightloop.runs import Executor, Runs
from sightloop.serving import Deployments, PredictionLog, Predictor
from sightloop.settings import DecodeSettings, ServingSettings, Settings
from sightloop.storage import Records, Stores
from tests.specs.serving.conftest import KEYS, WORKSPACE
from tests.specs.serving.small_model import png, small_bundle

ME = Caller(workspace=WORKSPACE, actor="usr_1", role=Role.ENGINEER)


class HeldSamples:
    """Samples of one grey level each; the port SampleMedia without a table."""

    def __init__(self, levels: Sequence[int] = ()) -> None:
        self._levels = {derived_id("smp", str(level)): level for level in levels}

    @property
    def ids(self) -> list[str]:
        return list(self._levels)

    def find_media(self, caller: Caller, digests: Iterable[str]) -> Mapping[str, str]:
        known = {digest_of(png(level)): sample for sample, level in self._levels.items()}
        return {digest: known[digest] for digest in digests if digest in known and caller.workspace == WORKSPACE}

    def contents(self, caller: Caller) -> tuple[str, pa.Table]:
        digests = [digest_of(png(level)) for level in self._levels.values()]
        return str(len(digests)), pa.table({"id": pa.array(self.ids, pa.string()), "media_digest": digests})

    def sample(self, caller: Caller, sample_id: str) -> Sample:
        if sample_id not in self._levels or caller.workspace != WORKSPACE:
            raise not_found("sample", sample_id)
        return Sample(id=sample_id, media_digest=digest_of(png(self._levels[sample_id])))

    def pixels(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[npt.NDArray[np.uint8]]:
        for sample_id in sample_ids:
            yield np.full((16, 16, 3), self._levels[sample_id], np.uint8)

    def encoded(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[tuple[bytes, DecodeRequest]]:
        for sample_id in sample_ids:
            yield png(self._levels[sample_id]), DecodeRequest()


class House:
    """The rooms that serving stands on, wired as app does it."""

    def __init__(self, folder: Path, samples: HeldSamples | None = None, executor: Executor | None = None) -> None:
        self.folder = folder
        self.samples = samples or HeldSamples()
        self.records = Records(f"sqlite:///{folder}/sightloop.db")
        self.records.migrate()
        self.events = Events(self.records)
        self.stores = Stores(folder, self.records)
        self.registry = Registry(self.records, self.events, self.stores)
        self.runs = Runs(self.records, self.events, folder / "runs.db", code_version="test", executor=executor)
        self.decoder = DecodePool(workers=1)
        self.log = PredictionLog(folder, self.records, self.events, self.stores, self.samples)
        self.keys = list(KEYS)
        self.deployments = Deployments(
            folder,
            Settings(serving=ServingSettings(threads=1), decode=DecodeSettings(workers=1)),
            records=self.records,
            events=self.events,
            runs=self.runs,
            registry=self.registry,
            predictor=Predictor(self.registry, self.samples, self.log, self.decoder, self.runs.executor, threads=1),
            serving_keys=lambda: self.keys,
        )

    def register(self, bundle: Bundle | None = None, caller: Caller = ME, model: str = "cells") -> ModelVersion:
        evaluation: dict[str, Any] = {
            "test_version": "dsv_test",
            "samples": ["smp_1", "smp_2"],
            "label": ["dark", "bright"],
            "predicted": ["dark", "bright"],
            "probabilities": [[0.9, 0.1], [0.1, 0.9]],
        }
        return self.registry.register(
            caller,
            model,
            bundle=(bundle or small_bundle()).to_archive(),
            dataset_version="dsv_1",
            schema="sch_1",
            recipe={},
            metrics={"parity": {"passed": True}},
            evaluation=evaluation,
            run="run_1",
        )

    def promoted(self, bundle: Bundle | None = None, caller: Caller = ME) -> ModelVersion:
        version = self.register(bundle, caller)
        self.registry.promote(caller, "cells", version.id, reason="for the test")
        return version

    def close(self) -> None:
        self.deployments.close()
        self.decoder.close()
        self.runs.close()
        self.records.close()


@contextmanager
def opened(folder: Path, samples: HeldSamples | None = None) -> Iterator[House]:
    house = House(folder, samples)
    try:
        yield house
    finally:
        house.close()
