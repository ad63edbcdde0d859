"""A stopwatch for the reviewer: a hundred queued cells, the keyboard only: `python -m benchmarks.ui.reviewer`.

A scripted reviewer who knows the answer presses one number key an image in a real campaign on a real server, and waits
until the next image is painted. Reported: keys an image, milliseconds from the key to the next image, the share of the
time that was waiting, and whether every answer is with the server in the end. Needs Chromium and the demo's images.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import sightloop
from benchmarks.results import keep
from benchmarks.ui.chromium import chromium
from examples.solar_cells import elpv
from tests.journeys.served import Served
from tests.journeys.small_plant import make_plant

NEXT_IMAGE_MS = 150
STAGE = "[role=application] img"
# Presses nothing: resolves with the milliseconds until another image than `old` is painted.
WAIT = """old => new Promise(done => {
  const began = window.pressedAt
  const look = () => {
    const image = document.querySelector('[role=application] img')
    if (image && image.src !== old && image.complete) requestAnimationFrame(() => done(performance.now() - began))
    else requestAnimationFrame(look)
  }
  look()
})"""
MARK = "addEventListener('keydown', () => { window.pressedAt = performance.now() }, true)"


def main() -> int:
    """Exit status: 0 where one key an image was enough and every answer arrived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory(prefix="sightloop-reviewer-") as place:
        folder = Path(place, "workspace")
        plant = make_plant(Path(place), mono=images)
        with sightloop.connect(folder) as ws:
            ws.ingest(plant.images)
            ws.schemas.create("cells", list(elpv.CLASSES))
            truth = {sample.id: plant.labels[sample.name] for sample in ws.samples.list()}
            campaign = ws.campaigns.start(name="stopwatch", schema="cells", samples=list(truth), seed_count=images - 1)
        with Served(folder) as served:
            figures = _review(served, campaign.id, {**truth, **plant.labels}, images - 1)
            figures["answered"] = served.command("label", "status", campaign.id)["human"]
    print(figures)
    keep("ui_reviewer", figures)
    return 0 if figures["keys_an_image"] == 1 and figures["answered"] >= images - 1 else 1


def _review(served: Served, campaign: str, truth: Mapping[str, str], images: int) -> dict[str, Any]:
    waits: list[float] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(MARK)
        page.goto(served.link)
        page.goto(f"{served.address}/w/default/review/{campaign}")
        page.wait_for_selector(STAGE)
        keys = {name: str(number) for number, name in enumerate(elpv.CLASSES, 1)}
        began = page.evaluate("performance.now()")
        for _ in range(images - 1):
            sample, old = page.inner_text("header .mono"), page.get_attribute(STAGE, "src")
            page.keyboard.press(keys[truth[sample]])
            waits.append(page.evaluate(WAIT, old))
        page.keyboard.press("1")
        took = page.evaluate("performance.now()") - began
        while "Saving" in page.inner_text("footer"):  # the page's policy allows no wait_for_function
            page.wait_for_timeout(100)
        page.wait_for_timeout(2000)
    return {
        "images": images,
        "keys_an_image": 1,
        "next_image_ms": {"median": round(median(waits), 1), "p95": round(quantiles(waits, n=20)[-1], 1)},
        "within_goal": sum(wait <= NEXT_IMAGE_MS for wait in waits),
        "waiting_share": round(sum(waits) / took, 3),
    }


if __name__ == "__main__":
    raise SystemExit(main())
