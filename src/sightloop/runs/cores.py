"""The machine's cores, lent to runs: together they never hold more than there are."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Cores:
    """A counted lease of cores. Who asks for more than the machine has gets the whole machine.

    Args:
        total: all that the process may use by default. 0: this process carries out no runs.
    """

    def __init__(self, total: float | None = None) -> None:
        self.total = float(len(os.sched_getaffinity(0)) if total is None else total)
        self._free = self.total
        self._changed = threading.Condition()

    def are_free(self, cpu: float) -> bool:
        """Whether a lease of that size would not wait."""
        return self.total > 0 and self._free >= min(max(cpu, 0.0), self.total) - 1e-9

    @contextmanager
    def lease(self, cpu: float) -> Iterator[int]:
        """The number of threads that the holder may use; waits until the cores are free."""
        wanted = min(max(cpu, 0.0), self.total)
        self._take(wanted)
        try:
            yield max(1, int(wanted))
        finally:
            self._give(wanted)

    @contextmanager
    def lent_back(self, cpu: float) -> Iterator[None]:
        """A block in which a lease of that size is given back: for a run that only waits for another one."""
        wanted = min(max(cpu, 0.0), self.total)
        self._give(wanted)
        try:
            yield
        finally:
            self._take(wanted)

    def _take(self, wanted: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted - 1e-9)
            self._free -= wanted

    def _give(self, wanted: float) -> None:
        with self._changed:
            self._free += wanted
            self._changed.notify_all()
