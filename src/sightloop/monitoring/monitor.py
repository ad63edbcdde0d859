"""What a monitor is to those who ask for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sightloop.monitoring.fold import Fold
from sightloop.monitoring.reference import Reference
from sightloop.vision import confidence_estimate

HISTORY_POINTS = 400
ESTIMATE_WINDOW = 1000


@dataclass(frozen=True, slots=True)
class Monitor:
    """A watch over one deployment, and where it stands.

    Attributes:
        state: "watching"; "alarmed": the reference is void until `rebase`; "void": traffic comes from another model
            version than the reference speaks for.
        epoch: number of the reference, from 1.
        images: watched since the reference was taken; skipped: those of other model versions.
        log_wealth: natural logarithm by monitor; the alarm is raised where one reaches `log_threshold`.
        guarantee: "bounded" or "none"; stated: what the backtest of the reference showed.
        history: thinned columns "sequence" and one of log wealth by monitor; empty in lists.
        estimate: accuracy to expect without labels, with limits; empty in lists and before the first image.
    """

    id: str
    name: str
    deployment: str
    model_version: str
    alpha: float
    kinds: tuple[str, ...]
    state: str
    epoch: int
    sequence: int
    images: int
    skipped: int
    log_wealth: Mapping[str, float]
    log_threshold: float
    guarantee: str
    stated: Mapping[str, Any]
    made_at: datetime
    history: Mapping[str, Any] = field(default_factory=dict)
    estimate: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[str, Any], fold: Fold | None = None) -> Self:
        """The monitor of a row, with history and estimate where its fold is given."""
        state, stated = row["fold"], row["stated"]
        watched = -(-state["seen"] // stated["stride"])
        return cls(
            id=row["id"], name=row["name"], deployment=row["deployment"], model_version=row["model_version"],
            alpha=row["alpha"], kinds=tuple(row["kinds"]), state=row["state"], epoch=row["epoch"],
            sequence=row["sequence"], images=watched, skipped=state["skipped"],
            log_wealth={kind: one["log_wealth"] for kind, one in state["jumpers"].items()},
            log_threshold=math.log(len(row["kinds"]) / row["alpha"]),
            guarantee="bounded" if stated["bounded"] else "none", stated=stated,
            made_at=datetime.fromisoformat(row["made_at"]),
            history={} if fold is None else _history(fold),
            estimate={} if fold is None else _estimate(fold),
        )  # fmt: skip


def state_of(reference: Reference) -> dict[str, Any]:
    """What a monitor says about its reference: sizes, thinning, backtests and whether the level held."""
    return {
        "reference_size": len(reference.samples), "fit_size": len(reference.fit), "stride": reference.stride,
        "backtests": reference.backtests, "bounded": reference.bounded,
    }  # fmt: skip


def _history(fold: Fold) -> dict[str, Any]:
    count = len(fold.history["sequence"])
    step = max(1, -(-count // HISTORY_POINTS))
    kept = sorted({*range(0, count, step), count - 1}) if count else []
    columns = {kind: f"log_wealth.{kind}" for kind in fold.reference.scores} | {"sequence": "sequence"}
    return {name: [fold.history[column][i] for i in kept] for name, column in columns.items()}


def _estimate(fold: Fold) -> dict[str, Any]:
    recent = fold.history["confidence"][-ESTIMATE_WINDOW:]
    return confidence_estimate(recent, *fold.reference.audited).as_dict() if recent else {}
