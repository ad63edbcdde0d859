"""Makes the pictures of the dashboard from the demo's workspace: `python docs/pictures.py demo-workspace`.

Needs Chromium (Debian's package `chromium`). A copy of the folder is served, so that looking changes nothing in it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.ui.chromium import chromium
from tests.journeys.served import Served

IMAGES = Path(__file__).parent / "images"
PICTURES = {
    "overview": ("/w/default", "dark"),
    "datasets": ("/w/default/datasets", "dark"),
    "review": ("/w/default/review", "light"),
    "evaluation": ("/w/default/models/cells?tab=eval", "dark"),
    "lineage": ("/w/default/models/cells?tab=lineage", "light"),
    "deployment": ("/w/default/deployments/line-1", "dark"),
}
SETTLED_MS = 3000  # charts and thumbnails come after the page says that it is ready


def main() -> int:
    """Exit status: 0 once every picture is written."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory(prefix="sightloop-pictures-") as place:
        folder = shutil.copytree(sys.argv[1], Path(place, "workspace"))
        (folder / "lock").unlink(missing_ok=True)
        with Served(folder) as served, chromium() as browser:
            context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
            context.new_page().goto(served.link)
            for name, (path, theme) in PICTURES.items():
                page = context.new_page()
                page.add_init_script(f"localStorage.setItem('sightloop.theme', '{theme}')")
                page.goto(served.address + path)
                page.wait_for_selector("html[data-ready=true]")
                page.wait_for_timeout(SETTLED_MS)
                page.screenshot(path=IMAGES / f"dashboard-{name}.png")
                page.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
