"""10,000 trials of every bound, sound and broken on purpose, kept as JSON: `python -m benchmarks.bounds`.

For each: the violations seen, their rate with its 99 % Clopper-Pearson upper limit, the level claimed, and whether the
limit is at most 1.3 times the level (twice, where the claim is asymptotic). A broken bound, at a fifth of the trials,
must be seen to be broken: its lower limit above the same line.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from benchmarks.bounds.catalogue import BOUNDS
from benchmarks.bounds.trials import BROKEN_FRACTION, SEED, Bound, lower_limit, upper_limit, violations
from benchmarks.results import keep


def main() -> int:
    """0 where every bound holds and every broken one is seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    trials: int = asked.trials
    with ProcessPoolExecutor(asked.jobs) as pool:
        figures: dict[str, Any] = {}
        for bound, one in zip(BOUNDS, pool.map(partial(_figures, trials), range(len(BOUNDS))), strict=True):
            figures[bound.name] = one
            missing = [other.name for other in BOUNDS if other.name not in figures]
            keep("bounds", {"trials": trials, "seed": SEED, "bounds": figures, "not_yet_run": missing})
    sound = all(one["holds"] and all(other["seen"] for other in one["broken"].values()) for one in figures.values())
    return 0 if sound else 1


def _figures(trials: int, place: int) -> dict[str, Any]:
    bound = BOUNDS[place]
    began = time.perf_counter()
    count = violations(bound, trials)
    figures = {
        "claim": f"the chance that {bound.claim}",
        "level": bound.level,
        "exact": bound.exact,
        "violations": count,
        "rate": count / trials,
        "upper_99": round(upper_limit(count, trials), 5),
        "allowed": bound.tolerance,
        "holds": upper_limit(count, trials) <= bound.tolerance,
        "seconds": round(time.perf_counter() - began, 1),
        "broken": {way: _broken(bound, way, trials // BROKEN_FRACTION) for way in bound.broken},
    }
    print(f"{bound.name}: {figures}", flush=True)
    return figures


def _broken(bound: Bound, way: str, trials: int) -> dict[str, Any]:
    count = violations(bound, trials, way)
    limit = lower_limit(count, trials)
    return {"trials": trials, "rate": count / trials, "lower_99": round(limit, 5), "seen": limit > bound.tolerance}


if __name__ == "__main__":
    raise SystemExit(main())
