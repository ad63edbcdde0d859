"""A bundle that comes back: evaluated again, and tied to the dataset version that it was trained on."""

from __future__ import annotations

import pytest

from sightloop.domain import Run
from sightloop.errors import InvalidBundle, NotEnoughData, Refused
from tests.specs.training.workshop import Workshop


def bring_back(workshop: Workshop, trained: Run, *, test: str = "parts@1", dataset: str = "") -> Run:
    """The ended import of the trained bundle."""
    archive = workshop.registry.bundle(workshop.caller, trained.output["model_version"])
    run = workshop.training.import_bundle(
        workshop.caller, archive, model="returned", test_version=test, dataset_version=dataset
    )
    return workshop.runs.wait(workshop.caller, run.id)


def test_a_bundle_that_comes_back_has_its_figures_and_its_dataset_version_again(workshop: Workshop) -> None:
    trained = workshop.with_parts(60).train()
    back = bring_back(workshop, trained, dataset="parts@1")
    version = workshop.registry.version(workshop.caller, back.output["model_version"])
    links = {(link.direction, link.kind) for link in workshop.runs.links(workshop.caller, run=back.id)}
    assert back.output["metrics"]["confusion"] == trained.output["metrics"]["confusion"]
    assert version.dataset_version == workshop.datasets.version(workshop.caller, "parts@1").id
    assert links == {("uses", "dataset_version"), ("makes", "model_version")}
    workshop.apart("leaky", workshop.split("train")[0])
    with pytest.raises(Refused, match="stand both"):
        bring_back(workshop, trained, test="leaky@1", dataset="parts@1")


def test_a_foreign_bundle_is_evaluated_on_another_test_version_too(workshop: Workshop) -> None:
    back = bring_back(workshop, workshop.with_parts(60).train())
    workshop.apart("small", *workshop.split("test")[:5])
    run = workshop.training.evaluate(workshop.caller, back.output["model_version"], "small@1")
    assert workshop.runs.wait(workshop.caller, run.id).output["metrics"]["n"] == 5


def test_what_is_no_bundle_or_cannot_be_judged_starts_no_run(workshop: Workshop) -> None:
    trained = workshop.with_parts(60).train()
    workshop.datasets.create_schema(workshop.caller, "other", ("x", "y"))
    workshop.datasets.create(workshop.caller, "blank", "other")
    workshop.datasets.commit(workshop.caller, "blank", add=dict.fromkeys(workshop.split("test"), "test"))
    with pytest.raises(NotEnoughData, match="no labelled sample"):
        bring_back(workshop, trained, test="blank@1")
    with pytest.raises(InvalidBundle):
        workshop.training.import_bundle(workshop.caller, b"PK", model="returned", test_version="parts@1")
    assert not [run for run in workshop.runs.list(workshop.caller) if run.kind == "import"]
