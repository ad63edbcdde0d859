"""How tests share two cores: a file stays on one worker, as do those that share a closed loop, a yard or a server."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Files that share what takes minutes to make: the name of their group, by the start of the path.
_SHARED = {
    "tests/journeys/test_crashes": "yard",
    "tests/journeys/test_full_disk": "yard",
    "tests/journeys/test_random_kills": "yard",
    "tests/journeys/test_loop_": "loop",
    "tests/conformance/": "conformance",
}
# The longest first, so that both workers end together; the others follow as they were collected.
_LONGEST = ("yard", "conformance", "loop")


def group(nodeid: str) -> str:
    """The name of what a test shares its worker with: its file, if nothing else."""
    file = nodeid.partition("::")[0]
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
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(group(item.nodeid), len(ranks)))
