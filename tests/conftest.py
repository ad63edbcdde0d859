"""How tests share two cores: a file stays on one worker, and so do journeys that share a closed loop or a yard."""

from __future__ import annotations

import pytest

_SHARED = {"test_loop_": "loop", "test_crashes": "yard", "test_full_disk": "yard", "test_random_kills": "yard"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = str(item.path)
        if item.path.parent.name == "journeys":
            group = next((name for start, name in _SHARED.items() if item.path.name.startswith(start)), group)
        item.add_marker(pytest.mark.xdist_group(group))
