"""A deployment does to what it is sent what the bundle says; samples come to a model as they were made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sightloop.domain import Caller, Sample
from sightloop.errors import InvalidBundle, InvalidInput, Refused
from sightloop.inference import Bundle, ModelSession, Transform
from sightloop.serving.batching import Batcher, Engine, Place
from tests.specs.serving.house import ME, HeldSamples, opened
from tests.specs.serving.small_model import small_bundle

LEFT = Transform.model_validate({"name": "left", "steps": [{"do": "crop", "x": 8, "y": 0, "width": 8, "height": 16}]})


def cropping() -> Bundle:
    plain = small_bundle()
    return Bundle(plain.manifest.model_copy(update={"transform": LEFT}), plain.onnx)


def test_what_is_asked_goes_through_the_transform_and_what_it_does_not_fit_fails_alone() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255  # all that the crop keeps is bright
    session = ModelSession(Bundle.from_archive(cropping().to_archive()))
    batcher = Batcher(Engine("cells", "mdv_1", session), max_batch=4, max_wait_s=0.0, queue_limit=8, queue_s=60)
    (claim,) = batcher.predict(Place("a"), [image])
    with pytest.raises(InvalidInput, match="lies beyond a picture of 4 x 4 px"):
        batcher.predict(Place("a"), [np.zeros((4, 4, 3), np.uint8)])
    batcher.close()
    assert np.array_equal(claim.probabilities, session.predict([image[:, 8:]]).probabilities[0])
    assert claim.probabilities[1] > 0.9


def test_a_bundle_never_carries_a_split() -> None:
    tiles = Transform.model_validate({"name": "t", "steps": [{"do": "split", "width": 8, "height": 8}]})
    broken = Bundle(small_bundle().manifest.model_copy(update={"transform": tiles}), small_bundle().onnx)
    with pytest.raises(InvalidBundle, match="the transform splits a picture"):
        Bundle.from_archive(broken.to_archive())


class Made(HeldSamples):
    """Samples that the transform made, but the first."""

    def sample(self, caller: Caller, sample_id: str) -> Sample:
        found = super().sample(caller, sample_id)
        return found if sample_id == self.ids[0] else replace(found, metadata={"transform": "left@1"})


def test_samples_that_the_transform_did_not_make_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path, Made([10, 240])) as house:
        version = house.register(cropping())
        said, _ = house.deployments.predict_samples(ME, version.id, house.samples.ids[1:])
        assert said[0, 1] > 0.9
        with pytest.raises(Refused, match='after the transform "left@1"'):
            house.deployments.predict_samples(ME, version.id, house.samples.ids)
