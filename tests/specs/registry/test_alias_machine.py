"""Whatever is promoted, rolled back or repeated: an alias has one holder, and once it has one it never has none."""

from __future__ import annotations

import shutil
import tempfile
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sightloop.domain import Caller
from sightloop.errors import Refused
from sightloop.events import Events
from sightloop.registry import Registry
from sightloop.storage import Records, Stores
from tests.specs.registry.conftest import ME, registering
from tests.specs.serving.small_model import small_bundle

BUNDLE = small_bundle().to_archive()


class Alias(RuleBasedStateMachine):
    """The alias `champion` of one model with three versions, beside a list of who ought to hold it."""

    prepared: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(self.prepared, self.folder, dirs_exist_ok=True)
        self.records = Records(f"sqlite:///{self.folder}/sightloop.db")
        self.registry = Registry(self.records, Events(self.records), Stores(self.folder, self.records))
        self.holders: list[str] = []
        self.keys = count()
        self.last: tuple[Caller, str] | None = None

    @initialize()
    def register(self) -> None:
        make = registering(self.registry, BUNDLE)
        self.versions = [make().id for _ in range(3)]

    @rule(which=st.integers(0, 2))
    def promote(self, which: int) -> None:
        keyed, version = ME.keyed("promote", str(next(self.keys))), self.versions[which]
        self.registry.promote(keyed, "cells", version, reason="drawn")
        if not self.holders or self.holders[-1] != version:
            self.holders.append(version)
            self.last = keyed, version

    @precondition(lambda self: self.last is not None)
    @rule()
    def repeat_the_last_move(self) -> None:
        assert self.last is not None
        keyed, version = self.last
        self.registry.promote(keyed, "cells", version, reason="drawn")

    @rule()
    def roll_back(self) -> None:
        if len(self.holders) < 2:
            with pytest.raises(Refused):
                self.registry.rollback(ME, "cells")
            return
        self.registry.rollback(ME, "cells")
        self.holders.append(self.holders[-2])

    @rule(which=st.integers(0, 2))
    def promote_without_a_reason(self, which: int) -> None:
        if self.holders and self.holders[-1] == self.versions[which]:
            return
        with pytest.raises(Refused):
            self.registry.promote(ME, "cells", self.versions[which])

    @invariant()
    def the_alias_is_held_by_whom_it_should(self) -> None:
        assert self.registry.aliases(ME, "cells") == ({"champion": self.holders[-1]} if self.holders else {})

    @invariant()
    def every_move_is_told_in_order(self) -> None:
        assert [move.to_version for move in self.registry.history(ME, "cells")] == self.holders

    def teardown(self) -> None:
        assert self.registry.check(ME.workspace) == []
        self.records.close()
        shutil.rmtree(self.folder)


def test_an_alias_has_one_holder_whatever_is_done(prepared: Path) -> None:
    Alias.prepared = prepared
    drawn = settings(max_examples=12, stateful_step_count=12, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(Alias, settings=drawn)
