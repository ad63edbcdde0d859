"""Is the demo, killed and started again, the demo? `python -m benchmarks.demo_resume demo-workspace/report.json`.

Runs `examples.solar_cells` in a fresh folder and kills it, with all its processes (SIGKILL), at random points that are
spread over its length; starts it again each time until it finishes; then holds its report against the one of an
undisturbed run on the same code: decisions, counts, ids, digests. Timings, memory and what a timer counts may differ.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.results import keep

# What a clock or a timer decides: durations, memory, requests and commits made while something else was going on.
VARYING = frozenset({
    "audit_entries", "finished", "forward_seconds", "ingest_images_per_s", "loop_seconds", "loop_seconds_by_step",
    "peak_rss_child_mb", "peak_rss_mb", "requests_during_switch", "rollback_seconds", "seconds",
})  # fmt: skip
START_S = 8.0  # a second start opens the folder and finds its place before it goes on
STAGE = re.compile(r"^\d+\. .*$", re.MULTILINE)


def main() -> int:
    """Exit status: 0 when the demo finished and nothing differs, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path, help="report.json of an undisturbed run.")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="Of the points of the kills.")
    parser.add_argument("--folder", type=Path, help="A folder to make; a temporary one if not given. It is kept.")
    given = parser.parse_args()
    reference = json.loads(given.reference.read_text())
    folder = given.folder or Path(tempfile.mkdtemp(prefix="sightloop-resume-"), "demo-workspace")
    if folder.exists():
        parser.error(f"{folder} exists: the demo is to begin in a fresh folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_name(f"{folder.name}.log")
    print(f"The demo runs in {folder}, its words go to {log}")
    kills: list[dict[str, Any]] = []
    began = time.monotonic()
    for run_s in (*spread(given.kills, float(reference["seconds"]), given.seed), None):
        status = _run(folder, log, run_s)
        if status is not None:
            break
        kills.append({"after_s": round(time.monotonic() - began, 1), "stage": _stage(log)})
        print(f"killed after {kills[-1]['after_s']} s in {kills[-1]['stage']}")
    report = folder / "report.json"
    if not report.exists():
        print(f"The demo ended with status {status} and without a report: see {log}")
        return 1
    found = list(differences(reference, json.loads(report.read_text())))
    print("\n".join(found) or f"Nothing differs after {len(kills)} kills.")
    seconds = round(time.monotonic() - began, 1)
    keep("demo_resume", {"kills": kills, "seed": given.seed, "status": status, "differences": found,
                         "seconds": seconds, "seconds_undisturbed": reference["seconds"]})  # fmt: skip
    return 1 if found or status else 0


def spread(kills: int, length_s: float, seed: int) -> list[float]:
    """How long each run lasts: one random point in each of `kills` equal parts of the demo's length, as differences."""
    draw = random.Random(seed)  # noqa: S311
    points = [(part + draw.random()) * length_s / kills for part in range(kills)]
    return [
        point - before + (START_S if before else 0.0) for before, point in zip([0.0, *points], points, strict=False)
    ]


def differences(reference: Any, found: Any, path: str = "") -> Iterator[str]:
    """A line for each value of two reports that differs and should not."""
    if isinstance(reference, dict) and isinstance(found, dict):
        for name in sorted(reference.keys() | found.keys()):
            if path or name not in VARYING:
                inner = f"{path}.{name}" if path else name
                yield from differences(reference.get(name, "missing"), found.get(name, "missing"), inner)
    elif isinstance(reference, list) and isinstance(found, list) and len(reference) == len(found):
        for number, (one, other) in enumerate(zip(reference, found, strict=True)):
            if path == "goals":  # the texts of goals hold timings
                one, other = ({key: goal[key] for key in ("goal", "reached")} for goal in (one, other))
            yield from differences(one, other, f"{path}[{number}]")
    elif reference != found:
        yield f"{path}: {json.dumps(reference)} undisturbed, {json.dumps(found)} after the kills"


def _run(folder: Path, log: Path, run_s: float | None) -> int | None:
    """The exit status of the demo, or None where it was killed after `run_s` seconds."""
    command = [sys.executable, "-m", "examples.solar_cells", str(folder)]
    with log.open("ab") as words:
        process = subprocess.Popen(
            command, stdout=words, stderr=words, env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True
        )
        try:
            return process.wait(run_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:  # not after it has ended: its group may be another's by then
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _stage(log: Path) -> str:
    """The last heading that the demo printed."""
    found = STAGE.findall(log.read_text(errors="replace"))
    return found[-1] if found else "its start"


if __name__ == "__main__":
    raise SystemExit(main())
