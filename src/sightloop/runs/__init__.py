"""How work happens: durable runs whose finished steps never run again, and whose lineage is a by-product.

The door is lazy, so that a process of a cluster starts without SQL and DBOS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightloop.runs.context import RunContext as RunContext
    from sightloop.runs.executors import Executor as Executor
    from sightloop.runs.executors import LocalExecutor as LocalExecutor
    from sightloop.runs.executors import RayExecutor as RayExecutor
    from sightloop.runs.executors import Work as Work
    from sightloop.runs.service import Runs as Runs

_HOMES = {
    "Executor": "executors",
    "LocalExecutor": "executors",
    "RayExecutor": "executors",
    "RunContext": "context",
    "Runs": "service",
    "Work": "executors",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
