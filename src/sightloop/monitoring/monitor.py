"""What a monitor is to those who ask for it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sightloop.monitoring.estimates import estimate_of
from sightloop.monitoring.fold import Fold
from sightloop.monitoring.reference import Reference, lines_of

HISTORY_POINTS = 400
_WEALTH = "log_wealth."


@dataclass(frozen=True, slots=True)
class Monitor:
    """A watch over one deployment, and where it stands.

    Attributes:
        regime: facets within which images are compared; slices: facets by which evidence is kept apart, too.
        state: "watching"; "alarmed": the reference is void until `rebase`; "void": traffic comes from another model
            version than the reference speaks for; "outdated": made by an earlier Sightloop, rebase it.
        epoch: number of the reference, from 1.
        images: watched since the reference was taken; skipped: those of other model versions.
        unseen: images by regime that the reference does not know: neither compared nor alarmed about.
        log_wealth: natural logarithm by line ("score", "score by camera"); the alarm is raised where one reaches
            `log_threshold`. slice_wealth: the same by line and slice.
        guarantee: "bounded" or "none"; why: what speaks against it; stated: what the backtest of the reference showed.
        history: thinned columns "sequence" and one of log wealth by line; empty in lists.
        estimate: accuracy to expect without labels, as `estimates` gives it; empty in lists and before the first image.
    """

    id: str
    name: str
    deployment: str
    model_version: str
    alpha: float
    kinds: tuple[str, ...]
    regime: tuple[str, ...]
    slices: tuple[str, ...]
    state: str
    epoch: int
    sequence: int
    images: int
    skipped: int
    unseen: Mapping[str, int]
    log_wealth: Mapping[str, float]
    slice_wealth: Mapping[str, Mapping[str, float]]
    log_threshold: float
    guarantee: str
    why: tuple[str, ...]
    stated: Mapping[str, Any]
    made_at: datetime
    history: Mapping[str, Any] = field(default_factory=dict)
    estimate: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[str, Any], fold: Fold | None = None) -> Self:
        """The monitor of a row, with history and estimate where its fold is given."""
        state, stated, declared = row["fold"], row["stated"], row["declared"]
        regime, slices = declared.get("regime", ()), declared.get("slices", ())
        why = stated.get("why", ("it was made by an earlier version",))
        return cls(
            id=row["id"], name=row["name"], deployment=row["deployment"], model_version=row["model_version"],
            alpha=row["alpha"], kinds=tuple(row["kinds"]), regime=tuple(regime), slices=tuple(slices),
            state=row["state"], epoch=row["epoch"], sequence=row["sequence"], images=state.get("watched", 0),
            skipped=state["skipped"], unseen=state.get("unseen", {}), log_wealth=state.get("log_wealth", {}),
            slice_wealth={line: parts for line, parts in state.get("slices", {}).items() if " by " in line},
            log_threshold=math.log(len(lines_of(row["kinds"], slices)) / row["alpha"]),
            guarantee="none" if why else "bounded", why=tuple(why), stated=stated,
            made_at=datetime.fromisoformat(row["made_at"]),
            history={} if fold is None else evidence_of(fold.history),
            estimate={} if fold is None else estimate_of(fold),
        )  # fmt: skip


def state_of(reference: Reference) -> dict[str, Any]:
    """What a monitor says about its reference: sizes, thinning, regimes, backtests, what denies the bound."""
    return {
        "reference_size": len(reference.samples), "fit_size": len(reference.fit), "stride": reference.stride,
        "regimes": dict(Counter(regime for _, regime in reference.cells[reference.kinds[0]])),
        "backtests": reference.backtests, "why": list(reference.why),
    }  # fmt: skip


def evidence_of(history: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Thinned columns of a fold's history: "sequence" and the log wealth of each line; the last entry is kept."""
    count = len(history.get("sequence", ()))
    step = max(1, -(-count // HISTORY_POINTS))
    kept = sorted({*range(0, count, step), count - 1}) if count else []
    lines = {name.removeprefix(_WEALTH): name for name in history if name.startswith(_WEALTH)}
    return {name: [history[column][i] for i in kept] for name, column in (lines | {"sequence": "sequence"}).items()}
