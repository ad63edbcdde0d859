"""All bounds."""

from __future__ import annotations

from benchmarks.bounds import acceptance, drift, gates, intervals
from benchmarks.bounds.trials import Bound

BOUNDS: tuple[Bound, ...] = (*acceptance.BOUNDS, *drift.BOUNDS, *gates.BOUNDS, *intervals.BOUNDS)
