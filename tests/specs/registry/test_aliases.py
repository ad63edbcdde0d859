from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from sightloop.domain import Role
from sightloop.errors import Conflict, Refused
from sightloop.events import Events
from sightloop.registry import Registry, replay_alias_move
from sightloop.storage import Records, Stores
from tests.specs.registry.conftest import ME, Register


def promoted(registry: Registry, register: Register) -> str:
    version = register()
    registry.promote(ME, "cells", version.id, gate=registry.gate(ME, version.id, None).id)
    return version.id


def test_a_passed_gate_moves_the_alias(registry: Registry, register: Register) -> None:
    version = promoted(registry, register)
    assert registry.aliases(ME, "cells") == {"champion": version}
    assert registry.version(ME, "cells@champion").id == version


def test_without_a_gate_nothing_moves(registry: Registry, register: Register) -> None:
    with pytest.raises(Refused, match="no gate"):
        registry.promote(ME, "cells", register().id)
    assert registry.aliases(ME, "cells") == {}


def test_a_refused_gate_does_not_move_the_alias_even_with_a_reason(registry: Registry, register: Register) -> None:
    version = register(wrong=0.5)
    gate = registry.gate(ME, version.id, None)
    with pytest.raises(Refused, match="did not pass"):
        registry.promote(ME, "cells", version.id, gate=gate.id, reason="hurry")


def test_an_override_needs_a_reason_and_the_right_and_is_recorded(
    registry: Registry, register: Register, events: Events
) -> None:
    version = register()
    with pytest.raises(Refused):
        registry.promote(replace(ME, role=Role.LABELER), "cells", version.id, reason="it looks good")
    move = registry.promote(ME, "cells", version.id, reason="line stopped")
    assert events.receipt(ME, move.receipt).outcome["basis"] == "override"
    assert move.reason == "line stopped"


def test_a_gate_against_a_former_champion_no_longer_counts(registry: Registry, register: Register) -> None:
    first = promoted(registry, register)
    second, third = register(wrong=0.01), register(wrong=0.01, seed=2)
    stale = registry.gate(ME, third.id, first)
    registry.promote(ME, "cells", second.id, gate=registry.gate(ME, second.id, first).id)
    with pytest.raises(Refused, match="moved since"):
        registry.promote(ME, "cells", third.id, gate=stale.id)


def test_rolling_back_twice_is_rolling_forward(registry: Registry, register: Register) -> None:
    first = promoted(registry, register)
    second = register(wrong=0.01).id
    registry.promote(ME, "cells", second, gate=registry.gate(ME, second, first).id)
    assert registry.rollback(ME, "cells").to_version == first
    assert registry.rollback(ME, "cells").to_version == second
    assert [move.to_version for move in registry.history(ME, "cells")] == [first, second, first, second]


def test_the_first_version_has_nothing_to_go_back_to(registry: Registry, register: Register) -> None:
    promoted(registry, register)
    with pytest.raises(Refused, match="no earlier version"):
        registry.rollback(ME, "cells")


def test_a_repeated_promotion_moves_once(registry: Registry, register: Register) -> None:
    version, keyed = register(), ME.keyed("cycle", "1", "promote")
    moves = [registry.promote(keyed, "cells", version.id, reason="first") for _ in range(2)]
    assert moves[0] == moves[1]
    assert len(registry.history(ME, "cells")) == 1


def test_the_database_allows_one_holder_of_an_alias(registry: Registry, register: Register, records: Records) -> None:
    promoted(registry, register)
    with pytest.raises(Conflict), records.write() as connection:
        connection.execute(
            sa.text("INSERT INTO aliases (workspace_id, model, alias, version) VALUES ('ws_a','cells','champion','x')")
        )


def test_a_move_is_recomputed_from_its_receipt(
    registry: Registry, register: Register, events: Events, stores: Stores
) -> None:
    promoted(registry, register)
    receipt = events.receipt(ME, registry.history(ME, "cells")[0].receipt)
    assert replay_alias_move(stores.workspace("ws_a").blobs.get(receipt.inputs["data"])) == receipt.outcome


def test_an_alias_that_was_moved_behind_our_back_is_found(
    registry: Registry, register: Register, records: Records
) -> None:
    promoted(registry, register)
    with records.write() as connection:
        connection.execute(sa.text("UPDATE aliases SET version = 'mdv_nowhere'"))
    assert len(registry.check("ws_a")) == 2
