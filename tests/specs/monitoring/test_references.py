from __future__ import annotations

import numpy as np

from sightloop.monitoring.fitting import fit_reference
from sightloop.monitoring.reference import Outlook, Reference, separate, tie_break


def outlook(count: int, seed: int, memory: float = 0.0) -> Outlook:
    """Embeddings in which each image remembers this share of the one before."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (count, 4))
    for i in range(1, count):
        rows[i] = memory * rows[i - 1] + (1 - memory**2) ** 0.5 * rows[i]
    defect = 1 / (1 + np.exp(-rows[:, :1]))
    probabilities = np.concatenate([1 - defect, defect], axis=1)
    return Outlook(
        tuple(f"smp_{seed}_{i}" for i in range(count)), probabilities.astype(np.float32), rows.astype(np.float32)
    )


def test_a_reference_correlated_in_time_is_thinned_until_the_order_no_longer_shows() -> None:
    reference = fit_reference("mdv", outlook(200, 1), outlook(1200, 2, 0.8), kinds=("embedding", "score"), alpha=0.01)
    assert reference.stride["score"] > 2
    assert len(reference.scores["score"]) == -(-1200 // reference.stride["score"])
    assert reference.bounded


def test_independent_images_are_all_watched() -> None:
    reference = fit_reference("mdv", outlook(200, 1), outlook(200, 3), kinds=("embedding", "score"), alpha=0.01)
    assert (reference.stride, reference.bounded) == ({"embedding": 1, "score": 1}, True)


def test_a_stored_reference_scores_bit_for_bit_the_same() -> None:
    reference = fit_reference("mdv", outlook(90, 1), outlook(90, 3), kinds=("embedding", "score", "label"), alpha=0.01)
    stream = outlook(50, 4)
    before = reference.score(stream)
    after = Reference.from_bytes(reference.to_bytes()).score(stream)
    assert all(np.array_equal(before[kind], after[kind]) for kind in before)


def test_without_a_fit_set_half_of_the_reference_becomes_it() -> None:
    names = [f"smp_{i}" for i in range(200)]
    held, fit = separate(names, ())
    assert (len(held), len(fit)) == (100, 100)
    assert sorted([*held, *fit]) == sorted(names)


def test_tie_breaks_are_spread_evenly_and_differ_by_monitor() -> None:
    draws = [tie_break(f"prd_{i}", "score") for i in range(2000)]
    assert 0.48 < float(np.mean(draws)) < 0.52
    assert 0 < min(draws) < max(draws) < 1
    assert tie_break("prd_1", "score") != tie_break("prd_1", "embedding")


def test_of_a_large_fit_set_the_same_three_hundred_are_taken() -> None:
    held, many = [f"held-{n}" for n in range(80)], [f"fit-{n}" for n in range(500)]
    _, fit = separate(held, many)
    assert len(fit) == 300
    assert set(fit) == set(separate(held, many[::-1])[1])
