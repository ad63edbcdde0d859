"""What happens to an image that comes in: decoded, predicted, logged, answered. In this order."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from typing_extensions import TypedDict

from sightloop.domain import Caller, derived_id, new_id, now
from sightloop.errors import Conflict, InvalidMedia, Unavailable
from sightloop.inference import DecodePool, DecodeRequest
from sightloop.serving.batching import Batcher, Claim, Place
from sightloop.serving.live import Live
from sightloop.serving.segments import SegmentWriter
from sightloop.serving.spool import MediaSpool
from sightloop.storage import faultpoint
from sightloop.vision import quality

Pixels = npt.NDArray[np.uint8]

REMEMBERED: Final = 4096
MAX_PIXELS: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: by whom, on which deployment, its place in the queue, its key, deadline, purpose and facets."""

    caller: Caller
    deployment: str
    place: Place
    arrived: float
    key: str = ""
    trace_id: str = ""
    deadline_ms: float = 0.0
    purpose: str = ""
    facets: Mapping[str, str] = field(default_factory=dict)

    def prediction_id(self, index: int = 0) -> str:
        """The same id for the same key, so that a retry is the same prediction."""
        if not self.key:
            return new_id("prd")
        parts = (self.caller.workspace, self.deployment, self.key)
        return derived_id("prd", *parts, *([str(index)] if index else []))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """An image that is ready for the model: pixels, digest of its medium, and quality measures."""

    pixels: Pixels
    digest: str
    brightness: float
    contrast: float
    blur: float


class Predicted(TypedDict):
    """The answer for one image; `score` is the calibrated probability of `label`, the top class."""

    prediction_id: str
    label: str
    score: float
    probabilities: Mapping[str, float]
    model: str
    model_version: str
    deployment: str


class PredictionDoor:
    """Predicts and logs. A prediction is in its segment before anybody hears of it."""

    def __init__(self, pool: DecodePool, segments: SegmentWriter, spool: MediaSpool) -> None:
        self._pool = pool
        self._segments = segments
        self._spool = spool
        self._answers: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def image(self, asked: Asked, live: Live, data: bytes) -> dict[str, Any]:
        """The answer for one encoded image; raises InvalidMedia with its reason."""
        return self.encoded(asked, live, [data])[0]

    def encoded(self, asked: Asked, live: Live, media: Sequence[bytes]) -> list[dict[str, Any]]:
        """One answer for each encoded image. The media are spooled."""
        began, batcher = time.monotonic(), live.answering()
        with batcher.coming():
            seen = [self._decode(data) for data in media]
        for image, data in zip(seen, media, strict=True):
            self._spool.put(asked.caller.workspace, image.digest, data)
        return self._answer(asked, batcher, seen, began)

    def tensors(self, asked: Asked, live: Live, images: Sequence[Pixels]) -> list[dict[str, Any]]:
        """One answer for each uint8 (H, W, 3) image. There is no medium to spool; the digest is of the pixels."""
        began = time.monotonic()
        seen = []
        for image in images:
            measured = quality(image)
            digest = sha256(image.tobytes()).hexdigest()
            seen.append(Seen(image, digest, measured.brightness, measured.contrast, measured.blur))
        return self._answer(asked, live.answering(), seen, began)

    def _decode(self, data: bytes) -> Seen:
        decoded = self._pool.decode(data, DecodeRequest(pixels=True, measures=True))
        if decoded.width * decoded.height > MAX_PIXELS:
            raise InvalidMedia(
                f"The image has {decoded.width} x {decoded.height} pixels.",
                hint=f"Send at most {MAX_PIXELS // 1_000_000} megapixels, or ingest it as a sample.",
                reason="too_many_pixels",
            )
        if decoded.pixels is None or decoded.measures is None:
            raise Unavailable("The decoder left out what was asked for.", hint="Report this; try again.")
        measured = decoded.measures
        digest = sha256(data).hexdigest()
        return Seen(decoded.pixels, digest, measured.brightness, measured.contrast, measured.blur)

    def _answer(self, asked: Asked, batcher: Batcher, seen: Sequence[Seen], began: float) -> list[dict[str, Any]]:
        ids = [asked.prediction_id(index) for index in range(len(seen))]
        answers = [self._remembered(name, image.digest) for name, image in zip(ids, seen, strict=True)]
        new = [index for index, answer in enumerate(answers) if answer is None]
        claims = batcher.predict(asked.place, [seen[index].pixels for index in new])
        faultpoint("prediction.unlogged")
        for index, claim in zip(new, claims, strict=True):
            answers[index] = self._log(asked, ids[index], seen[index], claim, began)
        faultpoint("prediction.logged")
        return [answer for answer in answers if answer is not None]

    def _log(self, asked: Asked, name: str, image: Seen, claim: Claim, began: float) -> dict[str, Any]:
        classes = claim.engine.session.manifest.classes
        top = int(claim.probabilities.argmax())
        answer = {
            "prediction_id": name,
            "label": classes[top],
            "score": float(claim.probabilities[top]),
            "probabilities": {c: float(p) for c, p in zip(classes, claim.probabilities, strict=True)},
            "model": claim.engine.model,
            "model_version": claim.engine.model_version,
            "deployment": asked.deployment,
        }
        record = {
            "id": name,
            "deployment": asked.deployment,
            "model_version": claim.engine.model_version,
            "made_at": now().isoformat(),
            "media_digest": image.digest,
            "label": answer["label"],
            "score": answer["score"],
            "classes": classes,
            "probabilities": [float(p) for p in claim.probabilities],
            "embedding": b64encode(claim.embedding.astype("<f2").tobytes()).decode(),
            "brightness": image.brightness,
            "contrast": image.contrast,
            "blur": image.blur,
            "trace_id": asked.trace_id,
            "deadline_ms": asked.deadline_ms,
            "purpose": asked.purpose,
            "facets": dict(asked.facets),
            "latency_ms": (time.monotonic() - began) * 1000,
        }
        self._segments.append(asked.caller.workspace, record)
        if asked.key:
            with self._lock:
                self._answers[name] = (image.digest, answer)
                if len(self._answers) > REMEMBERED:
                    self._answers.popitem(last=False)
        return answer

    def _remembered(self, name: str, digest: str) -> dict[str, Any] | None:
        with self._lock:
            known = self._answers.get(name)
        if known is None:
            return None
        if known[0] != digest:
            raise Conflict("This idempotency key came with another image before.", hint="Send a fresh key.")
        return known[1]
