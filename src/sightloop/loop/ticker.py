"""The loop's clock: a thread that looks at each workspace in turn and never dies of what it sees."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sightloop.domain import Caller, Role, now

LONGEST_WAIT_S = 60.0
_log = logging.getLogger(__name__)


class Ticker:
    """Calls the parts for each workspace, in order, each `tick_s`.

    A part that raises is recorded in `errors` and waits 1, 2, 4 ... seconds in that workspace, at most a minute; the
    parts after it go on.

    Args:
        workspaces: ids of the workspaces there are now.
        parts: by name, such as importing predictions, advancing monitors, and the loop's own tick.
    """

    def __init__(
        self,
        workspaces: Callable[[], Sequence[str]],
        parts: Mapping[str, Callable[[Caller], object]],
        tick_s: float,
    ) -> None:
        self._workspaces = workspaces
        self._parts = parts
        self._tick_s = tick_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._waits: dict[tuple[str, str], tuple[int, float]] = {}
        self.errors: dict[tuple[str, str], dict[str, Any]] = {}

    def start(self) -> None:
        """Returns at once; the thread looks until `stop`."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._work, name="sightloop-ticker", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Returns when the look under way is over, or the time is."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def look(self) -> None:
        """Returns after one look at each workspace."""
        for workspace in self._workspaces():
            caller = Caller(workspace, "ticker", Role.ENGINEER)
            for name, part in self._parts.items():
                if self._stopping.is_set():
                    return
                if time.monotonic() >= self._waits.get((workspace, name), (0, 0.0))[1]:
                    self._try(caller, name, part)

    def _try(self, caller: Caller, name: str, part: Callable[[Caller], object]) -> None:
        place = caller.workspace, name
        try:
            part(caller)
        except Exception as error:
            tries = self._waits.get(place, (0, 0.0))[0] + 1
            self._waits[place] = tries, time.monotonic() + min(2.0 ** (tries - 1), LONGEST_WAIT_S)
            kind = type(error).__name__
            self.errors[place] = {"at": now().isoformat(), "error": kind, "tries": tries}
            _log.warning("%s failed in %s, try %d", name, caller.workspace, tries, exc_info=error)
        else:
            self._waits.pop(place, None)
            self.errors.pop(place, None)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception as error:
                _log.error("look failed", exc_info=error)
            self._stopping.wait(self._tick_s)
