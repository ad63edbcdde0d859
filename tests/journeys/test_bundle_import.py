"""A bundle travels: out of one model, in as a version of another, by each door."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sightloop.errors import Refused
from tests.journeys.small_world import SmallWorld, small_world
from tests.specs.serving.small_model import small_bundle

FOREIGN = small_bundle().to_archive()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    with small_world(tmp_path_factory.mktemp("world")) as opened:
        yield opened


def test_an_imported_bundle_is_evaluated_and_comes_out_as_it_went_in(world: SmallWorld) -> None:
    run = world.ws.models.import_("foreign", FOREIGN, test="cells@1")
    version = world.ws.models.version(run.output.model_version)
    assert run.kind == "import"
    assert world.ws.models.bundle(version) == FOREIGN
    assert version.metrics.n == 4
    assert version.recipe.origin.training_run == "run_1"


def test_the_lineage_of_a_foreign_bundle_says_what_it_does_not_know(world: SmallWorld) -> None:
    run = world.ws.models.import_("unknown", FOREIGN, test="cells@1")
    lineage = world.ws.lineage.show(run.output.model_version)
    assert lineage.missing == ["dataset version (foreign bundle)"]
    assert lineage.upstream.run.id == run.id
    assert "foreign bundle" in world.ws.models.card(run.output.model_version)


def test_a_foreign_bundle_passes_no_gate_and_is_promoted_for_a_reason(world: SmallWorld) -> None:
    version = world.ws.models.import_("gated", FOREIGN, test="cells@1").output.model_version
    assert "parity" in world.ws.models.gate(version).verdict.reasons
    assert world.ws.models.promote("gated", version, reason="measured elsewhere").to_version == version


def test_a_bundle_of_another_dataset_version_than_the_one_named_is_refused(world: SmallWorld) -> None:
    with pytest.raises(Refused, match="another dataset version"):
        world.ws.models.import_("liar", FOREIGN, test="cells@1", dataset="cells@1")


def test_a_bundle_with_other_classes_is_refused(world: SmallWorld) -> None:
    ws = world.ws
    sample = next(ws.samples.list()).id
    ws.schemas.create("parts", ["good", "bad"])
    ws.labels.import_("parts", {sample: "good"})
    ws.datasets.create("parts", schema="parts").commit(add={sample: "test"})
    with pytest.raises(Refused, match="dark, bright apart, the test version good, bad"):
        ws.models.import_("foreign", FOREIGN, test="parts@1")


def test_the_command_line_and_rest_import_it_too(world: SmallWorld) -> None:
    archive = world.folder.parent / "foreign.zip"
    archive.write_bytes(FOREIGN)
    done = world.command("model", "import", "by-hand", str(archive), "--test", "cells@1", "--json")
    answered = world.rest.post("models/by-wire/versions", params={"test": "cells@1"}, content=FOREIGN)
    run = world.ws.runs.wait(answered.json())
    assert json.loads(done.stdout)["output"]["number"] == 1
    assert run.output.number == 1
    assert len(world.ws.models.versions("by-wire")) == 1
