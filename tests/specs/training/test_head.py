"""The head: projection, classifier and calibration on arrays."""

from __future__ import annotations

import numpy as np
import pytest

from sightloop.datasets import Kin
from sightloop.domain import VersionEntry
from sightloop.errors import NotEnoughData, Refused
from sightloop.training.evaluation import metrics, results
from sightloop.training.head import cross_fit, fit_classifier, fit_head, fit_projection
from sightloop.training.kernel import fit_kernel_machine, typical_width
from sightloop.training.leakage import refuse_leakage


def blobs(n: int, classes: int = 2, features: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = rng.normal(size=(classes, features))
    return (centres[labels] + rng.normal(size=(n, features))).astype(np.float32), labels.astype(np.int64)


def names(n: int) -> list[str]:
    return [f"s{i:04}" for i in range(n)]


@pytest.mark.parametrize("n", [20, 200])
def test_the_projection_is_uncorrelated_and_falls_in_variance(n: int) -> None:
    features, _ = blobs(n)
    z = fit_projection(features, 8)(features)
    covariance = np.cov(z.T)
    assert z.shape == (n, 8)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-6)
    assert (np.diff(np.diag(covariance)) <= 1e-9).all()


def test_a_constant_feature_does_not_disturb_the_projection() -> None:
    features, _ = blobs(50)
    features[:, 3] = 7.0
    assert np.isfinite(fit_projection(features, 8)(features)).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_a_head_learns_what_can_be_learnt(classes: int) -> None:
    features, labels = blobs(200, classes)
    head = fit_head(features[:150], labels[:150], names(150), classes, dimensions=16)
    probabilities = head.probabilities(features[150:])
    assert (probabilities.argmax(axis=1) == labels[150:]).mean() > 0.85
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_the_same_data_give_the_same_head() -> None:
    features, labels = blobs(80)
    one, two = (fit_head(features, labels, names(80), 2, dimensions=16) for _ in range(2))
    assert np.array_equal(one.classifier.weights, two.classifier.weights)
    assert one.temperature == two.temperature


def test_a_class_without_a_label_never_wins() -> None:
    z, labels = blobs(60)
    logits = fit_classifier(z.astype(np.float64), labels, 3, 0.01)(z.astype(np.float64))
    assert set(logits.argmax(axis=1)) == {0, 1}


def test_cross_fitting_keeps_a_group_out_of_its_own_training() -> None:
    features, _ = blobs(60)
    noise = np.random.default_rng(1).integers(0, 2, 30).repeat(2)
    twins = np.repeat(features[::2], 2, axis=0).astype(np.float64)
    groups = [f"g{i // 2:03}" for i in range(60)]
    logits = cross_fit(twins, noise, groups, 2, lambda z, y: fit_classifier(z, y, 2, 1.0), seed=0)
    assert (logits.argmax(axis=1) == noise).mean() < 0.8


def test_one_class_is_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="fewer than two classes"):
        fit_classifier(np.zeros((5, 2)), np.zeros(5, np.int64), 2, 0.01)


def test_the_kernel_machine_learns_more_than_two_classes() -> None:
    features, labels = blobs(120, 3)
    z = features.astype(np.float32)
    logits = fit_kernel_machine(z[:90], labels[:90], 3, typical_width(z))(z[90:])
    assert (logits.argmax(axis=1) == labels[90:]).mean() > 0.85


def test_what_is_held_out_is_what_a_machine_without_the_sample_says() -> None:
    features, labels = blobs(60)
    z = features.astype(np.float32)
    width = typical_width(z)
    machine = fit_kernel_machine(z, labels, 2, width)
    others = np.arange(60) != 7
    without = fit_kernel_machine(z[others], labels[others], 2, width)
    assert np.abs(machine.held_out[7] - without(z[7:8])[0]).max() < 0.05
    assert np.abs(machine(z[7:8])[0] - machine.held_out[7]).max() > 0.05


def test_landmarks_stand_for_many_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = blobs(400)
    z = features.astype(np.float32)
    monkeypatch.setattr("sightloop.training.kernel.LANDMARKS", 60)
    machine = fit_kernel_machine(z[:300], labels[:300], 2, typical_width(z))
    assert len(machine.landmarks) == 60
    assert (machine(z[300:]).argmax(axis=1) == labels[300:]).mean() > 0.9
    assert machine.held_out.shape == (300, 2)


def test_a_class_without_a_label_is_never_suggested_by_the_kernel_machine() -> None:
    features, labels = blobs(60)
    z = features.astype(np.float32)
    assert set(fit_kernel_machine(z, labels, 3, typical_width(z))(z).argmax(axis=1)) == {0, 1}


def test_near_duplicates_on_both_sides_are_refused() -> None:
    assert refuse_leakage(["a", "b"], ["c"], [Kin("subject", ("a", "b"))]) == 0
    with pytest.raises(Refused, match=r"1 kin stand on both sides .* such as a and c: subject\."):
        refuse_leakage(["a", "b"], ["c"], [Kin("subject", ("a", "c"))])
    assert refuse_leakage(["a", "b"], ["c"], [Kin("subject", ("a", "c"))], accepted=True) == 1
    with pytest.raises(Refused, match="1 samples stand both"):
        refuse_leakage(["a"], ["a"], [], accepted=True)


def test_figures_state_their_uncertainty_overall_and_by_slice() -> None:
    label = ["ok", "defect"] * 10
    entries = [
        VersionEntry(f"s{i}", "", "test", "", 1, label[i], "", "", {"line": "ab"[i // 10], "shift": "day"})
        for i in range(20)
    ]
    probabilities = np.array([[0.1, 0.9] if label[i] == "defect" else [0.8, 0.2] for i in range(20)])
    probabilities[0] = [0.4, 0.6]
    found = metrics(results(entries, probabilities, ("ok", "defect"), "dsv"), ("ok", "defect"))
    assert found["accuracy"] == 0.95
    assert found["accuracy_ci"][0] < 0.95 < found["accuracy_ci"][1]
    assert found["auroc"] == 1.0
    assert found["confusion"] == [[9, 1], [0, 10]]
    assert list(found["slices"]) == ["line", "shift"]
    assert found["slices"]["line"]["a"]["accuracy"] == 0.9
