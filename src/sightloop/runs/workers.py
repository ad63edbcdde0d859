"""The processes that carry out runs: each proves that it lives, and a dead one's work is given to the living."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import sqlalchemy as sa

from sightloop.domain import RunState, now
from sightloop.errors import Locked
from sightloop.runs.tables import runs, workers
from sightloop.storage import Records

log = logging.getLogger(__name__)

BEATS_A_LEASE = 5
UNFINISHED = (str(RunState.PENDING), str(RunState.RUNNING))


class Register:
    """One process's place among the workers of an installation; only where the records are shared.

    The database's clock alone is asked who is late, so that the clocks of the machines do not matter. A process that
    is judged dead is buried: its sessions are ended, which undoes and frees what it held, its runs get a new epoch, so
    that it may write nothing more in their name, and its row is gone. If it lives after all it registers again.

    Args:
        name: of the process, such as "control"; one process at a time goes by it.
        incarnation: of this very process; never used twice.
        lease_s: who was silent for that long is dead.
        clock: monotonic, in seconds; for judging only whether this process itself has been there all along.
    """

    def __init__(
        self, records: Records, name: str, *, lease_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._records = records
        self._name = name
        self._incarnation = records.session
        self._lease_ms = int(lease_s * 1000)
        self._clock = clock
        self._steady_since = clock()
        self._last_beat = clock()

    def enter(self) -> None:
        """Returns once this process is registered. A dead one of its name, if any, is buried.

        Raises:
            Locked: a live process goes by this name.
        """
        with self._records.aside() as connection:
            known = connection.execute(self._seen().where(workers.c.name == self._name)).first()
            sessions = self._records.count_sessions(connection, known.incarnation) if known else 0
        if known and known.incarnation != self._incarnation:
            if sessions and known.age_ms < self._lease_ms:
                raise Locked(
                    f'A live process works for this installation under the name "{self._name}".',
                    hint="Choose another name, or end that process first.",
                )
            self._bury(known.incarnation, when=sa.true())
        with self._records.write() as connection:
            connection.execute(
                sa.insert(workers).values(
                    name=self._name,
                    incarnation=self._incarnation,
                    seen_ms=self._records.clock_ms,
                    started_at=now().isoformat(),
                )
            )
        self._steady_since = self._last_beat = self._clock()

    def leave(self) -> None:
        """Returns once this process counts as gone; its runs are then taken over at the next look of another."""
        self._bury(self._incarnation, when=sa.true())

    def beat(self) -> None:
        """Returns once the others know that this process lives; takes no turn, so that a busy database is no death."""
        with self._records.aside() as connection:
            alive = connection.execute(
                sa.update(workers).where(self._mine()).values(seen_ms=self._records.clock_ms)
            ).rowcount
        at = self._clock()
        if not alive:
            log.warning("this process was silent for longer than its lease; others have taken over its runs")
            self.enter()
        elif at - self._last_beat > 2 * self._lease_ms / 1000 / BEATS_A_LEASE:
            self._steady_since = at
        self._last_beat = at

    def judge(self) -> list[str]:
        """The incarnations that were buried.

        Who was not there itself for the length of a lease does not judge: after an outage of the database every
        process looks late to the first one that is back.
        """
        if (self._clock() - self._steady_since) * 1000 < self._lease_ms:
            return []
        with self._records.aside() as connection:
            late = connection.execute(self._seen().where(self._late(), ~self._mine())).all()
        return [row.incarnation for row in late if self._bury(row.incarnation, when=self._late())]

    def living(self) -> set[str]:
        """The incarnations that are registered."""
        with self._records.aside() as connection:
            return set(connection.scalars(sa.select(workers.c.incarnation)))

    def _bury(self, incarnation: str, *, when: sa.ColumnElement[bool]) -> bool:
        """Whether it was still registered. Its sessions end first: one of them may hold the turn to write."""
        if incarnation != self._incarnation:
            with self._records.aside() as connection:
                self._records.end_sessions(connection, incarnation)
        with self._records.write() as connection:
            gone = connection.execute(sa.delete(workers).where(workers.c.incarnation == incarnation, when)).rowcount
            if gone:
                connection.execute(
                    sa.update(runs)
                    .where(runs.c.owner == incarnation, runs.c.state.in_(UNFINISHED))
                    .values(owner="", epoch=runs.c.epoch + 1)
                )
        return bool(gone)

    def _seen(self) -> sa.Select[tuple[str, int]]:
        return sa.select(workers.c.incarnation, (self._records.clock_ms - workers.c.seen_ms).label("age_ms"))

    def _late(self) -> sa.ColumnElement[bool]:
        return workers.c.seen_ms < self._records.clock_ms - self._lease_ms

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(workers.c.name == self._name, workers.c.incarnation == self._incarnation)
