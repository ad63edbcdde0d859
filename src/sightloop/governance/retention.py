"""Retention: what an installation may keep for so many days, and what becomes of it then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sightloop.domain import Caller, now
from sightloop.errors import Conflict
from sightloop.governance.fsck import Fsck

Retire = Callable[[Caller, datetime], int]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of content, for how many days it is kept (0: for ever), and how what is older is let go."""

    days: int
    retire: Retire


@dataclass(frozen=True, slots=True)
class Retired:
    """What went. `bytes_pending` says why the bytes are still on disk, and is empty where they are gone."""

    retired: Mapping[str, int]
    collected: int
    bytes_pending: str


class Retention:
    """Applies the rules that the settings declare.

    Args:
        rules: by the name of the content; records are let go first, and bytes that nothing names are then swept up.
    """

    def __init__(self, rules: Mapping[str, Rule], fsck: Fsck, clock: Callable[[], datetime] = now) -> None:
        self._rules = rules
        self._fsck = fsck
        self._clock = clock

    def apply(self, caller: Caller) -> Retired:
        """What was let go in the workspace; the same again does no more. Each kind leaves an audit entry."""
        moment = self._clock()
        retired = {
            name: rule.retire(caller, moment - timedelta(days=rule.days))
            for name, rule in self._rules.items()
            if rule.days
        }
        try:
            report = self._fsck.run(caller.workspace, collect=True)
        except Conflict as busy:
            return Retired(retired, 0, busy.message)
        pending = "" if report.ok else "The check of the store found problems, so nothing was swept up."
        return Retired(retired, report.collected + report.old_versions, pending)
