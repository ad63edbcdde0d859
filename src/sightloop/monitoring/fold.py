"""A monitor as a pure fold over the prediction log: the same log gives the same wealth and the same alarm, always."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Self

import orjson

from sightloop.domain import Prediction
from sightloop.errors import Corrupt
from sightloop.monitoring.facets import of_prediction, regime_of
from sightloop.monitoring.reference import Reference, tie_break
from sightloop.vision import DriftMartingale

# One list for each column; each entry is one watched image.
History = dict[str, list[Any]]
FACTS = (
    "sequence", "prediction", "sample", "label", "confidence", "brightness", "contrast", "blur", "latency_ms", "regime",
)  # fmt: skip


class Fold:
    """The state of a monitor between two images.

    Attributes:
        history: columns FACTS, "slice.FACET", "score.KIND", then "p.LINE" and "log_wealth.LINE"; score and p are None
            where that line did not look.
        seen: images of each regime that the reference knows; unseen: images of regimes that it does not know, or not in
            all kinds.
        skipped: images it does not speak for. void: the newest image was one.
        digest: SHA-256 chain over the rows of history, in hexadecimal.
    """

    def __init__(self, reference: Reference, alpha: float) -> None:
        self.reference = reference
        self.alpha = alpha
        self.martingale = DriftMartingale(reference.scores, alpha, reference.cells)
        self.history = new_history(reference)
        self.seen: dict[str, int] = {}
        self.unseen: dict[str, int] = {}
        self.skipped = 0
        self.void = False
        self.digest = ""

    def run(self, predictions: Sequence[Prediction]) -> tuple[History, int]:
        """The stretch of history these predictions add, and how many were taken: fewer than given after an alarm."""
        reference, stretch = self.reference, new_history(self.reference)
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
            else:
                self._look(one, {kind: float(scores[kind][rows[one.id]]) for kind in scores}, stretch)
        return stretch, taken

    def _look(self, one: Prediction, scores: Mapping[str, float], stretch: History) -> None:
        reference = self.reference
        facets = of_prediction((*reference.regime, *reference.slices), one)
        regime = regime_of(reference.regime, facets)
        known = {kind: self.martingale.knows(kind, ("", regime)) for kind in scores}
        if not all(known.values()):
            self.unseen[regime] = self.unseen.get(regime, 0) + 1
        if not any(known.values()):
            return
        place = self.seen.get(regime, 0)
        self.seen[regime] = place + 1
        cells = {}
        for line, (kind, facet) in reference.lines.items():
            cell = (facets.get(facet, ""), regime)
            if known[kind] and place % reference.stride[kind] == 0 and self.martingale.knows(line, cell):
                cells[line] = cell
        if cells:
            self._bet(one, facets, regime, scores, cells, stretch)

    def _bet(
        self,
        one: Prediction,
        facets: Mapping[str, str],
        regime: str,
        scores: Mapping[str, float],
        cells: Mapping[str, tuple[str, str]],
        stretch: History,
    ) -> None:
        lines = self.reference.lines
        looked = {line: scores[lines[line][0]] for line in cells}
        step = self.martingale.step(looked, {line: tie_break(one.id, line) for line in looked}, cells)
        row = {
            "sequence": one.sequence, "prediction": one.id, "sample": one.sample, "label": one.label,
            "confidence": one.score, "brightness": one.brightness, "contrast": one.contrast, "blur": one.blur,
            "latency_ms": one.latency_ms, "regime": regime,
        }  # fmt: skip
        row |= {f"slice.{facet}": facets[facet] for facet in self.reference.slices}
        row |= {f"score.{kind}": looked.get(kind) for kind in self.reference.kinds}
        for line in lines:
            row |= {f"p.{line}": step.p.get(line), f"log_wealth.{line}": step.log_wealth[line]}
        for name, value in row.items():
            stretch[name].append(value)
            self.history[name].append(value)
        self.digest = chain(self.digest, row)

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON values, without the scores, which reference and history hold."""
        monitors = self.martingale.as_dict()["monitors"]
        slices = self.martingale.log_wealth()
        wealth = {line: _newest(self.history[f"log_wealth.{line}"]) for line in slices}
        return {
            "alarmed": self.martingale.alarmed, "bets": {line: one["slices"] for line, one in monitors.items()},
            "log_wealth": wealth, "slices": slices, "watched": len(self.history["sequence"]), "seen": dict(self.seen),
            "unseen": dict(self.unseen), "skipped": self.skipped, "void": self.void, "digest": self.digest,
        }  # fmt: skip

    @classmethod
    def resume(
        cls, reference: Reference, alpha: float, state: Mapping[str, Any], stretches: Sequence[Mapping[str, list[Any]]]
    ) -> Self:
        """The fold that goes on from a stored state; raises Corrupt where history and digest do not agree."""
        fold = cls(reference, alpha)
        for stretch in stretches:
            for row in zip(*stretch.values(), strict=True):
                fold.digest = chain(fold.digest, dict(zip(stretch, row, strict=True)))
            for name, values in stretch.items():
                fold.history[name].extend(values)
        if fold.digest != state["digest"]:
            raise Corrupt("The score history of a monitor is not what was stored.", hint="Run: sightloop fsck.")
        monitors = {line: {"slices": state["bets"][line], "scores": fold._scores(line)} for line in reference.lines}
        fold.martingale = DriftMartingale.from_dict({"alpha": alpha, "alarmed": state["alarmed"], "monitors": monitors})
        fold.seen, fold.unseen = dict(state["seen"]), dict(state["unseen"])
        fold.skipped, fold.void = state["skipped"], state["void"]
        return fold

    def _scores(self, line: str) -> list[tuple[str, str, list[float]]]:
        """The scores that the line has seen, sorted, by slice and regime."""
        seen: dict[tuple[str, str], list[float]] = defaultdict(list)
        for cell, score in zip(self.reference.cells[line], self.reference.scores[line], strict=True):
            seen[cell].append(score)
        for cell, score in looks(self.reference, self.history, line):
            seen[cell].append(score)
        return [(*cell, sorted(scores)) for cell, scores in seen.items()]


def looks(reference: Reference, history: Mapping[str, list[Any]], line: str) -> list[tuple[tuple[str, str], float]]:
    """Cell and score of each image in the history that the line looked at, in order."""
    return [look for look in every_look(reference, history, line) if look is not None]


def every_look(
    reference: Reference, history: Mapping[str, list[Any]], line: str
) -> list[tuple[tuple[str, str], float] | None]:
    """For each image in the history: cell and score, or None where the line did not look."""
    kind, facet = reference.lines[line]
    parts = history[f"slice.{facet}"] if facet else [""] * len(history["regime"])
    columns = zip(parts, history["regime"], history[f"score.{kind}"], history[f"p.{line}"], strict=True)
    return [None if p is None else ((part, regime), score) for part, regime, score, p in columns]


def new_history(reference: Reference) -> History:
    """Empty columns for a monitor on this reference."""
    sliced = [f"slice.{facet}" for facet in reference.slices]
    scored = [f"score.{kind}" for kind in reference.kinds]
    bets = [f"{column}.{line}" for line in reference.lines for column in ("p", "log_wealth")]
    return {name: [] for name in (*FACTS, *sliced, *scored, *bets)}


def chain(digest: str, row: Mapping[str, Any]) -> str:
    """The digest after one more row."""
    return hashlib.sha256(digest.encode() + orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _newest(path: Sequence[float]) -> float:
    return path[-1] if path else 0.0
