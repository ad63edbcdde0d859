"""How much memory `sightloop serve` takes while nobody asks anything: `python -m benchmarks.idle_rss`.

Three folders: an empty one; a small one with images in it; the same with a model deployed, so that the serving process
runs. Each is served, left alone for some seconds, and measured process by process. RSS counts shared pages in each
process, PSS divides them: the sum of PSS is what the machine gives.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

import sightloop
from benchmarks.results import keep
from examples.solar_cells import elpv
from tests.journeys.served import Served

MIB = 1 << 20


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=120, help="Of the small folder.")
    parser.add_argument("--idle-s", type=float, default=10.0, help="How long it is left alone before it is measured.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sightloop-rss-") as place:
        empty, small = Path(place, "empty"), Path(place, "small")
        with sightloop.connect(empty):
            pass
        figures: dict[str, Any] = {"idle_s": given.idle_s, "images": given.images}
        figures["empty"] = measured(empty, given.idle_s)
        _ingest(small, given.images)
        figures["small"] = measured(small, given.idle_s)
        _deploy(small)
        figures["deployed"] = measured(small, given.idle_s)
    print(json.dumps(figures, indent=2))
    keep("idle_rss", figures)
    return 0


def measured(folder: Path, idle_s: float) -> dict[str, Any]:
    """The processes of a served folder by what they are, in MiB, and what all of them take together."""
    with Served(folder) as server:
        control = psutil.Process(server.process.pid)
        time.sleep(idle_s)
        rows: dict[str, list[dict[str, float]]] = {"control": [], "serving": [], "decode": []}
        for process in (control, *control.children(recursive=True)):
            memory = process.memory_full_info()
            row = {"rss_mib": round(memory.rss / MIB, 1), "pss_mib": round(memory.pss / MIB, 1)}
            rows.setdefault(_kind(process, control), []).append(row)
        totals = {
            name: round(sum(row[name] for found in rows.values() for row in found), 1)
            for name in ("rss_mib", "pss_mib")
        }
    return {**rows, **totals}


def _kind(process: psutil.Process, control: psutil.Process) -> str:
    if process.pid == control.pid:
        return "control"
    words = process.cmdline()
    if "sightloop.serving.process" in words:
        return "serving"
    return "decode" if "sightloop.inference.decode_child" in words else "other"


def _ingest(folder: Path, count: int) -> None:
    """Clear mono cells, half of them defective, labelled and committed."""
    clear = [cell for cell in elpv.read_cells() if cell.clear and cell.cell_type == "mono"]
    chosen = [cell for label in elpv.CLASSES for cell in [c for c in clear if c.label == label][: count // 2]]
    truth = {cell.name: cell.label for cell in chosen}
    with sightloop.connect(folder) as ws:
        ws.ingest([elpv.image_folder() / name for name in truth])
        ws.schemas.create("cells", list(elpv.CLASSES))
        ws.labels.import_("cells", {sample.id: truth[Path(sample.name).name] for sample in ws.samples.list()})
        ws.datasets.create("cells", schema="cells").commit(where={}, splits={"train": 0.6, "test": 0.4})


def _deploy(folder: Path) -> None:
    with sightloop.connect(folder) as ws:
        trained = ws.train(model="cells", dataset="cells@1", test="cells@1")
        ws.models.promote("cells", trained.output.model_version, reason="to measure its memory")
        ws.deployments.deploy("line-1", model="cells")


if __name__ == "__main__":
    raise SystemExit(main())
