"""What a monitor compares with: fitted once from samples, then frozen; and the scores it gives to predictions.

Population: the reference samples and every later prediction of the same model version on the deployment. Frame: the
log, thinned to one image per decorrelation time. The fit set serves distances only and shares no sample with the
reference, so that reference and stream are scored alike; samples that trained the model may be in the fit set, never in
the reference.
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
from sightloop.vision import Whitening, backtest, decorrelation_time, fit_whitening, knn_score

Floats = npt.NDArray[np.float64]
KINDS = ("embedding", "score", "label")
# A backtest holds back thirds (vision.backtest): below 60 a third says nothing about a level of 1 %.
LEAST_REFERENCE = 60
MOST_FIT = 300
PERMUTATIONS = 399
PERMUTATION_LEVEL = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The frozen side of the comparison.

    Attributes:
        scores: of the reference samples by monitor, in the order given, thinned by `stride`.
        fit_points: whitened fit embeddings, float64 (n, d); shares: of each class among the fit predictions.
        audited: confidence and correctness (0 or 1) of the model on its frozen test set, or empty.
        stride: every so many images one is watched; 1 watches all.
        backtests: by monitor, as `vision.BacktestResult` gives them; bounded: whether all of them kept the level.
    """

    model_version: str
    samples: tuple[str, ...]
    fit: tuple[str, ...]
    whitening: Whitening
    fit_points: Floats
    shares: tuple[float, ...]
    scores: Mapping[str, Sequence[float]]
    audited: tuple[tuple[float, ...], tuple[float, ...]]
    stride: int
    backtests: Mapping[str, Mapping[str, Any]]
    bounded: bool

    def score(self, probabilities: npt.ArrayLike, embeddings: npt.ArrayLike) -> dict[str, Floats]:
        """Nonconformity by monitor, float64 (N,), larger is stranger.

        "embedding": mean distance to the 5 nearest fit points; "score": 1 - top probability; "label": 1 - share of the
        top class in the fit set.
        """
        p = np.atleast_2d(np.asarray(probabilities, np.float64))
        shares = np.zeros(max(len(self.shares), p.shape[1]))
        shares[: len(self.shares)] = self.shares
        found = {}
        for kind in self.scores:
            if kind == "embedding":
                found[kind] = knn_score(self.fit_points, self.whitening.apply(_as_logged(embeddings)))
            elif kind == "score":
                found[kind] = 1 - p.max(axis=1)
            else:
                found[kind] = 1 - shares[p.argmax(axis=1)]
        return found

    def can_score(self, prediction: Prediction) -> bool:
        """Whether this reference speaks for the prediction: same model version, and all that the scores need."""
        embedded = "embedding" not in self.scores or len(prediction.embedding) == len(self.whitening.mean)
        return prediction.model_version == self.model_version and embedded and bool(_probabilities(prediction))

    def score_predictions(self, predictions: Sequence[Prediction]) -> dict[str, Floats]:
        """`score` of logged predictions that `can_score` admits."""
        if not predictions:
            return {kind: np.empty(0) for kind in self.scores}
        return self.score([_probabilities(one) for one in predictions], [one.embedding for one in predictions])

    def to_bytes(self) -> bytes:
        """JSON that `from_bytes` reads back bit for bit."""
        return orjson.dumps(
            {
                "model_version": self.model_version,
                "samples": self.samples,
                "fit": self.fit,
                "mean": _pack(self.whitening.mean),
                "matrix": _pack(self.whitening.matrix),
                "fit_points": _pack(self.fit_points),
                "shares": self.shares,
                "scores": self.scores,
                "audited": self.audited,
                "stride": self.stride,
                "backtests": self.backtests,
                "bounded": self.bounded,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The reference that was stored; raises Corrupt where the bytes are something else."""
        try:
            raw = orjson.loads(data)
            return cls(
                model_version=raw["model_version"],
                samples=tuple(raw["samples"]),
                fit=tuple(raw["fit"]),
                whitening=Whitening(_unpack(raw["mean"]), _unpack(raw["matrix"])),
                fit_points=_unpack(raw["fit_points"]),
                shares=tuple(raw["shares"]),
                scores=raw["scores"],
                audited=(tuple(raw["audited"][0]), tuple(raw["audited"][1])),
                stride=raw["stride"],
                backtests=raw["backtests"],
                bounded=raw["bounded"],
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Corrupt("The reference of a monitor is unreadable.", hint="Rebase the monitor.") from error


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What a model says about a list of samples: probabilities (N, C) and embeddings (N, E)."""

    samples: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]


def fit_reference(
    model_version: str,
    fit: Outlook,
    held_out: Outlook,
    *,
    kinds: Sequence[str],
    alpha: float,
    audited: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> Reference:
    """The reference fitted on `fit` and scored on `held_out` (in time order), with its own backtest.

    Raises InvalidInput where the two share a sample, NotEnoughData below 60 held-out samples.
    """
    whitening = fit_whitening(_as_logged(fit.embeddings))
    counts = np.bincount(np.asarray(fit.probabilities).argmax(axis=1), minlength=fit.probabilities.shape[1])
    bare = Reference(
        model_version, held_out.samples, fit.samples, whitening, whitening.apply(_as_logged(fit.embeddings)),
        tuple(map(float, counts / counts.sum())), dict.fromkeys(kinds, ()), ((), ()), 1, {}, False,
    )  # fmt: skip
    scores = bare.score(held_out.probabilities, held_out.embeddings)
    stride = max(round(decorrelation_time(values)) if correlated(values) else 1 for values in scores.values())
    if len(held_out.samples) // stride < LEAST_REFERENCE:
        stride = 1
    thinned = {kind: [float(value) for value in values[::stride]] for kind, values in scores.items()}
    # The union bound over monitors gives each alpha / k (vision.DriftMartingale), so each is backtested at that level.
    tests = {kind: backtest(values, alpha / len(kinds), seed=0) for kind, values in thinned.items()}
    return Reference(
        model_version, held_out.samples, fit.samples, whitening, bare.fit_points, bare.shares, thinned,
        (tuple(audited[0]), tuple(audited[1])), stride,
        {kind: test.as_dict() for kind, test in tests.items()},
        all(test.guarantee and not correlated(thinned[kind]) for kind, test in tests.items()),
    )  # fmt: skip


def correlated(scores: Sequence[float] | Floats) -> bool:
    """Whether the order of the scores shows: their decorrelation time is longer than chance makes it.

    A permutation test at level 0.5 % (Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 3.1): the
    time itself is too noisy on a hundred images to be compared with a fixed number.
    """
    rng, values = np.random.default_rng(0), np.asarray(scores, np.float64)
    found = decorrelation_time(values)
    as_long = sum(decorrelation_time(rng.permutation(values)) >= found for _ in range(PERMUTATIONS))
    return (1 + as_long) / (1 + PERMUTATIONS) <= PERMUTATION_LEVEL


def _drawn(samples: Sequence[str], count: int) -> set[str]:
    """So many of the samples, the same ones always: those whose ids have the lowest digests."""
    return set(sorted(samples, key=lambda one: hashlib.sha256(one.encode()).digest())[:count])


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


def tie_break(prediction: str, kind: str) -> float:
    """A number in (0, 1), uniform over ids, the same for the same prediction and monitor: 52 bits of SHA-256."""
    digest = hashlib.sha256(f"{prediction}:{kind}".encode()).digest()
    return ((int.from_bytes(digest[:8], "big") >> 12) + 0.5) / (1 << 52)


def _probabilities(prediction: Prediction) -> Sequence[float]:
    return cast(Sequence[float], prediction.payload.get("probabilities", ()))


def _as_logged(embeddings: npt.ArrayLike | Iterable[Sequence[float]]) -> Floats:
    """Embeddings rounded to float16 as the prediction log keeps them, so that reference and stream are scored alike."""
    return np.asarray(embeddings, np.float16).astype(np.float64)


def _pack(array: Floats) -> dict[str, Any]:
    data = np.ascontiguousarray(array, "<f8")
    return {"shape": data.shape, "f8": base64.b64encode(data.tobytes()).decode()}


def _unpack(packed: Mapping[str, Any]) -> Floats:
    flat = np.frombuffer(base64.b64decode(packed["f8"]), "<f8")
    return np.asarray(flat.reshape(packed["shape"]), np.float64)
