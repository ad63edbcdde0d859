"""How tests share two cores: a file stays on one worker, and so do the journeys that share one closed loop."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shared = item.path.name.startswith(("test_loop_", "test_crashes")) and item.path.parent.name == "journeys"
        group = "loop" if shared else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
