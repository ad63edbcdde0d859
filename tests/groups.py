"""How tests share two cores: a file stays on one worker, and so do tests that share a loop, a server or an operation.

Three workers, because a test that waits for a process, a lease or a disk leaves its core to others.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Files that share what takes minutes to make: the name of their group, by the start of the path.
_SHARED = {
    "tests/journeys/test_loop_": "loop",
    "tests/conformance/": "conformance",
}
# Kills are spread by the operation that dies: its trials are held against one that did not die.
_KILLS = "tests/journeys/test_crashes.py"
# The longest first, so that all workers end together. One of the kills before them, as it makes what the others copy.
_FIRST = (f"{_KILLS} begin", "conformance", "loop")


def group(nodeid: str) -> str:
    """The name of what a test shares its worker with: its file, if nothing else."""
    file, _, test = nodeid.partition("::")
    if file == _KILLS:
        return f"{file} {test.partition('[')[2].partition('-')[0] or 'begin'}"
    return next((name for start, name in _SHARED.items() if file.startswith(start)), file)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Sends whole groups to workers.

    `--dist loadgroup` of xdist 3.8 does not: it hands groups over within ids, which pytest 9.2 no longer lets change
    (pytest-xdist issue 1386), and says nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    config.option.loadscopereorder = False  # groups start in the order of the items
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    name = group(nodeid)
    if name in _FIRST:
        return _FIRST.index(name)
    return len(_FIRST) + (not nodeid.startswith("tests/journeys/"))
