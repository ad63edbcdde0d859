"""Where the circle stands at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sightloop.datasets import SourceSchema
from sightloop.datasets.schema_drift import SchemaFinding
from sightloop.domain import GateResult, Run, RunState, now
from sightloop.errors import Refused
from sightloop.loop import Overview, Stages
from tests.specs.loop.plant import ENGINEER, POLICY, STRANGER, House, Plant


class Empty:
    """Every stage but the plant's own, with nothing in it; lists may be filled."""

    samples = labelled = versions = quarantined = 0
    quarantined_since = ""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.gates: list[GateResult] = []
        self.schemas: list[SourceSchema] = []

    def counts(self, caller: object) -> Empty:
        return self

    def waiting(self, caller: object) -> Sequence[Any]:
        return []

    def drifted(self, caller: object) -> Sequence[Any]:
        return self.schemas

    def models(self, caller: object) -> Sequence[Any]:
        return []

    def promotable(self, caller: object) -> Sequence[GateResult]:
        return self.gates

    def list(self, caller: object) -> Sequence[Any]:
        return []

    def failed(self, caller: object, since: object) -> Sequence[Run]:
        return self.runs


class Watched(Empty):
    def __init__(self, house: House, plant: Plant) -> None:
        super().__init__()
        self.alerts = plant.rooms().watchers.alerts


@pytest.fixture
def plant() -> Plant:
    return Plant()


@pytest.fixture
def house(tmp_path: Path, plant: Plant) -> House:
    house = House(tmp_path, plant)
    house.loop.apply(ENGINEER, POLICY)
    return house


@pytest.fixture
def empty() -> Empty:
    return Empty()


@pytest.fixture
def overview(house: House, plant: Plant, empty: Empty) -> Overview:
    return Overview(house.events, Stages(empty, empty, [empty], empty, empty, Watched(house, plant), empty, house.loop))


def test_there_is_no_story_before_a_cycle_is_whole(overview: Overview) -> None:
    report = overview.look(ENGINEER)
    assert report.story is None
    assert [(one.kind, one.subject) for one in report.needs] == [("alert", "alt_1")]


def test_the_story_tells_the_steps_of_the_newest_whole_cycle_with_their_receipts(
    overview: Overview, house: House, plant: Plant
) -> None:
    plant.send(80)
    plant.campaign_state = "done"
    house.loop.tick(ENGINEER)
    story = overview.look(ENGINEER).story
    assert story is not None
    assert [one.step for one in story.steps] == ["alerted", "labelled", "trained", "gated", "promoted"]
    assert [one.subject for one in story.steps] == ["alt_1", "cmp_1", "mdv_2", "gat_1", "mdv_2"]
    assert story.steps[0].receipts[0] == "rcp_alarm"
    assert story.steps[3].receipts[0] == "rcp_gate"
    for step in story.steps:
        assert house.events.receipt(ENGINEER, step.receipts[-1]).outcome["because"] == step.says


def test_a_cycle_that_ended_otherwise_needs_somebody_and_tells_no_story(
    overview: Overview, house: House, plant: Plant
) -> None:
    plant.send(80)
    plant.campaign_state = "done"
    plant.gate_passes = False
    house.loop.tick(ENGINEER)
    report = overview.look(ENGINEER)
    assert report.story is None
    assert [one.title for one in report.needs if one.kind == "cycle"] == ['A cycle of the policy "keep-up" is refused']


def test_a_source_whose_fields_have_changed_needs_somebody(overview: Overview, empty: Empty) -> None:
    finding = SchemaFinding("lot", "new", '"lot" is new.', "", "text")
    empty.schemas = [SourceSchema("line", 2, ("run_1",), 40, {}, (finding, finding), "2026-11-22T10:00:00+00:00", "")]
    need = next(one for one in overview.look(ENGINEER).needs if one.kind == "schema")
    assert (need.title, need.count, need.subject) == ('Fields of the source "line" have changed', 2, "line")


def test_failed_runs_and_versions_that_wait_for_promotion_need_somebody(overview: Overview, empty: Empty) -> None:
    empty.runs = [Run("run_1", "train", RunState.FAILED, {}, now(), now(), error=Refused("no").problem())]
    empty.gates = [GateResult("gat_9", "cells", "mdv_9", "mdv_1", True, {}, "rcp_9", now())]
    needs = {one.kind: one.subject for one in overview.look(ENGINEER).needs}
    assert (needs["run_failed"], needs["approval"]) == ("run_1", "mdv_9")


def test_another_workspace_hears_nothing_of_it(overview: Overview, house: House, plant: Plant) -> None:
    plant.send(80)
    plant.campaign_state = "done"
    house.loop.tick(ENGINEER)
    report = overview.look(STRANGER)
    assert (report.story, report.needs) == (None, ())
