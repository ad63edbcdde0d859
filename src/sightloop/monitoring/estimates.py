"""How well the model does on traffic that nobody has labelled, and a random audit before anybody acts on it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

from typing_extensions import TypedDict

from sightloop.monitoring.fold import Fold
from sightloop.vision import accuracy_interval, confidence_estimate

WINDOW = 1000
RELIED_BELOW = 0.5  # share of the way to the alarm, in log wealth, from which an estimate is not to be acted on


class Audit(TypedDict):
    """How far a random audit is; the accuracy that it found, with its limits, once nothing is open."""

    asked: int
    answered: int
    open: list[str]
    verdict: str
    value: NotRequired[float]
    lower: NotRequired[float]
    upper: NotRequired[float]
    confidence: NotRequired[float]
    n: NotRequired[int]


class Estimate(TypedDict):
    """The accuracy to expect on the newest `n` images up to a sequence, with its limits, and the audit of the same."""

    value: float
    lower: float
    upper: float
    confidence: float
    n: int
    doubt: float
    relied_on: bool
    because: list[str]
    monitor: str
    upto: int
    audit: Audit


def estimate_of(fold: Fold, upto: int | None = None) -> dict[str, Any]:
    """The accuracy to expect on the last 1,000 watched images up to a sequence number; empty where there is none.

    "doubt" is how far the log wealth has come on its way to the alarm, 0 to 1: the limits widen with it until they say
    nothing. "relied_on" is false from half the way on, without an audited test, without a bound on false alarms, and
    where images of unseen regimes went by; "because" says why.
    """
    places = window_of(fold, upto)
    if not places:
        return {}
    reference, wealth = (
        fold.reference,
        max(fold.history[f"log_wealth.{line}"][places[-1]] for line in fold.reference.lines),
    )
    threshold = math.log(len(reference.lines) / fold.alpha)
    doubt = 1.0 if fold.martingale.alarmed else min(1.0, max(0.0, wealth / threshold))
    because = [
        *(["the evidence of a change is more than half the way to an alarm"] if doubt >= RELIED_BELOW else []),
        *(["no labelled test says how well confidences are calibrated"] if not reference.audited[0] else []),
        *(["there is no bound on this stream"] if not reference.bounded else []),
        *(["images of regimes without a reference went by"] if fold.unseen else []),
    ]
    found = confidence_estimate([fold.history["confidence"][i] for i in places], *reference.audited, doubt=doubt)
    return {**found.as_dict(), "doubt": doubt, "relied_on": not because, "because": because}


def estimated(found: Mapping[str, Any], monitor: str, upto: int, audit: Audit) -> Estimate:
    """What `estimate_of` found on the monitor's traffic up to a sequence, with the audit of the same."""
    return {
        "value": found["value"], "lower": found["lower"], "upper": found["upper"], "confidence": found["confidence"],
        "n": found["n"], "doubt": found["doubt"], "relied_on": found["relied_on"], "because": found["because"],
        "monitor": monitor, "upto": upto, "audit": audit,
    }  # fmt: skip


def window_of(fold: Fold, upto: int | None) -> list[int]:
    """Places in the history of the last 1,000 watched images up to a sequence number."""
    sequences = fold.history["sequence"]
    return [i for i, sequence in enumerate(sequences) if upto is None or sequence <= upto][-WINDOW:]


def drawn(salt: str, predictions: Sequence[str], count: int) -> list[str]:
    """So many of the predictions at random: those with the lowest salted digests, whatever they show."""
    return sorted(predictions, key=lambda one: hashlib.sha256(f"{salt}:{one}".encode()).digest())[:count]


def audit_of(
    estimate: Mapping[str, Any], asked: Sequence[str], said: Mapping[str, str], truth: Mapping[str, str]
) -> Audit:
    """What the audits say: how many are open, and once all are answered the accuracy with its exact limits.

    The number of audits is fixed beforehand, so that the limits (Clopper and Pearson) hold; they are given at the end
    only. "verdict" is "open", "confirmed" where the two intervals meet, or "refuted". Few audits refute gross errors
    only: "value", "lower" and "upper" of the audit are what to act on.
    """
    open_ones = [one for one in asked if one not in truth]
    told: Audit = {"asked": len(asked), "answered": len(asked) - len(open_ones), "open": open_ones, "verdict": "open"}
    if open_ones or not asked:
        return told
    found = accuracy_interval([said[one] == truth[one] for one in asked])
    meet = found.lower <= estimate["upper"] and estimate["lower"] <= found.upper
    return {
        "asked": told["asked"], "answered": told["answered"], "open": [], "verdict": "confirmed" if meet else "refuted",
        "value": found.value, "lower": found.lower, "upper": found.upper, "confidence": found.confidence, "n": found.n,
    }  # fmt: skip
