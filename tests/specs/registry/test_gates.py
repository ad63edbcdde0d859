from __future__ import annotations

import pytest

from sightloop.domain import GateResult
from sightloop.errors import NotFound, Refused
from sightloop.events import Events
from sightloop.registry import Registry, replay_gate
from sightloop.storage import Stores
from tests.specs.registry.conftest import ME, Register, evaluation


def compare(registry: Registry, register: Register, *, wrong: float, seed: int = 1, **rules: object) -> GateResult:
    champion, challenger = register(wrong=0.1), register(wrong=wrong, seed=seed)
    return registry.gate(ME, challenger.id, champion.id, margin=0.05, slices=["cell_type"], **rules)  # type: ignore[arg-type]


def test_a_first_version_needs_parity_and_better_than_chance(registry: Registry, register: Register) -> None:
    assert registry.gate(ME, register().id, None).passed
    assert registry.gate(ME, register(parity=False).id, None).verdict["reasons"] == ["parity"]
    assert registry.gate(ME, register(wrong=0.5).id, None).verdict["reasons"] == ["auroc"]


def test_a_minimum_that_the_interval_does_not_clear_refuses(registry: Registry, register: Register) -> None:
    assert not registry.gate(ME, register(wrong=0.1).id, None, minimum_auroc=0.9).passed


def test_a_clearly_better_challenger_passes_on_every_slice(registry: Registry, register: Register) -> None:
    gate = compare(registry, register, wrong=0.01, superiority=["cell_type=poly"])
    assert gate.passed
    assert set(gate.verdict["paired"]["slices"]) == {"overall", "cell_type=mono", "cell_type=poly"}
    assert gate.verdict["paired"]["superior"] == ["cell_type=poly"]
    assert 0 < gate.verdict["power"] <= 1


def test_a_worse_challenger_is_refused_and_told_how_many_labels_would_decide(
    registry: Registry, register: Register
) -> None:
    gate = compare(registry, register, wrong=0.2)
    assert not gate.passed
    assert "overall" in gate.verdict["reasons"]
    assert gate.verdict["further_needed"] > 0


def test_a_gate_is_recomputed_from_its_receipt(
    registry: Registry, register: Register, events: Events, stores: Stores
) -> None:
    gate = compare(registry, register, wrong=0.05)
    receipt = events.receipt(ME, gate.receipt)
    assert replay_gate(stores.workspace("ws_a").blobs.get(receipt.inputs["data"])) == receipt.outcome


def test_each_gate_is_a_look_at_the_test_version(registry: Registry, register: Register) -> None:
    version = register()
    looks = [registry.gate(ME.keyed(key), version.id, None).verdict["look"] for key in ("a", "b", "b")]
    assert looks == [1, 2, 2]


def test_models_evaluated_on_different_test_versions_are_not_compared(registry: Registry, register: Register) -> None:
    old, new = register(), register(test_version="dsv_other")
    with pytest.raises(Refused, match="not evaluated"):
        registry.gate(ME, new.id, old.id)
    registry.add_evaluation(ME, old.id, evaluation(test_version="dsv_other"))
    assert registry.gate(ME, new.id, old.id).champion == old.id


def test_an_unknown_slice_names_the_known_ones(registry: Registry, register: Register) -> None:
    with pytest.raises(NotFound, match="cell_type"):
        registry.gate(ME, register().id, None, slices=["cell_typ"])


def test_the_order_of_the_champions_samples_does_not_matter(registry: Registry, register: Register) -> None:
    straight = compare(registry, register, wrong=0.05).verdict["paired"]
    turned = evaluation(wrong=0.1)
    columns = ("samples", "label", "predicted", "probabilities")
    turned |= {name: turned[name][::-1] for name in columns}
    turned["slices"] = {"cell_type": turned["slices"]["cell_type"][::-1]}
    old, new = register(test_version="dsv_x"), register(wrong=0.05, seed=1)
    registry.add_evaluation(ME, old.id, turned)
    assert registry.gate(ME, new.id, old.id, slices=["cell_type"]).verdict["paired"] == straight
