"""One plant, one closed loop and one server for all journeys: a session pays for them once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from examples.solar_cells.line_controller import LineController
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
