"""Leases: two workers and a virtual clock, in any order. Nobody alive is buried, and one token at most is good."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import sqlalchemy as sa
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sightloop.runs.fencing import Superseded, Token, claim, holding, refuse_late_writes
from sightloop.runs.tables import runs, workers
from sightloop.runs.workers import Register
from sightloop.storage import Records
from tests.specs.runs.conftest import ADMIN

LEASE_S = 10.0
NAMES = st.sampled_from(["ann", "bob"])


class Clock:
    """Seconds that pass when told to; the database's and everybody's."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class TimedRecords(Records):
    """SQLite in the place of PostgreSQL, with the virtual clock for its own and with sessions that nobody needs."""

    def __init__(self, url: str, session: str, clock: Clock) -> None:
        super().__init__(url, session=session)
        self._clock = clock

    @property
    def clock_ms(self) -> sa.ColumnElement[int]:
        return sa.literal(int(self._clock() * 1000))

    def count_sessions(self, connection: sa.Connection, session: str) -> int:
        return 0

    def end_sessions(self, connection: sa.Connection, session: str) -> int:
        return 0


class Leases(RuleBasedStateMachine):
    """One run, two workers; what stops and goes on is whatever rule comes late."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.records = {
            name: TimedRecords(f"sqlite:///{self.folder}/sightloop.db", f"wrk_{name}", self.clock)
            for name in ("ann", "bob")
        }
        self.records["ann"].migrate()
        self.register = {
            name: Register(records, name, lease_s=LEASE_S, clock=self.clock) for name, records in self.records.items()
        }
        self.beaten = dict.fromkeys(self.register, self.clock())
        for records, register in zip(self.records.values(), self.register.values(), strict=True):
            records.before_each_write(refuse_late_writes)
            register.enter()
        with self.records["ann"].write() as connection:
            row = dict.fromkeys((column.name for column in runs.columns), "") | {
                "workspace_id": ADMIN.workspace, "id": "run_1", "sequence": 1, "state": "pending", "epoch": 0,
                **{name: {} for name in ("params", "resources", "progress", "output", "error")},
            }  # fmt: skip
            connection.execute(sa.insert(runs).values(row))
        self.tokens: list[tuple[str, Token]] = []
        self.gone: set[int] = set()

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 11.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now_s += seconds

    @rule(name=NAMES)
    def beat(self, name: str) -> None:
        self.register[name].beat()
        self.beaten[name] = self.clock()
        assert f"wrk_{name}" in self.register[name].living()

    @rule(name=NAMES)
    def judge(self, name: str) -> None:
        for buried in self.register[name].judge():
            dead = buried.removeprefix("wrk_")
            assert dead != name
            assert self.clock() - self.beaten[dead] > LEASE_S
            self.gone |= {number for number, (owner, _) in enumerate(self.tokens) if owner == dead}

    @rule(name=NAMES)
    def claim(self, name: str) -> None:
        """As the engine lets it: a run of the dead, of nobody, or again one's own."""
        records = self.records[name]
        with records.read() as connection:
            owner = connection.scalar(sa.select(runs.c.owner))
        if owner in ("", records.session) or owner not in self.register[name].living():
            self.gone |= set(range(len(self.tokens)))
            self.tokens.append((name, claim(records, ADMIN.workspace, "run_1", records.session, lambda: True)))

    @invariant()
    @precondition(lambda self: hasattr(self, "tokens") and self.tokens)
    def only_the_newest_token_is_good(self) -> None:
        good = {number for number, (name, token) in enumerate(self.tokens) if self._may_write(name, token)}
        assert good == {len(self.tokens) - 1} - self.gone

    def _may_write(self, name: str, token: Token) -> bool:
        try:
            with holding(token), self.records[name].write() as connection:
                connection.execute(sa.update(workers).values(started_at="written"))
        except Superseded:
            return False
        return True

    def teardown(self) -> None:
        for records in getattr(self, "records", {}).values():
            records.close()
        shutil.rmtree(getattr(self, "folder", ""), ignore_errors=True)


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=10, stateful_step_count=20, deadline=None, derandomize=True)
