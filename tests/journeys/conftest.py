"""One plant, one closed loop and one server for all journeys: a session pays for them once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

import sightloop
from examples.solar_cells.line_controller import LineController
from tests.journeys.browser_pages import FLAGS, PATIENCE_MS, Seat, SeatOf, chromium_path
from tests.journeys.crash_yard import Yard, shared_yard
from tests.journeys.served import Served
from tests.journeys.small_loop import SmallLoop, close_the_loop
from tests.journeys.small_plant import make_plant


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLoop]:
    home = tmp_path_factory.mktemp("loop")
    controller = LineController(home / "line-controller.jsonl")
    yield close_the_loop(home / "installation", make_plant(home, mono=160, poly=230), controller)
    controller.close()


@pytest.fixture(scope="session")
def served(closed: SmallLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "installation"
    shutil.copytree(closed.folder, folder)
    running = Served(folder)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """One for all workers: their folders lie side by side."""
    own = tmp_path_factory.getbasetemp()
    with shared_yard((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "yard") as shared:
        yield shared


@pytest.fixture(scope="session")
def dashboard(closed: SmallLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The closed loop, served for browsers: what they change there, no other journey sees."""
    chromium_path()
    folder = tmp_path_factory.mktemp("dashboard") / "installation"
    shutil.copytree(closed.folder, folder)
    with Served(folder) as running:
        yield running


# The next three replace those of pytest-playwright, which last for the session: while they do, asyncio takes its loop
# for a running one, and no other test of this process can have one.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    chromium_path()
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
    yield launched
    launched.close()


@pytest.fixture(scope="module")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


@pytest.fixture
def seat(dashboard: Served, new_context: Any) -> Iterator[SeatOf]:
    """Seats people at the dashboard by role, or with the key of another workspace; no page may have said an error."""
    taken: list[Seat] = []

    def sit(
        role: str = "engineer", *, at: Served | None = None, key: str = "", workspace: str = "default", **how: Any
    ) -> Seat:
        at = at or dashboard
        if not key:
            with sightloop.connect(at.folder) as ws:
                key = ws.keys.create(role, name=f"a browser's {role}").secret
        context = new_context(**how)
        context.set_default_timeout(PATIENCE_MS)
        answer = context.request.post(f"{at.address}/api/v1/session", data={"key": key})
        assert answer.ok, answer.text()
        taken.append(Seat(context, context.new_page(), f"{at.address}/w/{workspace}"))
        return taken[-1]

    expect.set_options(timeout=PATIENCE_MS)
    yield sit
    assert [trouble for one in taken for trouble in one.trouble] == []
