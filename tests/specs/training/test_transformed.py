"""A model that is taught on transformed samples does the same to what it is asked, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from sightloop.errors import Refused
from sightloop.inference import Bundle, ModelSession
from tests.specs.training.workshop import CLASSES, Workshop

TURNED = "name: levels\nsteps:\n  - {do: normalise, low: 20, high: 230}\n"


def test_ingest_training_and_serving_see_the_same_pixels(workshop: Workshop) -> None:
    workshop.with_parts(40)
    done = workshop.datasets.transforms.set(workshop.caller, TURNED)
    workshop.runs.wait(workshop.caller, workshop.datasets.backfill(workshop.caller, "levels").id)
    made = workshop.datasets.samples(workshop.caller, {"transform": "levels@1"}, limit=100).items
    rows = [{"sample": one.id, "label": CLASSES[int(one.name[:4]) % 2]} for one in made]
    workshop.datasets.import_labels(workshop.caller, "parts", rows)
    workshop.datasets.create(workshop.caller, "turned", "parts")
    version = workshop.datasets.commit(
        workshop.caller, "turned", where={"transform": "levels@1"}, splits={"train": 0.6, "test": 0.4}
    )
    asked = {"model": "parts", "dataset_version": version.id, "test_version": version.id}
    with pytest.raises(Refused, match="was made by levels@1, and the recipe says none"):
        workshop.training.train(workshop.caller, {}, **asked)
    run = workshop.training.train(workshop.caller, {"transform": "levels"}, **asked)
    output = workshop.runs.wait(workshop.caller, run.id).output
    bundle = Bundle.from_archive(workshop.registry.bundle(workshop.caller, output["model_version"]))
    assert bundle.manifest.transform == done
    session = ModelSession(bundle)
    (raw,) = workshop.datasets.pixels(workshop.caller, [made[0].metadata["derived_from"]])
    (taught,) = workshop.datasets.pixels(workshop.caller, [made[0].id])
    (served,) = session.prepared([raw])
    assert served.tobytes() == taught.tobytes()
    assert not np.array_equal(raw, taught)
    assert np.array_equal(session.predict([served]).probabilities, session.predict([taught]).probabilities)


def test_a_bundle_without_a_transform_takes_pictures_as_they_are(workshop: Workshop) -> None:
    run = workshop.with_parts(40).train()
    bundle = Bundle.from_archive(workshop.registry.bundle(workshop.caller, run.output["model_version"]))
    image = np.zeros((4, 4, 3), np.uint8)
    assert bundle.manifest.transform is None
    assert ModelSession(bundle).prepared([image])[0] is image
