"""Runs the whole loop on real images: `python -m examples.solar_cells FOLDER`. Safe to kill and to start again."""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import sightloop
from examples.solar_cells import story as stages
from examples.solar_cells.line_controller import LineController
from examples.solar_cells.progress import Notebook, Teller, timed
from examples.solar_cells.report import write_report


def main() -> int:
    """Exit status: 0 when the loop closed and the store is sound, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    tell, notebook = Teller(), Notebook(folder / "demo.json")
    controller = LineController(folder / "line-controller.jsonl", int(notebook.get("controller_port", 0)))
    notebook.put(controller_port=controller.port)
    tell.console.print("[bold]Sightloop[/bold] closes the loop on 2,624 solar cells. The reviewer is a replay of the")
    tell.console.print("data set's own labels. Stop it whenever you like: started again, it goes on where it was.")
    settings = {"events": {"egress_allow": ["127.0.0.1/32"]}}
    with timed(notebook, "seconds"), sightloop.connect(folder, settings=settings) as ws:
        story = stages.Story(folder, ws, notebook, tell, controller)
        for stage in (
            stages.ingest,
            stages.version,
            stages.label,
            stages.train,
            stages.serve,
            stages.shift,
            stages.close_the_loop,
            stages.after,
            stages.prove,
        ):
            stage(story)
        check = ws.fsck()
        usage = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        notebook.put(
            fsck_problems=len(check.problems),
            peak_rss_mb=max(round(usage[0]), notebook.get("peak_rss_mb", 0)),
            peak_rss_child_mb=round(usage[1]),
            finished=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        tell.heading("Check and report")
        tell.fact(
            f"fsck: {len(check.problems)} problems" + "".join(f"\n     - {problem}" for problem in check.problems)
        )
    with sightloop.connect(folder, settings=settings) as ws:
        story.ws = ws
        report = write_report(story)
    controller.close()
    for goal in report["goals"]:
        tell.fact(f"{'reached' if goal['reached'] else 'MISSED '}  {goal['goal']}: {goal['value']}")
    tell.console.print(
        f"\nThe story with pictures: [bold]{folder / 'report.html'}[/bold], its figures: {folder / 'report.json'}"
    )
    tell.console.print(f"Look around: [bold].venv/bin/sightloop serve {folder}[/bold]")
    return 0 if report["gate_passed"] and not check.problems else 1


if __name__ == "__main__":
    raise SystemExit(main())
