"""How long the loop and a rollback take: `python -m benchmarks.loop_time demo-workspace/report.json`.

Read from the report of a demo (`make demo`): the seconds of machine work from the alarm to the promoted version, by
step; and from the rollback's request until the endpoint answers with the version before, and forward again, with
the requests that were sent and dropped meanwhile.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.results import keep

KEPT = (
    "loop_seconds", "loop_seconds_by_step", "rollback_seconds", "forward_seconds", "requests_during_switch",
    "dropped_requests", "finished", "seconds",
)  # fmt: skip


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="report.json of a demo.")
    report = json.loads(parser.parse_args().report.read_text())
    figures = {name: report.get(name) for name in KEPT}
    print(json.dumps(figures, indent=2))
    keep("loop_time", figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
