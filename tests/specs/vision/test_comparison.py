from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest

from sightloop.errors import InvalidInput
from sightloop.vision import gate
from sightloop.vision.comparison import holm, paired_noninferiority, superiority_p


def pair(n: int, gains: int, losses: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Champion and challenger correctness with so many samples that only one of them gets right."""
    index = np.arange(n)
    return index >= gains, (index < gains) | (index >= gains + losses)


def test_the_score_interval_reproduces_a_published_example() -> None:
    """Bentur et al. 2009 in Fagerland, Lydersen and Laake, "Statistical Analysis of Contingency Tables", chapter 8."""
    verdict = paired_noninferiority(*pair(21, 1, 7), margin=0.1, alpha=0.025)
    assert (verdict.lower, verdict.upper) == pytest.approx((-0.517, -0.026), abs=0.0005)


def test_equal_models_pass_where_the_data_suffice() -> None:
    verdict = paired_noninferiority(*pair(400, 12, 12), margin=0.05, alpha=0.05)
    assert verdict.passed
    assert verdict.further_needed == 0
    assert verdict.lower > -0.05


def test_a_refusal_for_want_of_data_says_how_many_more_labels_would_decide() -> None:
    verdict = paired_noninferiority(*pair(60, 3, 3), margin=0.03, alpha=0.05)
    assert not verdict.passed
    assert verdict.power < 0.5
    assert 500 < verdict.further_needed < 1500


def test_the_stated_power_is_the_share_of_equal_models_that_pass() -> None:
    rng = np.random.default_rng(0)
    draws = rng.multinomial(200, [0.04, 0.04, 0.92], size=300)
    passed = np.mean([paired_noninferiority(*pair(200, g, c), margin=0.05, alpha=0.05).passed for g, c, _ in draws])
    stated = paired_noninferiority(*pair(200, 8, 8), margin=0.05, alpha=0.05).power
    assert stated == pytest.approx(float(passed), abs=0.09)


def test_one_bad_slice_refuses_the_challenger_and_is_named() -> None:
    old, new = (np.concatenate(parts) for parts in zip(pair(300, 4, 4), pair(300, 2, 40), strict=True))
    first = np.arange(600) < 300
    verdict = gate(old, new, {"mono": first, "poly": ~first}, margin=0.05, alpha=0.05)
    assert not verdict.passed
    assert verdict.slices["mono"].passed
    assert "poly" in verdict.refused_by


def test_superiority_is_asked_only_of_the_named_slices() -> None:
    old, new = pair(400, 40, 8)
    assert gate(old, new, {}, 0.05, 0.05, superiority=["overall"]).superior == ("overall",)
    assert not gate(old, old, {}, 0.05, 0.05, superiority=["overall"]).passed


def test_an_empty_slice_refuses_instead_of_passing() -> None:
    old, new = pair(400, 5, 5)
    verdict = gate(old, new, {"night": np.zeros(400, bool)}, 0.05, 0.05)
    assert not verdict.passed
    assert verdict.refused_by == ("night",)


def test_an_unknown_slice_is_refused() -> None:
    with pytest.raises(InvalidInput):
        gate(*pair(50, 1, 1), {}, 0.05, 0.05, superiority=["pooly"])


def test_the_exact_mcnemar_test_is_a_sign_test_on_the_disagreements() -> None:
    assert superiority_p(*pair(100, 5, 0)) == pytest.approx(0.5**5)
    assert superiority_p(*pair(100, 0, 0)) == 1.0


def test_holm_stops_at_the_first_name_that_fails() -> None:
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}, 0.05) == ("b",)


def test_a_gate_verdict_is_json() -> None:
    verdict = gate(*pair(100, 3, 2), {}, 0.05, 0.05, superiority=["overall"])
    assert json.loads(json.dumps(verdict.as_dict()))["slices"]["overall"]["n01"] == 3
