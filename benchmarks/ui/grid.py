"""How long the grid of a large workspace takes to open, to filter and to sort: `python -m benchmarks.ui.grid FOLDER`.

The folder comes from `benchmarks.large_workspace`; a map is made in it if there is none, before anything is measured.
A real server and Chromium at 1440 x 900. Milliseconds from the navigation until the first tile stands (`tiles`), until
each tile in sight shows its picture (`pictures`) and until all is there to filter by (`all`): with the server just
started, first visit; then warm, first visit; and warm, reloaded; medians of `--visits`, but for the just started one.
Of each click: from the button's release to the frame that holds the new grid (`wall_ms`), and all CPU time of the
page's main thread that it caused, what follows the tiles included. After one label: until the answer to the next
question for what is said of the samples. A process that opens is not in these figures but stands beside them
(`serve_ms`). The load of the machine is told with them: walls grow with it.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from playwright.sync_api import Browser, Locator, Page, ViewportSize

import sightloop
from benchmarks.results import keep
from benchmarks.ui.chromium import MainThread, chromium
from tests.journeys.served import Served

FIRST_TILES_MS, FACET_CLICK_MS = 1000, 100
SETTLED_MS: Final = 700
VIEW: Final[ViewportSize] = {"width": 1440, "height": 900}
GRID: Final = "/w/default/datasets"
VALUES: Final = "aside[aria-label=Facets] [role=checkbox]"
CHOSEN: Final = VALUES + "[aria-checked=true]"
# Notes when the first tile stands, when each one in sight has its picture, and when there is all to filter by.
WATCH: Final = f"""
window.seen = {{}}
const look = () => {{
  const cells = [...document.querySelectorAll('[role=gridcell]')]
  const tiles = cells.filter(cell => cell.getBoundingClientRect().top < innerHeight)
  const shown = tile => {{ const picture = tile.querySelector('img'); return picture && picture.complete }}
  const note = (name, is) => is && !(name in seen) && (seen[name] = performance.now())
  note('tiles', tiles.length)
  note('pictures', tiles.length && tiles.every(shown))
  note('all', document.querySelector('{VALUES}'))
  if (Object.keys(seen).length < 3) requestAnimationFrame(look)
}}
requestAnimationFrame(look)
"""
# Resolves with the milliseconds from the next click to the end of the frame in which the view has changed.
CLICKED: Final = """by => {
  const view = {
    count: () => document.querySelector('#main header [aria-live=polite]').textContent,
    first: () => document.querySelector('[role=gridcell]')?.dataset.sample,
  }[by]
  const before = view()
  const until = performance.now() + 20000
  let began = 0
  addEventListener('pointerup', event => { began = event.timeStamp }, { once: true, capture: true })
  window.painted = new Promise(done => {
    const look = () => {
      if (performance.now() > until) return done(NaN)
      if (!began || view() === before) return requestAnimationFrame(look)
      const channel = new MessageChannel()
      channel.port1.onmessage = () => done(performance.now() - began)
      channel.port2.postMessage(0)
    }
    look()
  })
}"""
LABEL: Final = """async ([sample, label]) => {
  const headers = { 'Sightloop-Workspace': 'default' }
  const body = JSON.stringify({ schema: 'cell-states', rows: [{ sample, label }] })
  const sent = { ...headers, 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() }
  const written = await fetch('/api/v1/imports', { method: 'POST', headers: sent, body })
  if (!written.ok) throw new Error(await written.text())
  const began = performance.now()
  const answer = await fetch('/api/v1/samples/columns?part=said', { headers })
  return [performance.now() - began, (await answer.arrayBuffer()).byteLength]
}"""
SOME: Final = "fetch('/api/v1/samples?limit=1').then(one => one.json()).then(one => one.items[0].id)"


def main() -> int:
    """Exit status: 0 where the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clicks", type=int, default=24)
    parser.add_argument("--visits", type=int, default=5)
    given = parser.parse_args()
    loads = [os.getloadavg()[0]]
    _make_map(given.folder)
    with chromium() as browser:
        with Served(given.folder) as served:
            signed = _signed_in(browser, served)
        began = time.perf_counter()
        with Served(given.folder) as served:
            figures: dict[str, Any] = {"serve_ms": round(1000 * (time.perf_counter() - began))}
            started = _first_visit(browser, signed, served)
            warm = [_first_visit(browser, signed, served) for _ in range(given.visits)]
            with browser.new_context(viewport=VIEW, storage_state=signed) as context:
                page = context.new_page()
                again = [_visit(page, served) for _ in range(1 + given.visits)][1:]
                figures["opened"] = {"just_started": started, "warm": _medians(warm), "reloaded": _medians(again)}
                figures |= _used(page, given.clicks)
            figures["server_rss_mb"] = _rss_mb(served)
    loads.append(os.getloadavg()[0])
    goals = {
        "first_tiles_under_1_s": figures["opened"]["warm"]["tiles"] < FIRST_TILES_MS,
        "facet_click_under_100_ms": figures["facet_click"]["wall_ms"]["median"] < FACET_CLICK_MS,
    }
    print(figures, goals)
    keep("ui_grid", {**figures, "goals": goals, "load_average": loads})
    return 0 if all(goals.values()) else 1


def _make_map(folder: Path) -> None:
    with sightloop.connect(folder) as workspace:
        if not workspace.samples.maps():
            workspace.runs.wait(workspace.samples.make_map())


def _signed_in(browser: Browser, served: Served) -> Any:
    """The cookies of the owner."""
    with browser.new_context(viewport=VIEW) as context:
        page = context.new_page()
        page.goto(served.link)
        page.wait_for_selector("html[data-ready=true]", timeout=60_000)
        return context.storage_state()


def _first_visit(browser: Browser, signed: Any, served: Served) -> dict[str, float]:
    with browser.new_context(viewport=VIEW, storage_state=signed) as context:
        return _visit(context.new_page(), served)


def _visit(page: Page, served: Served) -> dict[str, float]:
    """Milliseconds until it stands, of the main thread's CPU, and kilobytes over the wire."""
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    page.add_init_script(WATCH)
    thread = MainThread(page)
    page.goto(f"{served.address}{GRID}")
    page.wait_for_selector(VALUES, timeout=120_000)
    page.wait_for_timeout(SETTLED_MS)
    seen = {name: round(value) for name, value in page.evaluate("seen").items()}
    cpu = round(1000 * thread.read()["task"])
    session.detach()
    return {**seen, "main_thread_cpu": cpu, "kilobytes": round(sum(sizes) / 1000)}


def _used(page: Page, clicks: int) -> dict[str, Any]:
    thread = MainThread(page)
    facet = [_facet_click(page, thread, number) for number in range(clicks)]
    sorts = []
    for name in ("Darkest", "Most blurred", "Brightest", "Sharpest", "Least certain", "Name", "Newest"):
        page.get_by_label("Sort").click()
        sorts.append(_clicked(page, thread, page.get_by_role("option", name=name, exact=True), "first"))
    began = time.perf_counter()
    page.get_by_role("button", name="Map", exact=True).click()
    page.wait_for_selector("canvas", timeout=120_000)
    map_ms = round(1000 * (time.perf_counter() - began))
    sample = page.evaluate(SOME)
    labels = [page.evaluate(LABEL, [sample, label]) for label in ("ok", "crack") * 3]
    return {
        "facet_click": _summed(facet),
        "sort_click": _summed(sorts),
        "map_open_ms": map_ms,
        "said_after_a_label_ms": round(median(one for one, _ in labels), 1),
        "said_after_a_label_kilobytes": round(labels[-1][1] / 1000),
    }


def _facet_click(page: Page, thread: MainThread, number: int) -> tuple[float, float]:
    """A click on a value of the next facet; three filters hold at most."""
    if page.locator(CHOSEN).count() > 2:
        page.get_by_role("button", name="Clear all").click()
        page.wait_for_timeout(SETTLED_MS)
    sections = page.locator("aside[aria-label=Facets] section")
    free = sections.nth(number % sections.count()).locator("[role=checkbox][aria-checked=false]")
    return _clicked(page, thread, free.nth(number // sections.count() % min(2, free.count())), "count")


def _clicked(page: Page, thread: MainThread, target: Locator, by: str) -> tuple[float, float]:
    """Milliseconds to the new grid, and of main-thread CPU until nothing follows any more."""
    target.scroll_into_view_if_needed()
    target.hover()
    page.wait_for_timeout(SETTLED_MS)
    page.evaluate(CLICKED, by)
    before = thread.read()["task"]
    page.mouse.down()
    page.mouse.up()
    wall_ms = page.evaluate("painted")
    page.wait_for_timeout(SETTLED_MS)
    return wall_ms, 1000 * (thread.read()["task"] - before)


def _summed(clicks: list[tuple[float, float]]) -> dict[str, Any]:
    walls, cpus = zip(*clicks, strict=True)
    told: dict[str, Any] = {"clicks": len(clicks)}
    for name, values in (("wall_ms", walls), ("main_thread_cpu_ms", cpus)):
        told[name] = {"median": round(median(values), 1), "p95": round(quantiles(values, n=20)[-1], 1)}
    return told


def _medians(visits: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(one[name] for one in visits) for name in visits[0]}


def _rss_mb(served: Served) -> int:
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1000


if __name__ == "__main__":
    raise SystemExit(main())
