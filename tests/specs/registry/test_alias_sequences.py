"""Aliases under any sequence of promotions and roll-backs: one holder at most, and never none after the first."""

from __future__ import annotations

from itertools import count

import hypothesis.strategies as st
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sightloop.domain import Caller, Role
from sightloop.errors import Refused
from sightloop.registry import Registry
from sightloop.registry.tables import aliases
from sightloop.storage import Records
from tests.specs.registry.conftest import ME, Register

BOSS = Caller(ME.workspace, "usr_boss", Role.ADMIN)


def test_an_alias_has_one_holder_at_most_and_never_none_after_the_first(
    registry: Registry, records: Records, register: Register
) -> None:
    versions = [register(model="cells").id for _ in range(3)]
    names = count()

    class Moves(RuleBasedStateMachine):
        """An alias of its own each time, and what it should do: a holder, and the one before the last move."""

        def __init__(self) -> None:
            super().__init__()
            self.alias = f"line-{next(names)}"
            self.holder = self.before = ""

        @rule(version=st.sampled_from(versions), reason=st.sampled_from(["", "the gate is down"]))
        def promote(self, version: str, reason: str) -> None:
            try:
                registry.promote(BOSS, "cells", version, alias=self.alias, reason=reason)
            except Refused:
                assert not reason
                assert version != self.holder
            else:
                if version != self.holder:  # to its own holder an alias does not move
                    assert reason
                    self.holder, self.before = version, self.holder

        @rule()
        def roll_back(self) -> None:
            try:
                registry.rollback(BOSS, "cells", self.alias)
            except Refused:
                assert not self.before
            else:
                assert self.before
                self.holder, self.before = self.before, self.holder

        @invariant()
        def one_holder(self) -> None:
            query = sa.select(aliases.c.version).where(aliases.c.alias == self.alias)
            with records.read() as connection:
                held = connection.scalars(query).all()
            assert held == ([self.holder] if self.holder else [])

        def teardown(self) -> None:
            assert registry.check(ME.workspace) == []

    run_state_machine_as_test(
        Moves,
        settings=settings(
            max_examples=5,
            stateful_step_count=10,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
