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


def test_a_gate_of_an_older_rule_is_not_recomputed_by_this_one() -> None:
    with pytest.raises(Refused, match="model-gate/1"):
        replay_gate(b'{"rule": "model-gate/1"}')


def test_the_looks_at_a_test_version_spend_one_alpha(registry: Registry, register: Register) -> None:
    champion = register(wrong=0.1)
    gates = [registry.gate(ME, register(wrong=0.1, seed=seed).id, champion.id, alpha=0.05) for seed in (1, 2, 3)]
    assert [gate.verdict["look"] for gate in gates] == [1, 2, 3]
    assert [gate.verdict["alpha_spent"] for gate in gates] == pytest.approx([0.04, 0.004, 0.0004])
    assert gates[2].verdict["paired"]["alpha"] == gates[2].verdict["alpha_spent"]


def test_the_receipt_says_what_the_look_spent_what_is_left_and_how_to_begin_anew(
    registry: Registry, register: Register, events: Events
) -> None:
    evidence = events.receipt(ME, compare(registry, register, wrong=0.05).receipt).evidence
    assert (evidence["look"], evidence["alpha_spent"]) == (1, pytest.approx(0.04))
    assert evidence["alpha_left"] == pytest.approx(0.04 / 9)
    assert "alpha 0.004" in evidence["hint"]


def test_the_same_question_asked_again_is_the_same_look(registry: Registry, register: Register) -> None:
    champion, challenger = register(wrong=0.1), register(wrong=0.2, seed=1)
    first, again = (registry.gate(ME, challenger.id, champion.id) for _ in range(2))
    assert (again.id, again.verdict["look"]) == (first.id, 1)
    assert registry.gate(ME, challenger.id, champion.id, margin=0.06).verdict["look"] == 2


def test_a_first_version_spends_an_alpha_of_its_own(registry: Registry, register: Register) -> None:
    first = register()
    assert registry.gate(ME, first.id, None).verdict["look"] == 1
    assert registry.gate(ME, register(wrong=0.5).id, None).verdict["look"] == 2
    assert registry.gate(ME, register(wrong=0.05, seed=1).id, first.id).verdict["look"] == 1


@pytest.mark.parametrize(("first_sample", "look"), [(150, 2), (200, 1)])
def test_looks_begin_anew_only_at_a_version_that_is_at_least_half_new(
    registry: Registry, register: Register, first_sample: int, look: int
) -> None:
    old, new = register(wrong=0.1), register(wrong=0.05, seed=1)
    registry.gate(ME, new.id, old.id)
    registry.add_evaluation(ME, old.id, evaluation(test_version="dsv_renewed", first_sample=first_sample))
    other = register(wrong=0.05, seed=2, test_version="dsv_renewed", first_sample=first_sample)
    assert registry.gate(ME, other.id, old.id).verdict["look"] == look


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
    straight = _counts(compare(registry, register, wrong=0.05))
    turned = evaluation(wrong=0.1)
    columns = ("samples", "label", "predicted", "probabilities")
    turned |= {name: turned[name][::-1] for name in columns}
    turned["slices"] = {"cell_type": turned["slices"]["cell_type"][::-1]}
    old, new = register(test_version="dsv_x"), register(wrong=0.05, seed=1)
    registry.add_evaluation(ME, old.id, turned)
    assert _counts(registry.gate(ME, new.id, old.id, slices=["cell_type"])) == straight


def _counts(gate: GateResult) -> dict[str, tuple[int, int]]:
    return {name: (test["n01"], test["n10"]) for name, test in gate.verdict["paired"]["slices"].items()}
