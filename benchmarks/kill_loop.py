"""Kills at fault points, as many as fit in the time: `python -m benchmarks.kill_loop --minutes 15`.

Measured for each trial: whether the process died at the point (SIGKILL), what fsck found afterwards, whether all that a
client can see equals an installation that never crashed, and the seconds from opening the folder to its recovery. The
passes of a point go round as in `make soak`; each round kills once at every point.

`--random N` kills a serving process N times at random moments under four clients instead (kept as `random_kills`):
what each client was told is done, what of that was lost, and the seconds of each start.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks.results import keep
from tests.journeys.crash_random import random_kills
from tests.journeys.crash_yard import TRIALS, Yard

ROUNDS = 20


def main(minutes: float, yard: Path) -> None:
    until = time.monotonic() + 60 * minutes
    home = Yard(yard)
    loops = {(name, point): home.kills(name, point, int(nth or 1), ROUNDS) for name, point, nth in TRIALS}
    killed = dict.fromkeys((f"{name}: {point}" for name, point in loops), 0)
    bad: list[str] = []
    seconds: list[float] = []
    for _ in range(ROUNDS):
        for (name, point), kills in loops.items():
            if time.monotonic() < until:
                at, outcome = next(kills)
                killed[f"{name}: {point}"] += 1
                seconds.append(outcome.recovered_s)
                if outcome.problems or outcome.different:
                    bad.append(f"{name}: {point}@{at}: {outcome.problems} {sorted(outcome.different)}")
    seconds.sort()
    keep(
        "kill_loop",
        {
            "points": len(TRIALS),
            "points_killed_at": sum(count > 0 for count in killed.values()),
            "kills": sum(killed.values()),
            "kills_by_point": killed,
            "lost_or_double_or_fsck": bad,
            "recovery_s": {"median": seconds[len(seconds) // 2], "most": seconds[-1]} if seconds else {},
            "recovered_within_30_s": sum(one <= 30 for one in seconds),
        },
    )


def at_random(kills: int, yard: Path) -> None:
    """Keeps what came of so many kills at random moments."""
    found = random_kills(Yard(yard), Path(tempfile.mkdtemp()), kills)
    starts = sorted(found.starts_s)
    keep(
        "random_kills",
        {
            "kills": kills,
            "acknowledged": found.acknowledged,
            "lost": found.lost,
            "clients_that_ended_well": sum(code == 0 for code in found.client_codes),
            "start_s": {"median": starts[len(starts) // 2], "most": starts[-1]},
            "load_average": os.getloadavg()[0],
        },
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--yard", type=Path, default=None)
    given = parser.parse_args()
    place = given.yard or Path(tempfile.mkdtemp())
    if given.random:
        at_random(given.random, place)
    else:
        main(given.minutes, place)
