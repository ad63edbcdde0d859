"""Predictions on samples, in this process: for references and evaluation, and as the batch target."""

from __future__ import annotations

import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.domain import Caller, derived_id, now
from sightloop.inference import Bundle, ModelSession
from sightloop.registry import Registry
from sightloop.runs import RunContext
from sightloop.serving.ports import SampleMedia
from sightloop.serving.prediction_log import PredictionLog
from sightloop.vision import quality

BATCH: Final = 64
KEPT_SESSIONS: Final = 3


class Predictor:
    """A few model versions, loaded as they are asked for."""

    def __init__(self, registry: Registry, media: SampleMedia, log: PredictionLog, *, threads: int) -> None:
        self._registry = registry
        self._media = media
        self._log = log
        self._threads = threads
        self._sessions: OrderedDict[tuple[str, str], ModelSession] = OrderedDict()
        self._lock = Lock()

    def predict_samples(
        self, caller: Caller, model_version: str, sample_ids: Sequence[str]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Probabilities (N, C) and embeddings (N, E), float32, rows in the order of the ids."""
        session = self._session(caller, model_version)
        images = self._media.pixels(caller, sample_ids)
        manifest = session.manifest
        probabilities = [np.empty((0, len(manifest.classes)), np.float32)]
        embeddings = [np.empty((0, manifest.embedding_dimensions), np.float32)]
        while batch := list(islice(images, BATCH)):
            said = session.predict(batch)
            probabilities.append(said.probabilities)
            embeddings.append(said.embedding)
        return np.concatenate(probabilities), np.concatenate(embeddings)

    def run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        """The run of kind "predict": every sample once, into the prediction log, 64 a step."""
        version, samples = params["model_version"], params["samples"]
        context.uses("model_version", version)
        context.uses_all("sample", samples)
        for start in range(0, len(samples), BATCH):
            part = samples[start : start + BATCH]
            context.step(f"predict {start}", partial(self._predict_part, context, version, part))
            context.progress(start + len(part), len(samples))
        return {"predicted": len(samples), "model_version": version}

    def _predict_part(self, context: RunContext, version: str, samples: Sequence[str]) -> int:
        caller, session = context.caller, self._session(context.caller, version)
        classes = list(session.manifest.classes)
        records = []
        for sample_id, image in zip(samples, self._media.pixels(caller, samples), strict=True):
            began = time.monotonic()
            said = session.predict([image])
            measured, top = quality(image), int(said.probabilities[0].argmax())
            records.append(
                {
                    "id": derived_id("prd", caller.workspace, version, sample_id),
                    "sample": sample_id,
                    "deployment": "",
                    "model_version": version,
                    "made_at": now().isoformat(),
                    "media_digest": self._media.sample(caller, sample_id).content,
                    "label": classes[top],
                    "score": float(said.probabilities[0, top]),
                    "classes": classes,
                    "probabilities": [float(p) for p in said.probabilities[0]],
                    "embedding": b64encode(said.embedding[0].astype("<f2").tobytes()).decode(),
                    "brightness": measured.brightness,
                    "contrast": measured.contrast,
                    "blur": measured.blur,
                    "trace_id": caller.trace_id,
                    "deadline_ms": 0.0,
                    "purpose": "",
                    "latency_ms": (time.monotonic() - began) * 1000,
                }
            )
        self._log.write_batch(caller.workspace, records)
        return len(records)

    def _session(self, caller: Caller, model_version: str) -> ModelSession:
        version = self._registry.version(caller, model_version)
        key = (caller.workspace, version.id)
        with self._lock:
            if key not in self._sessions:
                bundle = Bundle.from_archive(self._registry.bundle(caller, version.id))
                self._sessions[key] = ModelSession(bundle, threads=self._threads)
                while len(self._sessions) > KEPT_SESSIONS:
                    self._sessions.popitem(last=False)
            self._sessions.move_to_end(key)
            return self._sessions[key]
