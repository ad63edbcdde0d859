"""How much main-thread CPU a frame of panning and zooming takes, beside konva and annotorious on the same scene.

`python -m benchmarks.ui.canvas`: a picture of 3840 x 2160 in a view of 1400 x 800 with 200 and 2,000 boxes (two thirds
of them dashed), panned, or panned and zoomed, one step a frame. Also what mounting the scene takes. `bare` is the
picture without boxes. Needs Node.js (`make web`) and Chromium. The order of subjects turns with each round; figures are
medians over rounds.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import io
import subprocess
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from benchmarks.results import keep
from benchmarks.ui.chromium import MainThread, chromium

HOME = Path(__file__).parent
WEB = HOME.parents[1] / "web"
MOTIONS = ("pan", "pan and zoom")
SUBJECTS = ("ours", "konva", "annotorious", "bare")


def main() -> int:
    """Exit status: 0 once the figures are printed and kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--boxes", type=int, nargs="+", default=[200, 2000])
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="sightloop-scene-") as place,
        _scene(Path(place)) as address,
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1400, "height": 800})
        page.goto(address)
        page.wait_for_function("window.bench")
        for count in given.boxes:
            for motion in MOTIONS:
                figures[f"{count} boxes, {motion}"] = _compare(page, count, motion, given.frames, given.rounds)
    for count, found in figures.items():
        for subject, one in found.items():
            cpu_ms, mount_ms = one["cpu_ms_a_frame"], one["mount_ms"]
            print(f"{count:<24}  {subject:<12} {cpu_ms:6.2f} ms a frame, mounted in {mount_ms:.0f} ms")
    keep("ui_canvas", {"frames": given.frames, "rounds": given.rounds, "scenes": figures})
    return 0


def _compare(page: Page, count: int, motion: str, frames: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians by subject."""
    seen: dict[str, list[dict[str, float]]] = defaultdict(list)
    for round_ in range(rounds):
        for turn in range(len(SUBJECTS)):
            subject = SUBJECTS[(turn + round_) % len(SUBJECTS)]
            mount_ms = page.evaluate("([name, count]) => bench.mount(name, count)", [subject, count])
            thread = MainThread(page)
            page.evaluate("zooming => bench.move(10, zooming)", motion != "pan")
            before = thread.read()
            moved = page.evaluate("([frames, zooming]) => bench.move(frames, zooming)", [frames, motion != "pan"])
            after = thread.read()
            cost = {f"{kind}_ms_a_frame": 1000 * (after[kind] - before[kind]) / moved for kind in after}
            seen[subject].append({"mount_ms": mount_ms, "cpu_ms_a_frame": cost.pop("task_ms_a_frame"), **cost})
    return {
        subject: {name: round(median(one[name] for one in each), 3) for name in each[0]}
        for subject, each in seen.items()
    }


@contextmanager
def _scene(place: Path) -> Iterator[str]:
    """The address of the built scene with its picture."""
    build = [
        str(WEB / "node_modules/.bin/vite"),
        "build",
        "--config",
        str(HOME / "vite.config.mts"),
        "--outDir",
        str(place),
    ]
    subprocess.run([*build, "--logLevel", "warn"], check=True, cwd=WEB)
    (place / "picture.jpg").write_bytes(_picture())
    handler = functools.partial(_Quiet, directory=str(place))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return


def _picture() -> bytes:
    """A seeded picture of 3840 x 2160 with gradients and texture, as JPEG."""
    noise = np.random.default_rng(7)
    rows, columns = np.mgrid[0:2160, 0:3840].astype(np.float32)
    base = np.stack([90 + columns / 48, 70 + rows / 24, 150 - columns / 60], axis=-1)
    texture = noise.normal(0, 12, (270, 480, 1)).repeat(8, 0).repeat(8, 1)
    buffer = io.BytesIO()
    Image.fromarray((base + texture).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
