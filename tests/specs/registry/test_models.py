from __future__ import annotations

import pytest

from sightloop.domain import Caller, Role
from sightloop.errors import InvalidBundle, InvalidInput, NotFound
from sightloop.registry import Registry
from tests.specs.registry.conftest import ME, Register, evaluation
from tests.specs.serving.small_model import small_bundle


def test_versions_are_numbered_and_found_by_id_number_and_latest(registry: Registry, register: Register) -> None:
    first, second = register(), register()
    assert (first.number, second.number) == (1, 2)
    assert registry.version(ME, first.id) == registry.version(ME, "cells@1") == first
    assert registry.version(ME, "cells@latest") == second


def test_the_bundle_and_the_evaluation_come_back_as_they_were_given(registry: Registry, register: Register) -> None:
    version = register()
    assert registry.bundle(ME, version.id) == small_bundle().to_archive()
    assert registry.evaluation(ME, version.id) == {**evaluation(), "classes": ["dark", "bright"]}


def test_the_same_idempotency_key_registers_once(registry: Registry, register: Register) -> None:
    keyed = ME.keyed("train", "1")
    assert register(caller=keyed) == register(caller=keyed)
    assert registry.model(ME, "cells").versions == 1


def test_what_is_no_bundle_is_refused(registry: Registry) -> None:
    with pytest.raises(InvalidBundle):
        registry.register(
            ME,
            "cells",
            bundle=b"PK\x03\x04",
            dataset_version="",
            schema="",
            recipe={},
            metrics={},
            evaluation={},
            run="",
        )


def test_an_evaluation_with_rows_missing_is_refused(register: Register, registry: Registry) -> None:
    version = register()
    with pytest.raises(InvalidInput, match="predicted"):
        registry.add_evaluation(ME, version.id, {**evaluation(test_version="dsv_2"), "predicted": ["dark"]})


def test_another_workspace_sees_nothing(registry: Registry, register: Register) -> None:
    version = register()
    stranger = Caller(workspace="ws_b", actor="usr_2", role=Role.ADMIN)
    assert registry.models(stranger) == []
    with pytest.raises(NotFound):
        registry.bundle(stranger, version.id)


def test_the_card_tells_data_metrics_and_gates(registry: Registry, register: Register) -> None:
    version = register()
    gate = registry.gate(ME, version.id, None)
    registry.promote(ME, "cells", version.id, gate=gate.id)
    card = registry.card(ME, version.id)
    assert "# cells v1" in card
    assert "Aliases: champion" in card
    assert "dsv_1" in card
    assert f"passed first version, receipt `{gate.receipt}`" in card


def test_all_blobs_are_named_for_the_check(registry: Registry, register: Register) -> None:
    version = register()
    registry.promote(ME, "cells", version.id, gate=registry.gate(ME, version.id, None).id)
    assert {version.bundle_digest, version.evaluation} < registry.references("ws_a")
    assert len(registry.references("ws_a")) == 4
    assert registry.check("ws_a") == []
