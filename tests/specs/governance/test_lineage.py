from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sightloop.domain import (
    Annotation,
    ArtifactLink,
    AuthorKind,
    Basis,
    Caller,
    DatasetVersion,
    ModelVersion,
    PayloadKind,
    Prediction,
    Receipt,
    Role,
    Run,
    RunState,
    Sample,
    VersionEntry,
    now,
)
from sightloop.errors import NotFound
from sightloop.governance import Lineage

ENGINEER = Caller("default", "tester", Role.ENGINEER)
AT = now()


def found(things: Mapping[str, Any], thing: str) -> Any:
    if thing not in things:
        raise NotFound(thing)
    return things[thing]


@dataclass
class Named:
    name: str


class Past:
    """One trained model in memory: two labelled samples, one dataset version, one run, three predictions."""

    def __init__(self) -> None:
        person = Annotation("ann_1", "smp_1", "sch", 1, "ok", "key_1", AuthorKind.PERSON, Basis.DRAWN, AT)
        rule = replace(person, id="ann_2", sample="smp_2", author_kind=AuthorKind.RULE, basis=Basis.AUTO_ACCEPTED)
        self.annotations = {"ann_1": person, "ann_2": replace(rule, receipt="rcp_1")}
        self.kept = {"rcp_1": Receipt("rcp_1", "labels.accept", "", "", {}, {}, {}, {}, AT)}
        self.dataset = DatasetVersion("dsv_1", "cells", 1, "hash", "", {}, {}, AT)
        self.held = [
            VersionEntry("smp_1", "m1", "train", "ann_1", 1, "ok", "drawn", ""),
            VersionEntry("smp_2", "m2", "train", "ann_2", 1, "ok", "auto_accepted", "rcp_1"),
        ]
        self.model = ModelVersion("mdv_1", "cells", 1, "digest", "dsv_1", "sch", "run_1", {}, {}, "", AT)
        run = Run("run_1", "train", RunState.SUCCEEDED, {}, AT, code_version="0.1.0")
        self.all_runs = {"run_1": run}
        scores = PayloadKind.CLASS_SCORES
        self.log = [Prediction(f"prd_{i}", "smp_1", "m1", "mdv_1", "line", AT, scores, {}, "ok", 0.9) for i in range(3)]

    def lineage(self) -> Lineage:
        return Lineage(
            Predictions(self), Versions(self), Labels(self), Models(self), RunLog(self), Receipts(self), Entities(self)
        )


@dataclass
class _Port:
    past: Past


@dataclass(frozen=True)
class Entity:
    id: str = "ent_1"
    kind: str = "camera"
    name: str = "north"
    names: tuple[str, ...] = ("north", "cam-1")


class Entities(_Port):
    def get(self, caller: Caller, entity_id: str) -> Entity:
        entity: Entity = found({"ent_1": Entity()}, entity_id)
        return entity

    def of(self, caller: Caller, sample: str) -> list[Entity]:
        return [Entity()] if sample == "smp_1" else []

    def samples(self, caller: Caller, entity_id: str) -> list[str]:
        return ["smp_1"]


class Predictions(_Port):
    def get(self, caller: Caller, prediction_id: str) -> Prediction:
        made: Prediction = found({one.id: one for one in self.past.log}, prediction_id)
        return made

    def list(
        self, caller: Caller, *, sample: str | None = None, model_version: str | None = None, limit: int = 100
    ) -> Sequence[Prediction]:
        return [
            one for one in self.past.log if sample in (None, one.sample) and model_version in (None, one.model_version)
        ][:limit]

    def counts(self, caller: Caller) -> Mapping[str, int]:
        versions = [one.model_version for one in self.past.log]
        return {version: versions.count(version) for version in versions}


class Versions(_Port):
    def list(self, caller: Caller) -> Sequence[Any]:
        return [Named("cells")]

    def versions(self, caller: Caller, dataset: str) -> Sequence[DatasetVersion]:
        return [self.past.dataset]

    def version(self, caller: Caller, reference: str) -> DatasetVersion:
        made: DatasetVersion = found({self.past.dataset.id: self.past.dataset}, reference)
        return made

    def entries(
        self, caller: Caller, version: str, split: str | None = None, labelled: bool = False
    ) -> Sequence[VersionEntry]:
        return self.past.held

    def sample(self, caller: Caller, sample_id: str) -> Sample:
        return Sample(sample_id, "m1")


class Labels(_Port):
    def get(self, caller: Caller, annotation_id: str) -> Annotation:
        made: Annotation = found(self.past.annotations, annotation_id)
        return made

    def history(self, caller: Caller, sample: str) -> Sequence[Annotation]:
        return [one for one in self.past.annotations.values() if one.sample == sample]


class Models(_Port):
    def models(self, caller: Caller) -> Sequence[Any]:
        return [Named("cells")]

    def versions(self, caller: Caller, model: str) -> Sequence[ModelVersion]:
        return [self.past.model]

    def version(self, caller: Caller, reference: str) -> ModelVersion:
        made: ModelVersion = found({self.past.model.id: self.past.model}, reference)
        return made


class RunLog(_Port):
    def get(self, caller: Caller, run_id: str) -> Run:
        made: Run = found(self.past.all_runs, run_id)
        return made

    def links(self, caller: Caller, *, artifact: str | None = None, run: str | None = None) -> Sequence[ArtifactLink]:
        return [ArtifactLink("run_1", "uses", "dataset_version", "dsv_1")]


class Receipts(_Port):
    def receipt(self, caller: Caller, receipt_id: str) -> Receipt:
        made: Receipt = found(self.past.kept, receipt_id)
        return made


@pytest.fixture
def past() -> Past:
    return Past()


def test_a_prediction_leads_to_the_labels_it_stands_on(past: Past) -> None:
    told = past.lineage().show(ENGINEER, "prd_0")
    up = told["upstream"]
    assert (up["model_version"]["id"], up["run"]["code_version"]) == ("mdv_1", "0.1.0")
    assert up["dataset_version"]["hash"] == "hash"
    assert up["labels"]["by_basis"] == {"drawn": 1, "auto_accepted": 1}
    assert up["labels"]["receipts"] == ("rcp_1",)
    assert told["missing"] == []


def test_a_sample_leads_to_the_predictions_that_stand_on_it(past: Past) -> None:
    down = past.lineage().show(ENGINEER, "smp_2")["downstream"]
    assert [one["id"] for one in down["dataset_versions"]] == ["dsv_1"]
    assert [one["id"] for one in down["model_versions"]] == ["mdv_1"]
    assert down["predictions"] == {"count": 3, "newest": ["prd_0", "prd_1", "prd_2"]}


@pytest.mark.parametrize("thing", ["mdv_1", "dsv_1", "ann_2", "run_1"])
def test_every_link_of_the_chain_can_be_asked_for(past: Past, thing: str) -> None:
    assert past.lineage().show(ENGINEER, thing)["missing"] == []


def test_a_whole_past_is_complete(past: Past) -> None:
    assert past.lineage().complete_share(ENGINEER) == 1.0


@pytest.mark.parametrize(
    ("lose", "named"),
    [
        (lambda past: past.kept.clear(), "receipt rcp_1"),
        (lambda past: past.annotations.pop("ann_1"), "annotation ann_1 of smp_1"),
        (lambda past: past.all_runs.clear(), "run run_1"),
        (lambda past: past.held.clear(), "labels: the dataset version holds none"),
    ],
)
def test_a_link_that_is_lost_is_named_and_lowers_the_share(past: Past, lose: Any, named: str) -> None:
    lose(past)
    assert past.lineage().show(ENGINEER, "prd_0")["missing"] == [named]
    assert past.lineage().complete_share(ENGINEER) == 0.0


def test_a_prediction_by_an_unknown_model_lowers_the_share(past: Past) -> None:
    past.log.append(replace(past.log[0], id="prd_9", model_version="mdv_lost"))
    assert past.lineage().complete_share(ENGINEER) == 0.75


def test_a_thing_without_lineage_is_not_found(past: Past) -> None:
    with pytest.raises(NotFound):
        past.lineage().show(ENGINEER, "whk_1")


def test_a_prediction_and_a_sample_name_the_camera_behind_them_and_the_camera_what_stands_on_it() -> None:
    lineage = Past().lineage()
    for thing in ("prd_1", "smp_1"):
        assert [one["name"] for one in lineage.show(ENGINEER, thing)["upstream"]["entities"]] == ["north"]
    down = lineage.show(ENGINEER, "ent_1")["downstream"]
    assert (down["samples"], [one["id"] for one in down["model_versions"]]) == (
        {"count": 1, "first": ["smp_1"]},
        ["mdv_1"],
    )
