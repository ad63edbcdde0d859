"""A training run, from a dataset version to a registered model version, on real pictures."""

from __future__ import annotations

import pytest

from sightloop.domain import Caller, Role, Run, new_id
from sightloop.errors import InvalidRecipe, NotEnoughData, Refused
from sightloop.inference import Bundle, ModelSession
from sightloop.training import HeadSuggester
from tests.specs.training.workshop import Workshop


@pytest.fixture(scope="module")
def trained(installation: Workshop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Run]:
    """A workshop with 80 parts and one finished training run."""
    caller = Caller(new_id("wsp"), "trainer", Role.ADMIN)
    workshop = installation.elsewhere(caller, tmp_path_factory.mktemp("parts")).with_parts(80)
    return workshop, workshop.train()


def test_a_run_registers_a_model_version_that_knows_its_figures(trained: tuple[Workshop, Run]) -> None:
    workshop, run = trained
    version = workshop.registry.version(workshop.caller, run.output["model_version"])
    lower, upper = version.metrics["accuracy_ci"]
    assert version.run == run.id
    assert version.metrics["auroc"] > 0.9
    assert lower <= version.metrics["accuracy"] <= upper
    assert version.metrics["parity"]["passed"]
    assert set(version.metrics["slices"]["line"]) == {"a", "b"}


def test_the_registered_bundle_predicts_what_the_evaluation_says(trained: tuple[Workshop, Run]) -> None:
    workshop, run = trained
    evaluation = workshop.registry.evaluation(workshop.caller, run.output["model_version"])
    bundle = Bundle.from_archive(workshop.registry.bundle(workshop.caller, run.output["model_version"]))
    first = next(iter(workshop.datasets.pixels(workshop.caller, evaluation["samples"][:1])))
    said = ModelSession(bundle).predict([first]).probabilities[0]
    assert evaluation["probabilities"][0] == pytest.approx(said.tolist(), abs=1e-4)
    assert sorted(evaluation["samples"]) == sorted(workshop.split("test"))


def test_lineage_leads_from_the_model_to_its_samples(trained: tuple[Workshop, Run]) -> None:
    workshop, run = trained
    links = workshop.runs.links(workshop.caller, run=run.id)
    used = {link.artifact for link in links if (link.direction, link.kind) == ("uses", "sample")}
    made = [link.artifact for link in links if link.direction == "makes"]
    assert used == set(workshop.split("train"))
    assert made == [run.output["model_version"]]


def test_a_model_version_is_evaluated_on_another_test_version(trained: tuple[Workshop, Run]) -> None:
    workshop, run = trained
    small = workshop.apart("small", *workshop.split("test")[:10])
    version = run.output["model_version"]
    second = workshop.training.evaluate(workshop.caller, version, "small@1")
    output = workshop.runs.wait(workshop.caller, second.id).output
    assert output["metrics"]["n"] == 10
    assert workshop.registry.evaluation(workshop.caller, version, small.id)["test_version"] == small.id


def test_the_same_recipe_on_the_same_version_gives_the_same_bundle(workshop: Workshop) -> None:
    first, second = workshop.with_parts(60).train("one"), workshop.train("two")
    assert first.id != second.id
    assert first.output["bundle"] == second.output["bundle"]
    assert second.output["number"] == 2


def test_a_sample_on_both_sides_stops_training(workshop: Workshop) -> None:
    workshop.with_parts(40)
    workshop.apart("leaky", workshop.split("train")[0], *workshop.split("test"))
    with pytest.raises(Refused, match="1 samples stand both"):
        workshop.train(test="leaky@1")


def test_a_test_set_without_labels_stops_training(workshop: Workshop) -> None:
    workshop.with_parts(40)
    workshop.datasets.create_schema(workshop.caller, "other", ("x", "y"))
    workshop.datasets.create(workshop.caller, "blank", "other")
    workshop.datasets.commit(workshop.caller, "blank", add=dict.fromkeys(workshop.split("test"), "test"))
    with pytest.raises(NotEnoughData, match="no labelled sample"):
        workshop.train(test="blank@1")


def test_another_embedder_than_the_samples_have_is_refused(workshop: Workshop) -> None:
    with pytest.raises(Refused, match="quarters@1"):
        workshop.with_parts(10).train(embedder="lite9")


def test_a_bad_recipe_starts_no_run(workshop: Workshop) -> None:
    workshop.with_parts(10)
    with pytest.raises(InvalidRecipe, match="epochs"):
        workshop.train(epochs=3)
    assert not [run for run in workshop.runs.list(workshop.caller) if run.kind == "train"]


def test_suggestions_do_not_depend_on_the_order_of_the_candidates(workshop: Workshop) -> None:
    workshop.with_parts(60)
    heads = workshop.datasets.annotations.heads(workshop.caller, "parts")
    labelled = {sample: heads[sample].label for sample in workshop.split("train")}
    asked = workshop.split("test")
    classes = ("bright", "dark")

    def suggest(candidates: list[str]) -> list[list[float]]:
        suggester = HeadSuggester(workshop.datasets)
        found = suggester.suggest(workshop.caller, labelled=labelled, candidates=candidates, classes=classes, seed=0)
        return [[float(p) for p in row] for row in found.probabilities]

    assert suggest(asked) == suggest(asked[::-1])[::-1]
