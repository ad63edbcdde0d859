"""What an alarm says and keeps: evidence for people, data from which anyone can raise it again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import orjson

from sightloop.errors import InvalidInput
from sightloop.monitoring.fold import History
from sightloop.monitoring.reference import Reference, tie_break
from sightloop.vision import DriftMartingale

RULE = "conformal-jumper/1"
EXAMPLES = 12


def alarm_data(reference: Reference, alpha: float, history: History) -> bytes:
    """All that a replay of the alarm needs, as JSON: reference scores, stream scores and prediction ids in order."""
    return orjson.dumps(
        {
            "rule": RULE,
            "alpha": alpha,
            "reference_scores": reference.scores,
            "scores": {kind: history[f"score.{kind}"] for kind in reference.scores},
            "predictions": history["prediction"],
            "sequences": history["sequence"],
        }
    )


def replay_alarm(data: bytes | Mapping[str, Any]) -> dict[str, Any]:
    """The outcome recomputed from the data of a "drift.alarm" receipt.

    "image" counts the watched images since the reference was taken, from 1; it is 0 where no alarm comes of the data.
    Log wealths are natural logarithms, rounded to 9 digits.
    """
    raw = _parse(data)
    try:
        martingale = DriftMartingale(raw["reference_scores"], float(raw["alpha"]))
        for i, (prediction, sequence) in enumerate(zip(raw["predictions"], raw["sequences"], strict=True)):
            scores = {kind: float(values[i]) for kind, values in raw["scores"].items()}
            step = martingale.step(scores, {kind: tie_break(prediction, kind) for kind in scores})
            if step.alarm:
                wealth = {kind: round(value, 9) for kind, value in step.log_wealth.items()}
                return {"image": i + 1, "sequence": sequence, "prediction": prediction, "log_wealth": wealth}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InvalidInput("This is not the data of a drift alarm.", hint="Give a drift.alarm receipt.") from error
    return {"image": 0, "sequence": 0, "prediction": "", "log_wealth": {}}


def alarm_claim(alpha: float, bounded: bool) -> dict[str, Any]:
    """What the alarm promises; the guarantee is "none" where the backtest broke the level."""
    statement = (
        f"On a stream like its reference, the chance of ever raising this alarm is at most {alpha:g}."
        if bounded
        else "No guarantee on this stream: its reference is correlated in time, or its backtest broke the level."
    )
    return {"alpha": alpha, "guarantee": "bounded" if bounded else "none", "statement": statement}


def alarm_evidence(reference: Reference, alpha: float, history: History) -> dict[str, Any]:
    """Which monitors carry the alarm, since when, what moved, and the strangest images.

    The onset is estimated as the first image after the lowest wealth of the leading monitor, as in a CUSUM (Page,
    Biometrika 1954). Values of "moved" are medians; "before" is the reference for scores, the stream before the onset
    for facts of the image.
    """
    kinds = list(reference.scores)
    final = {kind: history[f"log_wealth.{kind}"][-1] for kind in kinds}
    threshold = math.log(len(kinds) / alpha)
    leading = max(kinds, key=lambda kind: final[kind])
    path = [0.0, *history[f"log_wealth.{leading}"]]
    onset = min(min(range(len(path)), key=lambda i: path[i]), len(path) - 2)
    moved: dict[str, Any] = {
        kind: {"before": median(reference.scores[kind]), "now": median(history[f"score.{kind}"][onset:])}
        for kind in kinds
    }
    for fact in ("brightness", "contrast", "blur", "confidence"):
        moved[fact] = {"before": _median(history[fact][:onset]), "now": _median(history[fact][onset:])}
    moved["labels"] = {"before": _shares(history["label"][:onset]), "now": _shares(history["label"][onset:])}
    strangest = sorted(range(onset, len(path) - 1), key=lambda i: (history[f"p.{leading}"][i], i))[:EXAMPLES]
    return {
        "leading": leading,
        "carried_by": [kind for kind in kinds if final[kind] >= threshold / 2],
        "log_wealth": final,
        "log_threshold": threshold,
        "images": len(history["sequence"]),
        "onset_sequence": history["sequence"][onset],
        "moved": moved,
        "examples": [
            {"prediction": history["prediction"][i], "sample": history["sample"][i], "p": history[f"p.{leading}"][i]}
            for i in strangest
        ],
    }


def _parse(data: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(data, bytes):
        return data
    try:
        raw = orjson.loads(data)
    except ValueError as error:
        raise InvalidInput("This is not the data of a receipt.", hint="Give the blob named in its inputs.") from error
    return raw if isinstance(raw, dict) else {}


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


def _shares(labels: Sequence[str]) -> dict[str, float]:
    return {label: count / len(labels) for label, count in sorted(Counter(labels).items())}
