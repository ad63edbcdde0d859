"""A signed-in page of the dashboard that fails its test where the page itself says that something went wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, expect

FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 30_000
SCREENS = {
    "Overview": "",
    "Sources": "/sources",
    "Datasets": "/datasets",
    "Review": "/review",
    "Experiments": "/runs",
    "Models": "/models",
    "Deployments": "/deployments",
    "Alerts": "/alerts",
    "Audit": "/audit",
}
UNANSWERED = "Failed to load resource"


def chromium_path() -> str:
    """Debian's Chromium; skips with a reason where there is none, but never in CI."""
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI") != "true":
        pytest.skip("Chromium is not installed: apt-get install chromium")
    assert found, "Chromium is not installed"
    return found


@dataclass
class Seat:
    """A person in front of the dashboard of one workspace.

    Attributes:
        trouble: what the console and the page called an error, but for what begins with one of `forgiven`.
    """

    context: BrowserContext
    page: Page
    root: str
    forgiven: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.trouble.append(f"{error}\n{error.stack}"))
        self.page.on("dialog", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(tuple(self.forgiven)):
            self.trouble.append(f"{message.text} {message.location.get('url', '')}")

    def _asked(self, dialog: Dialog) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def visit(self, path: str = "") -> Page:
        """The page at a path of the workspace, once the shell listens."""
        self.page.goto(f"{self.root}{path}")
        self.ready()
        return self.page

    def ready(self) -> None:
        self.page.wait_for_selector("html[data-ready=true]", state="attached")

    def settled(self) -> None:
        """Returns once the screen has its title and shows neither a line of progress nor a request under way."""
        self.page.wait_for_selector("main h1, main [role=alert], main canvas", state="attached")
        expect(self.page.get_by_role("progressbar", name="Loading")).to_have_count(0)


SeatOf = Callable[..., Seat]
