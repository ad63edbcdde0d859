"""A headless Chromium for benchmarks, and how much of its main thread something took."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; ends the benchmark with a reason where there is none."""
    executable = shutil.which("chromium")
    if executable is None:
        raise SystemExit("This benchmark needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


class MainThread:
    """Reads the page's own clocks: seconds of tasks, of script, of style and layout, since the page began."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def read(self) -> dict[str, float]:
        """Seconds of CPU by kind."""
        metrics = {one["name"]: one["value"] for one in self._session.send("Performance.getMetrics")["metrics"]}
        return {
            "task": metrics["TaskDuration"],
            "script": metrics["ScriptDuration"],
            "style_and_layout": metrics["RecalcStyleDuration"] + metrics["LayoutDuration"],
        }
