"""What an alarm says and keeps: evidence for people, data from which anyone can raise it again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import orjson

from sightloop.errors import InvalidInput
from sightloop.monitoring.fold import History, every_look
from sightloop.monitoring.reference import Reference, tie_break
from sightloop.vision import DriftMartingale

RULE = "conformal-jumper/2"
EXAMPLES = 12


def alarm_data(reference: Reference, alpha: float, history: History) -> bytes:
    """All that a replay of the alarm needs, as JSON: reference scores, stream scores and prediction ids in order.

    Scores come with the slice and the regime that they belong to; a look is null where the line left the image out.
    """
    looks = {line: every_look(reference, history, line) for line in reference.lines}
    return orjson.dumps(
        {
            "rule": RULE,
            "alpha": alpha,
            "reference_scores": reference.scores,
            "reference_cells": reference.cells,
            "looks": {line: [look and (*look[0], look[1]) for look in all_of] for line, all_of in looks.items()},
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
    if raw.get("rule", RULE) != RULE:
        raise InvalidInput(f"The alarm was raised by {raw['rule']}.", hint=f"This version replays {RULE}.")
    try:
        cells = {line: [(part, regime) for part, regime in those] for line, those in raw["reference_cells"].items()}
        martingale = DriftMartingale(raw["reference_scores"], float(raw["alpha"]), cells)
        for i, (prediction, sequence) in enumerate(zip(raw["predictions"], raw["sequences"], strict=True)):
            looks = {line: those[i] for line, those in raw["looks"].items() if those[i] is not None}
            step = martingale.step(
                {line: float(look[2]) for line, look in looks.items()},
                {line: tie_break(prediction, line) for line in looks},
                {line: (look[0], look[1]) for line, look in looks.items()},
            )
            if step.alarm:
                wealth = {line: round(value, 9) for line, value in step.log_wealth.items()}
                return {"image": i + 1, "sequence": sequence, "prediction": prediction, "log_wealth": wealth}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InvalidInput("This is not the data of a drift alarm.", hint="Give a drift.alarm receipt.") from error
    return {"image": 0, "sequence": 0, "prediction": "", "log_wealth": {}}


def alarm_claim(reference: Reference, alpha: float) -> dict[str, Any]:
    """What the alarm promises; the guarantee is "none" where something speaks against it, and `why` says what."""
    within = f", each within its {' and '.join(reference.regime)}," if reference.regime else ""
    statement = (
        f"On a stream of images like those of its reference{within} the chance of ever raising this alarm is at most "
        f"{alpha:g}."
        if reference.bounded
        else f"No guarantee on this stream: {'; '.join(reference.why)}."
    )
    guarantee = "bounded" if reference.bounded else "none"
    return {"alpha": alpha, "guarantee": guarantee, "statement": statement, "why": list(reference.why)}


def alarm_evidence(
    reference: Reference, alpha: float, history: History, slices: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Which scores and slices carry the alarm, since when, what moved, and the strangest images.

    The onset is estimated as the first image after the lowest wealth of the leading line, as in a CUSUM (Page,
    Biometrika 1954). Values of "moved" are medians; "before" is the reference for scores, the stream before the onset
    for facts of the image. `slices`: the log wealth of each slice of each line.
    """
    lines = list(reference.lines)
    final = {line: history[f"log_wealth.{line}"][-1] for line in lines}
    threshold = math.log(len(lines) / alpha)
    leading = max(lines, key=lambda line: final[line])
    path = [0.0, *history[f"log_wealth.{leading}"]]
    onset = min(min(range(len(path)), key=lambda i: path[i]), len(path) - 2)
    moved: dict[str, Any] = {
        kind: {
            "before": _median(reference.scores[kind]),
            "now": _median([score for score in history[f"score.{kind}"][onset:] if score is not None]),
        }
        for kind in reference.kinds
    }
    for fact in ("brightness", "contrast", "blur", "latency_ms", "confidence"):
        moved[fact] = {"before": _median(history[fact][:onset]), "now": _median(history[fact][onset:])}
    moved["labels"] = {"before": _shares(history["label"][:onset]), "now": _shares(history["label"][onset:])}
    looked = [i for i in range(onset, len(path) - 1) if history[f"p.{leading}"][i] is not None]
    strangest = sorted(looked, key=lambda i: (history[f"p.{leading}"][i], i))[:EXAMPLES]
    return {
        "leading": leading,
        "carried_by": [
            _named(reference, line, part)
            for line in lines
            for part, wealth in slices[line].items()
            if wealth >= threshold / 2
        ],
        "log_wealth": final,
        "log_wealth_by_slice": {line: dict(parts) for line, parts in slices.items() if reference.lines[line][1]},
        "log_threshold": threshold,
        "images": len(history["sequence"]),
        "onset_sequence": history["sequence"][onset],
        "moved": moved,
        "examples": [
            {"prediction": history["prediction"][i], "sample": history["sample"][i], "p": history[f"p.{leading}"][i]}
            for i in strangest
        ],
    }


def _named(reference: Reference, line: str, part: str) -> str:
    kind, facet = reference.lines[line]
    return f"{kind} of {facet}={part}" if facet else kind


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
