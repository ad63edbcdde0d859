"""What a monitor compares with: fitted once from samples, then frozen; and the scores it gives to predictions.

Population: the reference samples and every later prediction of the same model version on the deployment, each within
its regime. Frame: the log, thinned to one image per decorrelation time. The fit set serves distances only and shares no
sample with the reference, so that reference and stream are scored alike; samples that trained the model may be in the
fit set, never in the reference.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import orjson

from sightloop.domain import Prediction
from sightloop.errors import Corrupt, InvalidInput, NotEnoughData
from sightloop.vision import Whitening, fit_whitening, knn_score

Floats = npt.NDArray[np.float64]
Cell = tuple[str, str]
KINDS = ("embedding", "score", "label", "quality", "latency")
# A backtest holds back thirds (vision.backtest): below 60 a third says nothing about a level of 1 %.
LEAST_REFERENCE = 60
# A regime with fewer reference images is as good as unseen: its p-values are too coarse to move anything.
LEAST_CELL = 20
MOST_FIT = 300


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What is known of images in time order.

    Attributes:
        probabilities: (N, C); embeddings: (N, E), both by the model.
        quality: (N, 3): brightness, contrast, blur; latency_ms: (N,) of their answers. Empty where no monitor needs it.
        regimes: of each image; slices: by facet, the value of each image. Empty where none is declared.
    """

    samples: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]
    quality: Floats | None = None
    latency_ms: Floats | None = None
    regimes: tuple[str, ...] = ()
    slices: Mapping[str, tuple[str, ...]] | None = None

    def cells(self, facet: str) -> list[Cell]:
        """Slice and regime of each image; the slice is empty for the facet ""."""
        count = len(self.samples)
        values = (self.slices or {}).get(facet) or ("",) * count
        return list(zip(values, self.regimes or ("",) * count, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The frozen side of the comparison.

    Attributes:
        kinds, regime, slices: what is scored; the facets that make a regime; those that evidence is sliced by.
        whitening, fit_points: of the fit embeddings, float64 (n, d); quality_whitening, quality_points: of the quality.
        shares: of each class among the fit predictions.
        scores, cells: of the reference images by line, in time order, thinned by the `stride` of its kind.
        audited: confidence and correctness (0 or 1) of the model on its frozen test set, or empty.
        backtests: by line, as `vision.BacktestResult` gives them; why: what denies the guarantee, empty if it holds.
    """

    model_version: str
    samples: tuple[str, ...]
    fit: tuple[str, ...]
    kinds: tuple[str, ...]
    regime: tuple[str, ...]
    slices: tuple[str, ...]
    whitening: Whitening
    fit_points: Floats
    quality_whitening: Whitening | None
    quality_points: Floats
    shares: tuple[float, ...]
    scores: Mapping[str, Sequence[float]]
    cells: Mapping[str, Sequence[Cell]]
    audited: tuple[tuple[float, ...], tuple[float, ...]]
    stride: Mapping[str, int]
    backtests: Mapping[str, Mapping[str, Any]]
    why: tuple[str, ...]

    @property
    def bounded(self) -> bool:
        """Whether the bound on false alarms is claimed."""
        return not self.why

    @property
    def lines(self) -> dict[str, tuple[str, str]]:
        """Kind and facet of each line of evidence: one for all images of a kind, one for each facet it is sliced by."""
        return lines_of(self.kinds, self.slices)

    def score(self, seen: Outlook) -> dict[str, Floats]:
        """Nonconformity by kind, float64 (N,), larger is stranger.

        "embedding" and "quality": mean distance to the 5 nearest fit points; "score": 1 - top probability; "label":
        1 - share of the top class in the fit set; "latency": milliseconds.
        """
        return {
            kind: self._scored(kind, seen) for kind in self.kinds if kind != "latency" or seen.latency_ms is not None
        }

    def _scored(self, kind: str, seen: Outlook) -> Floats:
        if kind == "embedding":
            return knn_score(self.fit_points, self.whitening.apply(as_logged(seen.embeddings)))
        if kind == "quality" and self.quality_whitening is not None and seen.quality is not None:
            return knn_score(self.quality_points, self.quality_whitening.apply(levelled(seen.quality)))
        if kind == "latency" and seen.latency_ms is not None:
            return seen.latency_ms
        p = np.atleast_2d(np.asarray(seen.probabilities, np.float64))
        if kind == "score":
            return np.asarray(1 - p.max(axis=1))
        shares = np.zeros(max(len(self.shares), p.shape[1]))
        shares[: len(self.shares)] = self.shares
        return np.asarray(1 - shares[p.argmax(axis=1)])

    def can_score(self, prediction: Prediction) -> bool:
        """Whether this reference speaks for the prediction: same model version, and all that the scores need."""
        embedded = "embedding" not in self.kinds or len(prediction.embedding) == len(self.whitening.mean)
        return prediction.model_version == self.model_version and embedded and bool(_probabilities(prediction))

    def score_predictions(self, predictions: Sequence[Prediction]) -> dict[str, Floats]:
        """`score` of logged predictions that `can_score` admits."""
        if not predictions:
            return {kind: np.empty(0) for kind in self.kinds}
        return self.score(
            Outlook(
                tuple(one.sample for one in predictions),
                np.asarray([_probabilities(one) for one in predictions], np.float32),
                np.asarray([one.embedding for one in predictions if "embedding" in self.kinds], np.float32),
                np.asarray([(one.brightness, one.contrast, one.blur) for one in predictions], np.float64),
                np.asarray([one.latency_ms for one in predictions], np.float64),
            )
        )

    def to_bytes(self) -> bytes:
        """JSON that `from_bytes` reads back bit for bit."""
        plain = ("model_version", "samples", "fit", "kinds", "regime", "slices", "shares", "scores", "cells", "audited",
                 "stride", "backtests", "why")  # fmt: skip
        return orjson.dumps(
            {
                **{name: getattr(self, name) for name in plain},
                "whitening": _packed(self.whitening),
                "fit_points": _pack(self.fit_points),
                "quality_whitening": _packed(self.quality_whitening),
                "quality_points": _pack(self.quality_points),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The reference that was stored; raises Corrupt where the bytes are something else."""
        try:
            raw = orjson.loads(data)
            whitening = _unpacked(raw["whitening"])
            if whitening is None:
                raise ValueError
            return cls(
                model_version=raw["model_version"],
                samples=tuple(raw["samples"]),
                fit=tuple(raw["fit"]),
                kinds=tuple(raw["kinds"]),
                regime=tuple(raw["regime"]),
                slices=tuple(raw["slices"]),
                whitening=whitening,
                fit_points=_unpack(raw["fit_points"]),
                quality_whitening=_unpacked(raw["quality_whitening"]),
                quality_points=_unpack(raw["quality_points"]),
                shares=tuple(raw["shares"]),
                scores=raw["scores"],
                cells={line: [(part, regime) for part, regime in cells] for line, cells in raw["cells"].items()},
                audited=(tuple(raw["audited"][0]), tuple(raw["audited"][1])),
                stride=raw["stride"],
                backtests=raw["backtests"],
                why=tuple(raw["why"]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Corrupt("The reference of a monitor is unreadable.", hint="Rebase the monitor.") from error


def lines_of(kinds: Sequence[str], slices: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Kind and facet by name of the line: "embedding" for all images, "embedding by camera" for the slices."""
    return {f"{kind} by {facet}" if facet else kind: (kind, facet) for kind in kinds for facet in ("", *slices)}


def separate(reference: Sequence[str], fit: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Held-out and fit samples, disjoint; without a fit set, half of the reference (by digest of its id) becomes it.

    Of a larger fit set, 300 by digest are taken: each costs a prediction, and more hardly sharpen a distance in 32
    dimensions.

    Raises InvalidInput where they share samples, NotEnoughData where fewer than 60 held-out samples are left.
    """
    held, fitted = tuple(dict.fromkeys(reference)), tuple(dict.fromkeys(fit))
    shared = set(held) & set(fitted)
    if shared:
        raise InvalidInput(
            f"{len(shared)} samples are in the reference and in the fit set.",
            hint="Hold the reference out of whatever trained or fitted anything.",
        )
    if len(fitted) > MOST_FIT:
        drawn = _drawn(fitted, MOST_FIT)
        fitted = tuple(one for one in fitted if one in drawn)
    if not fitted:
        drawn = _drawn(held, len(held) // 2)
        held, fitted = tuple(one for one in held if one not in drawn), tuple(one for one in held if one in drawn)
    if len(held) < LEAST_REFERENCE:
        raise NotEnoughData(
            f"{len(held)} held-out reference samples are too few for a monitor.",
            hint=f"Give at least {LEAST_REFERENCE}, or {2 * LEAST_REFERENCE} without a fit set.",
        )
    return held, fitted


def tie_break(prediction: str, line: str) -> float:
    """A number in (0, 1), uniform over ids, the same for the same prediction and line: 52 bits of SHA-256."""
    digest = hashlib.sha256(f"{prediction}:{line}".encode()).digest()
    return ((int.from_bytes(digest[:8], "big") >> 12) + 0.5) / (1 << 52)


def as_logged(embeddings: npt.ArrayLike | Iterable[Sequence[float]]) -> Floats:
    """Embeddings rounded to float16 as the prediction log keeps them, so that reference and stream are scored alike."""
    return np.asarray(embeddings, np.float16).astype(np.float64)


def levelled(quality: Floats) -> Floats:
    """Brightness, contrast and the logarithm of blur, whose variance of edges spans decades."""
    return np.asarray(np.c_[quality[:, :2], np.log1p(quality[:, 2])])


def fit_points(fit: Outlook) -> tuple[Whitening, Floats, Whitening | None, Floats]:
    """Whitening and whitened points of the fit set: of its embeddings and, where it has any, of its quality."""
    whitening = fit_whitening(as_logged(fit.embeddings))
    points = whitening.apply(as_logged(fit.embeddings))
    if fit.quality is None:
        return whitening, points, None, np.empty((0, 0))
    quality = fit_whitening(levelled(fit.quality))
    return whitening, points, quality, quality.apply(levelled(fit.quality))


def _drawn(samples: Sequence[str], count: int) -> set[str]:
    """So many of the samples, the same ones always: those whose ids have the lowest digests."""
    return set(sorted(samples, key=lambda one: hashlib.sha256(one.encode()).digest())[:count])


def _probabilities(prediction: Prediction) -> Sequence[float]:
    return cast(Sequence[float], prediction.payload.get("probabilities", ()))


def _packed(whitening: Whitening | None) -> dict[str, Any] | None:
    return None if whitening is None else {"mean": _pack(whitening.mean), "matrix": _pack(whitening.matrix)}


def _unpacked(packed: Mapping[str, Any] | None) -> Whitening | None:
    return None if packed is None else Whitening(_unpack(packed["mean"]), _unpack(packed["matrix"]))


def _pack(array: Floats) -> dict[str, Any]:
    data = np.ascontiguousarray(array, "<f8")
    return {"shape": data.shape, "f8": base64.b64encode(data.tobytes()).decode()}


def _unpack(packed: Mapping[str, Any]) -> Floats:
    flat = np.frombuffer(base64.b64decode(packed["f8"]), "<f8")
    return np.asarray(flat.reshape(packed["shape"]), np.float64)
