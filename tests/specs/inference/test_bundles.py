from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from sightloop.errors import InvalidInput, Unavailable
from sightloop.inference import (
    Bundle,
    BundleFacts,
    Embedder,
    LinearHead,
    ModelSession,
    assemble_bundle,
    check_parity,
    validate_bundle,
)

from .images import noise

CLASSES = ("crack", "finger", "sound")


def test_the_bundle_computes_what_embedder_head_and_calibration_compute(
    bundle: Bundle, embedder: Embedder, head: LinearHead
) -> None:
    images = [noise(300, 300, 1), noise(120, 90, 2)]
    embedding = (embedder.embed(images) - head.mean) @ head.projection.T
    logits = embedding @ head.weights.T + head.bias
    predictions = ModelSession(bundle).predict(images)
    assert np.allclose(predictions.embedding, embedding, atol=1e-3)
    assert np.allclose(predictions.logits, logits, atol=1e-2)
    assert check_parity(bundle, images, softmax(logits / 1.5, axis=1), atol=1e-3).passed


def test_parity_fails_where_training_computed_something_else(bundle: Bundle) -> None:
    parity = check_parity(bundle, [noise()], np.array([[1.0, 1.0, 1.0]]))
    assert not parity.passed
    assert parity.max_difference > 0.3


def test_parity_wants_one_row_per_image(bundle: Bundle) -> None:
    with pytest.raises(InvalidInput, match="shape"):
        check_parity(bundle, [noise()], np.zeros((2, 3)))


def test_a_bundle_survives_the_way_through_its_archive(bundle: Bundle) -> None:
    archive = bundle.to_archive()
    again = validate_bundle(archive)
    assert again == bundle
    assert again.digest == bundle.digest
    assert again.to_archive() == archive


def test_the_same_head_gives_the_same_bundle(
    bundle: Bundle, embedder: Embedder, head: LinearHead, facts: BundleFacts
) -> None:
    assert assemble_bundle(embedder, head, temperature=1.5, classes=CLASSES, facts=facts).digest == bundle.digest


def test_a_head_that_does_not_fit_is_refused(embedder: Embedder, head: LinearHead, facts: BundleFacts) -> None:
    narrow = replace(head, mean=head.mean[:100])
    with pytest.raises(InvalidInput, match="mean"):
        assemble_bundle(embedder, narrow, temperature=1.0, classes=CLASSES, facts=facts)


@pytest.mark.parametrize(("temperature", "classes"), [(0.0, CLASSES), (1.0, ("crack", "crack", "sound"))])
def test_a_bad_temperature_or_a_class_named_twice_is_refused(
    embedder: Embedder, head: LinearHead, facts: BundleFacts, temperature: float, classes: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInput):
        assemble_bundle(embedder, head, temperature=temperature, classes=classes, facts=facts)


def test_the_device_is_chosen_and_named(bundle: Bundle) -> None:
    assert ModelSession(bundle).device in {"cpu", "cuda"}
    with pytest.raises(InvalidInput, match="abacus"):
        ModelSession(bundle, device="abacus")


def test_a_device_that_is_not_there_is_unavailable(bundle: Bundle) -> None:
    if ModelSession(bundle).device == "cuda":
        pytest.skip("this machine has one")
    with pytest.raises(Unavailable, match="cuda"):
        ModelSession(bundle, device="cuda")
