"""What a deployment answered over time, bin by bin, from the prediction log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from sightloop.errors import InvalidInput

READ: Final = ("made_at", "label", "score", "latency_ms")
DAY: Final = timedelta(days=1)
MOST_BINS: Final = 500


@dataclass(frozen=True, slots=True)
class Window:
    """From a moment on, up to another one, in so many bins of equal length."""

    start: datetime
    end: datetime
    bins: int

    @property
    def bin_s(self) -> float:
        return (self.end - self.start).total_seconds() / self.bins


@dataclass(frozen=True, slots=True)
class TrafficBin:
    """What was answered from `at` on, for the length of a bin; probes are left out.

    Attributes:
        errors: requests that got no prediction; None where nobody counted them.
        p50_ms, p95_ms: of the time to answer; mean_score: of the top class; None where nothing was answered.
    """

    at: datetime
    count: int
    errors: int | None
    p50_ms: float | None
    p95_ms: float | None
    mean_score: float | None
    labels: Mapping[str, int]


def window_of(start: datetime | None, end: datetime | None, bins: int, now: datetime) -> Window:
    """The window asked for, by default the last 24 hours; raises InvalidInput for one that is none.

    Moments without a zone are in UTC.
    """
    until = _in_utc(end or now)
    since = _in_utc(start) if start else until - DAY
    if since >= until:
        raise InvalidInput("The window ends before it begins.", hint='Give "from" before "to".')
    if not 1 <= bins <= MOST_BINS:
        raise InvalidInput(f"{bins} bins cannot be made.", hint=f"Give 1 to {MOST_BINS}.")
    return Window(since, until, bins)


def binned(table: pa.Table, window: Window, errors: Sequence[int | None]) -> list[TrafficBin]:
    """Every bin of the window, of rows with the columns READ; `errors` has one number a bin."""
    at = table["made_at"].to_pylist()
    seconds = np.array([(datetime.fromisoformat(one) - window.start).total_seconds() for one in at])
    place = np.clip(np.floor(seconds / window.bin_s).astype(int), 0, window.bins - 1)
    labels = np.array(table["label"].to_pylist(), object)
    score, latency = (table[name].to_numpy().astype(float) for name in ("score", "latency_ms"))
    order = np.argsort(place, kind="stable")
    edges = np.searchsorted(place[order], np.arange(window.bins + 1))
    return [
        _bin(window, number, errors[number], labels[rows], score[rows], latency[rows])
        for number in range(window.bins)
        for rows in [order[edges[number] : edges[number + 1]]]
    ]


def _bin(window: Window, number: int, errors: int | None, labels: Any, score: Any, latency: Any) -> TrafficBin:
    at = window.start + timedelta(seconds=number * window.bin_s)
    if not len(labels):
        return TrafficBin(at, 0, errors, None, None, None, {})
    middle, high = np.percentile(latency, (50, 95)).tolist()
    told = dict(sorted(Counter(labels).items()))
    return TrafficBin(at, len(labels), errors, middle, high, float(score.mean()), told)


def _in_utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
