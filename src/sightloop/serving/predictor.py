"""Predictions on samples, in this process: for references and evaluation, and as the batch target."""

from __future__ import annotations

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.domain import Caller, derived_id, now
from sightloop.errors import InvalidMedia, Refused
from sightloop.inference import Batch, Bundle, DecodePool, DecodeRequest, FarLook, ModelSession, Seen, look
from sightloop.registry import Registry
from sightloop.runs import Executor, RunContext, Work
from sightloop.serving.ports import SampleMedia
from sightloop.serving.prediction_log import PredictionLog

BATCH: Final = 64
STEP: Final = 512
AT_ONCE: Final = 16
KEPT_SESSIONS: Final = 3


class Predictor:
    """A few model versions, loaded as they are asked for."""

    def __init__(
        self,
        registry: Registry,
        media: SampleMedia,
        log: PredictionLog,
        decoder: DecodePool,
        executor: Executor,
        *,
        threads: int,
    ) -> None:
        self._registry = registry
        self._media = media
        self._log = log
        self._decoder = decoder
        self._executor = executor
        self._threads = threads
        self._sessions: OrderedDict[tuple[str, str], ModelSession] = OrderedDict()
        self._lock = Lock()

    def predict_samples(
        self, caller: Caller, model_version: str, sample_ids: Sequence[str]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Probabilities (N, C) and embeddings (N, E), float32, rows in the order of the ids."""
        session = self._session(caller, model_version)
        self._require_prepared(caller, session, sample_ids)
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
        """The run of kind "predict": every sample once, into the prediction log, 512 a step."""
        version, samples = params["model_version"], params["samples"]
        context.uses("model_version", version)
        context.uses_all("sample", samples)
        for start in range(0, len(samples), STEP):
            part = samples[start : start + STEP]
            context.step(f"predict {start}", partial(self._predict_part, context, version, part))
            context.progress(start + len(part), len(samples))
        return {"predicted": len(samples), "model_version": version}

    def _predict_part(self, context: RunContext, version: str, samples: Sequence[str]) -> int:
        caller = context.caller
        session = self._session(caller, version)
        self._require_prepared(caller, session, samples)
        classes = list(session.manifest.classes)
        records = []
        for sample_id, seen in zip(samples, self._seen(caller, version, samples), strict=True):
            if isinstance(seen.found, InvalidMedia):
                raise seen.found
            (probabilities, _, embedding), measured = seen.said, seen.found.measures
            assert measured is not None
            top = int(probabilities.argmax())
            records.append(
                {
                    "id": derived_id("prd", caller.workspace, version, sample_id),
                    "sample": sample_id,
                    "deployment": "",
                    "model_version": version,
                    "made_at": now().isoformat(),
                    "media_digest": self._media.sample(caller, sample_id).content,
                    "label": classes[top],
                    "score": float(probabilities[top]),
                    "classes": classes,
                    "probabilities": [float(p) for p in probabilities],
                    "embedding": b64encode(embedding.astype("<f2").tobytes()).decode(),
                    "brightness": measured.brightness,
                    "contrast": measured.contrast,
                    "blur": measured.blur,
                    "trace_id": caller.trace_id,
                    "deadline_ms": 0.0,
                    "purpose": "",
                    "latency_ms": seen.seconds * 1000,
                }
            )
        self._log.write_batch(caller.workspace, records)
        return len(records)

    def _require_prepared(self, caller: Caller, session: ModelSession, samples: Sequence[str]) -> None:
        """Returns silently where the samples are what the model's transform makes; else raises Refused."""
        if (done := session.manifest.transform) is None:
            return
        if any(self._media.sample(caller, one).metadata.get("transform") != done.title for one in samples):
            raise Refused(
                f'The model sees pictures after the transform "{done.title}", and some of the samples are not.',
                hint=f"Make them first: sightloop transform backfill {done.name}",
            )

    def _seen(self, caller: Caller, version: str, samples: Sequence[str]) -> Iterator[Seen]:
        """What the model says of each sample's picture, wherever the executor has it looked at."""
        session = self._session(caller, version)
        side = session.manifest.input.height
        here = partial(self._look, session, side)
        work = Work(f"predict {version}", here, partial(self._far, caller, version, side))
        media = self._media.encoded(caller, samples)
        batches = iter(lambda: list(islice(media, AT_ONCE)), [])
        for answered in self._executor.map(work, map(_batch, batches)):
            yield from answered

    def _look(self, session: ModelSession, side: int, batch: Batch) -> list[Seen]:
        return session.answer(look(self._decoder, side, batch))

    def _far(self, caller: Caller, version: str, side: int) -> FarLook:
        return FarLook(self._decoder.limits, side, self._bundle(caller, version).onnx)

    def _bundle(self, caller: Caller, version: str) -> Bundle:
        return Bundle.from_archive(self._registry.bundle(caller, version))

    def _session(self, caller: Caller, model_version: str) -> ModelSession:
        version = self._registry.version(caller, model_version)
        key = (caller.workspace, version.id)
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = ModelSession(self._bundle(caller, version.id), threads=self._threads)
                while len(self._sessions) > KEPT_SESSIONS:
                    self._sessions.popitem(last=False)
            self._sessions.move_to_end(key)
            return self._sessions[key]


def _batch(pairs: Sequence[tuple[bytes, DecodeRequest]]) -> Batch:
    return Batch([data for data, _ in pairs], [replace(want, measures=True) for _, want in pairs])
