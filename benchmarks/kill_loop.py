"""Kills at fault points, as many as fit in the time: `python -m benchmarks.kill_loop --minutes 15`.

Measured for each trial: whether the process died at the point (SIGKILL), what fsck found afterwards, whether all that a
client can see equals an installation that never crashed, and the seconds from opening the folder to its recovery. The
passes of a point go round as in `make soak`; each round kills once at every point.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.results import keep
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--yard", type=Path, default=None)
    given = parser.parse_args()
    main(given.minutes, given.yard or Path(tempfile.mkdtemp()))
