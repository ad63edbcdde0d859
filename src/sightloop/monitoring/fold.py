"""A monitor as a pure fold over the prediction log: the same log gives the same wealth and the same alarm, always."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import orjson

from sightloop.domain import Prediction
from sightloop.errors import Corrupt
from sightloop.monitoring.reference import Reference, tie_break
from sightloop.vision import DriftMartingale

# One list for each column; each entry is one watched image.
History = dict[str, list[Any]]
FACTS = ("sequence", "prediction", "sample", "label", "confidence", "brightness", "contrast", "blur")


class Fold:
    """The state of a monitor between two images.

    Attributes:
        history: columns FACTS, then "score.KIND", "p.KIND" and "log_wealth.KIND" for each monitor.
        seen: images the reference speaks for, watched or thinned away; skipped: those it does not speak for.
        void: the newest image was one it does not speak for.
        digest: SHA-256 chain over the stretches of history, in hexadecimal.
    """

    def __init__(self, reference: Reference, alpha: float) -> None:
        self.reference = reference
        self.alpha = alpha
        self.martingale = DriftMartingale(reference.scores, alpha)
        self.history = new_history(list(reference.scores))
        self.seen = self.skipped = 0
        self.void = False
        self.digest = ""

    def run(self, predictions: Sequence[Prediction]) -> tuple[History, int]:
        """The stretch of history these predictions add, and how many were taken: fewer than given after an alarm."""
        reference, stretch = self.reference, new_history(list(self.reference.scores))
        scorable = [one for one in predictions if reference.can_score(one)]
        scores = reference.score_predictions(scorable)
        rows = {one.id: i for i, one in enumerate(scorable)}
        taken = 0
        for one in predictions:
            if self.martingale.alarmed:
                break
            taken += 1
            self.void = one.id not in rows
            if self.void:
                self.skipped += 1
                continue
            self.seen += 1
            if (self.seen - 1) % reference.stride == 0:
                self._watch(one, {kind: float(scores[kind][rows[one.id]]) for kind in scores}, stretch)
        if stretch["sequence"]:
            self.digest = chain(self.digest, stretch)
        return stretch, taken

    def _watch(self, one: Prediction, scores: Mapping[str, float], stretch: History) -> None:
        step = self.martingale.step(scores, {kind: tie_break(one.id, kind) for kind in scores})
        row = {
            "sequence": one.sequence, "prediction": one.id, "sample": one.sample, "label": one.label,
            "confidence": one.score, "brightness": one.brightness, "contrast": one.contrast, "blur": one.blur,
        }  # fmt: skip
        for kind in scores:
            row |= {f"score.{kind}": scores[kind], f"p.{kind}": step.p[kind]}
            row[f"log_wealth.{kind}"] = step.log_wealth[kind]
        for name, value in row.items():
            stretch[name].append(value)
            self.history[name].append(value)

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON values, without the scores, which the history holds."""
        state = self.martingale.as_dict()
        jumpers = {kind: {k: v for k, v in one.items() if k != "scores"} for kind, one in state["monitors"].items()}
        return {
            "alarmed": self.martingale.alarmed, "jumpers": jumpers, "seen": self.seen, "skipped": self.skipped,
            "void": self.void, "digest": self.digest,
        }  # fmt: skip

    @classmethod
    def resume(
        cls, reference: Reference, alpha: float, state: Mapping[str, Any], stretches: Sequence[Mapping[str, list[Any]]]
    ) -> Self:
        """The fold that goes on from a stored state; raises Corrupt where history and digest do not agree."""
        fold = cls(reference, alpha)
        for stretch in stretches:
            fold.digest = chain(fold.digest, stretch)
            for name, values in stretch.items():
                fold.history[name].extend(values)
        if fold.digest != state["digest"]:
            raise Corrupt("The score history of a monitor is not what was stored.", hint="Run: sightloop fsck.")
        monitors = {
            kind: {**state["jumpers"][kind], "scores": sorted([*scores, *fold.history[f"score.{kind}"]])}
            for kind, scores in reference.scores.items()
        }
        fold.martingale = DriftMartingale.from_dict({"alpha": alpha, "alarmed": state["alarmed"], "monitors": monitors})
        fold.seen, fold.skipped, fold.void = state["seen"], state["skipped"], state["void"]
        return fold


def new_history(kinds: Sequence[str]) -> History:
    """Empty columns for these monitors."""
    scored = [f"{column}.{kind}" for kind in kinds for column in ("score", "p", "log_wealth")]
    return {name: [] for name in (*FACTS, *scored)}


def chain(digest: str, stretch: Mapping[str, list[Any]]) -> str:
    """The digest after one more stretch."""
    return hashlib.sha256(digest.encode() + orjson.dumps(stretch, option=orjson.OPT_SORT_KEYS)).hexdigest()
