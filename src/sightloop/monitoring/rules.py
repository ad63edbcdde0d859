"""Rules: a label seen so many times in a row on a deployment. Latched: fires once, then waits for a reset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson

from sightloop.domain import Prediction
from sightloop.errors import InvalidInput

RULE = "consecutive/1"


@dataclass(frozen=True, slots=True)
class Rule:
    """A declared rule and where it stands.

    Attributes:
        state: "armed" or "fired"; a fired rule looks at nothing until it is reset.
        streak: ids of the newest predictions in a row that bear the label, oldest first.
        sequence: the last prediction it has looked at.
    """

    id: str
    name: str
    deployment: str
    label: str
    consecutive: int
    state: str
    sequence: int
    streak: tuple[str, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The rule of a row."""
        return cls(
            id=row["id"], name=row["name"], deployment=row["deployment"], label=row["label"],
            consecutive=row["consecutive"], state=row["state"], sequence=row["sequence"], streak=tuple(row["streak"]),
        )  # fmt: skip


def follow(rule: Rule, predictions: Sequence[Prediction]) -> tuple[tuple[str, ...], int, bool]:
    """The streak after these predictions, the last sequence looked at, and whether the rule fires there."""
    streak, sequence = list(rule.streak), rule.sequence
    for one in predictions:
        sequence = one.sequence
        streak = [*streak, one.id] if one.label == rule.label else []
        if len(streak) >= rule.consecutive:
            return tuple(streak), sequence, True
    return tuple(streak), sequence, False


def rule_data(rule: Rule, streak: Sequence[str], sequence: int) -> bytes:
    """All that a replay of the firing needs, as JSON."""
    return orjson.dumps(
        {
            "rule": RULE,
            "label": rule.label,
            "consecutive": rule.consecutive,
            "predictions": [{"id": one, "label": rule.label} for one in streak],
            "sequence": sequence,
        }
    )


def replay_rule(data: bytes | Mapping[str, Any]) -> dict[str, Any]:
    """The outcome recomputed from the data of a "rule.fired" receipt: whether, and at which prediction it fires."""
    try:
        raw = orjson.loads(data) if isinstance(data, bytes) else data
        run: list[str] = []
        for one in raw["predictions"]:
            run = [*run, one["id"]] if one["label"] == raw["label"] else []
            if len(run) >= raw["consecutive"]:
                return {"fired": True, "prediction": one["id"], "sequence": raw["sequence"], "in_a_row": len(run)}
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("This is not the data of a fired rule.", hint="Give a rule.fired receipt.") from error
    return {"fired": False, "prediction": "", "sequence": 0, "in_a_row": 0}
