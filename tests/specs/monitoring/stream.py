"""A deployment of one model in memory: its log, its predictions for samples, and a monitor's installation around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sightloop.domain import Caller, Deployment, PayloadKind, Prediction, Role, Sample, now
from sightloop.errors import NotFound
from sightloop.events import Events
from sightloop.monitoring import Monitoring
from sightloop.storage import Records, Stores

ENGINEER = Caller("default", "tester", Role.ENGINEER)
STRANGER = Caller("other", "stranger", Role.ENGINEER)
CLASSES = ("ok", "defect")
Floats = npt.NDArray[np.float32]


class Line:
    """A production line: each sample is drawn from a normal distribution around 0 (usual) or `shift` (changed)."""

    def __init__(self, seed: int = 0, dims: int = 8, version: str = "mdv_1") -> None:
        self.rng = np.random.default_rng(seed)
        self.dims = dims
        self.version = version
        self.samples: dict[str, Floats] = {}
        self.log: list[Prediction] = []
        self.facets: dict[str, dict[str, str]] = {}
        self.quality: dict[str, npt.NDArray[np.float64]] = {}
        self.darker = 0.0
        self.latency_ms = 20.0

    def draw(self, count: int, shift: float = 0.0, **facets: str) -> list[str]:
        """New samples, none of them in the log."""
        names = [f"smp_{len(self.samples) + i:05}" for i in range(count)]
        rows = self.rng.normal(shift, 1, (count, self.dims)).astype(np.float32)
        self.samples |= dict(zip(names, rows, strict=True))
        self.facets |= dict.fromkeys(names, facets)
        self.quality |= dict(zip(names, self.rng.normal((0.5, 0.2, 300), (0.05, 0.02, 30), (count, 3)), strict=True))
        return names

    def send(self, count: int, shift: float = 0.0, deployment: str = "line-1", **facets: str) -> list[Prediction]:
        """Predictions on new samples, appended to the log."""
        names = self.draw(count, shift, **facets)
        probabilities, embeddings = self.predict_samples(ENGINEER, self.version, names)
        for name, p, embedding in zip(names, probabilities, embeddings, strict=True):
            self.log.append(
                Prediction(
                    id=f"prd_{len(self.log):05}", sample=name, media_digest=name, model_version=self.version,
                    deployment=deployment, made_at=now(), kind=PayloadKind.CLASS_SCORES,
                    payload={"classes": list(CLASSES), "probabilities": [float(one) for one in p]},
                    label=CLASSES[int(p.argmax())], score=float(p.max()),
                    brightness=float(self.quality[name][0]) - self.darker, contrast=float(self.quality[name][1]),
                    blur=float(self.quality[name][2]), facets=facets,
                    latency_ms=float(self.latency_ms * self.rng.lognormal(0, 0.2)),
                    embedding=tuple(float(one) for one in embedding), sequence=len(self.log) + 1,
                )
            )  # fmt: skip
        return self.log[-count:]

    def say(self, labels: str) -> None:
        """One prediction per letter: o is ok, d is defect."""
        for letter in labels:
            one = self.send(1)[0]
            self.log[-1] = replace(one, label="ok" if letter == "o" else "defect")

    def read(self, caller: Caller, deployment: str, after: int, limit: int) -> list[Prediction]:
        if caller.workspace != ENGINEER.workspace:
            return []
        return [one for one in self.log if one.sequence > after and one.deployment == deployment][:limit]

    def sample(self, caller: Caller, sample_id: str) -> Sample:
        brightness, contrast, blur = map(float, self.quality[sample_id])
        return Sample(
            sample_id, sample_id, brightness=brightness, contrast=contrast, blur=blur, metadata=self.facets[sample_id]
        )

    def get(self, caller: Caller, name: str) -> Deployment:
        if caller.workspace != ENGINEER.workspace:
            raise NotFound(f'There is no deployment "{name}".')
        return Deployment("dep_1", name, "cells", self.version, "champion", "realtime", "onnx", "ready", "", now())

    def predict_samples(self, caller: Caller, model_version: str, sample_ids: Sequence[str]) -> tuple[Floats, Floats]:
        embeddings = np.stack([self.samples[one] for one in sample_ids])
        defect = 1 / (1 + np.exp(-embeddings[:, :1]))
        return np.concatenate([1 - defect, defect], axis=1), embeddings

    def evaluation(self, caller: Caller, version_id: str) -> Mapping[str, Any]:
        tested = [[0.9, 0.1]] * 100
        return {"label": ["ok"] * 100, "predicted": ["ok"] * 88 + ["defect"] * 12, "probabilities": tested}


class House:
    """Monitoring over a line, in a folder that outlives it."""

    def __init__(self, folder: Path, line: Line) -> None:
        self.records = Records(f"sqlite:///{folder / 'sightloop.db'}")
        self.records.migrate()
        self.stores = Stores(folder, self.records)
        self.events = Events(self.records)
        self.monitoring = Monitoring(self.records, self.stores, self.events, line, line, line, line)

    def data(self, receipt_id: str) -> bytes:
        """The blob that the receipt can be replayed from."""
        receipt = self.events.receipt(ENGINEER, receipt_id)
        return self.stores.workspace(ENGINEER.workspace).blobs.get(receipt.inputs["data"])
