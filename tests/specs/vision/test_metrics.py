from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.bounds.trials import most_expected
from sightloop.errors import NotEnoughData
from sightloop.vision import (
    accuracy_interval,
    confidence_estimate,
    confusion,
    delong_ci,
    expected_calibration_error,
    fit_temperature,
    paired_auroc_difference,
    precision_recall,
    softmax,
)

RNG = np.random.default_rng(7)
LABELS = RNG.random(300) < 0.4
SCORES = np.round(RNG.normal(size=300) + LABELS, 1)


def test_auroc_agrees_with_scikit_learn_on_tied_scores() -> None:
    assert delong_ci(SCORES, LABELS).value == pytest.approx(roc_auc_score(LABELS, SCORES))


def test_auroc_needs_both_classes() -> None:
    with pytest.raises(NotEnoughData):
        delong_ci([0.1, 0.2], [1, 1])


def test_delong_limits_agree_with_the_bootstrap() -> None:
    rng = np.random.default_rng(1)
    draws = [rng.integers(0, 300, 300) for _ in range(400)]
    low, high = np.quantile([roc_auc_score(LABELS[i], SCORES[i]) for i in draws], [0.025, 0.975])
    interval = delong_ci(SCORES, LABELS)
    assert (interval.lower, interval.upper) == pytest.approx((low, high), abs=0.015)


def test_a_perfect_ranking_still_has_an_uncertain_auroc() -> None:
    interval = delong_ci([0, 1, 2, 3] * 10, [0, 0, 1, 1] * 10)
    assert interval.value == 1.0
    assert interval.lower == pytest.approx(0.85)


def test_paired_models_are_compared_with_less_noise_than_unpaired_ones() -> None:
    close = SCORES + np.random.default_rng(2).normal(0, 0.05, 300)
    paired = paired_auroc_difference(SCORES, close, LABELS)
    assert paired.upper - paired.lower < (delong_ci(SCORES, LABELS).upper - delong_ci(SCORES, LABELS).lower) / 2
    assert paired.lower <= 0 <= paired.upper


def test_clopper_pearson_gives_the_rule_of_three() -> None:
    assert accuracy_interval(np.ones(100, bool), 0.9).lower == pytest.approx(0.05 ** (1 / 100))


def test_the_confusion_matrix_has_the_truth_in_rows() -> None:
    counts = confusion([0, 0, 1, 2], [0, 1, 1, 1], 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    precision, recall = precision_recall(counts)
    assert (precision[1], recall[0]) == (pytest.approx(1 / 3), 0.5)
    assert np.isnan(precision[2])


def test_confident_mistakes_are_miscalibrated() -> None:
    assert expected_calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0.0)
    assert expected_calibration_error([1.0] * 10, [False] * 10) == 1.0


def test_the_estimate_without_labels_covers_the_truth_after_an_audit_of_an_overconfident_model() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        confidence = rng.uniform(0.6, 1, 600)
        correct = rng.random(600) < confidence - 0.08
        estimate = confidence_estimate(confidence[100:], confidence[:100], correct[:100])
        covered += estimate.lower <= correct[100:].mean() <= estimate.upper
    assert covered >= 180


@pytest.mark.parametrize(("audits", "overconfidence"), [(40, 0.0), (100, 0.03), (300, 0.0)])
def test_the_limits_of_the_estimate_hold_on_held_back_labels(audits: int, overconfidence: float) -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        truth = rng.beta(30, 1, audits + 500)
        correct = rng.random(truth.size) < truth
        confidence = np.clip(truth + overconfidence, 0, 1)
        estimate = confidence_estimate(confidence[audits:], confidence[:audits], correct[:audits])
        covered += estimate.lower <= correct[audits:].mean() <= estimate.upper
    assert 300 - covered <= most_expected(0.05, 300)


def test_limits_that_forget_the_audit_break() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        confidence = rng.beta(30, 1, 500)
        correct = rng.random(500) < confidence - 0.03
        estimate = confidence_estimate(confidence, confidence, confidence)
        covered += estimate.lower <= correct.mean() <= estimate.upper
    assert 300 - covered > most_expected(0.05, 300)


def test_the_limits_widen_with_the_doubt_until_they_say_nothing() -> None:
    calm, doubted, alarmed = (
        confidence_estimate([0.9] * 500, [0.9] * 200, [1.0] * 180 + [0.0] * 20, doubt=doubt)
        for doubt in (0.0, 0.5, 1.0)
    )
    assert doubted.lower == pytest.approx(calm.lower / 2)
    assert doubted.upper > calm.upper
    assert (alarmed.lower, alarmed.upper) == (0.0, 1.0)


def test_an_estimate_without_any_audit_says_so_by_its_width() -> None:
    estimate = confidence_estimate([0.9] * 1000)
    assert estimate.upper - estimate.lower > 0.9


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(4000, 3)) * 2
    y = (softmax(logits).cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    assert fit_temperature(logits * 3, y) == pytest.approx(3, rel=0.1)
