"""A campaign from nothing to labels, over real pictures, a real head and a reviewer who knows the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightloop.domain import Basis
from sightloop.errors import NotEnoughData, NotFound
from sightloop.labeling import Labeling, replay_acceptance
from sightloop.labeling.plan import Purpose
from sightloop.training import HeadSuggester
from tests.specs.labeling.plant import CLASSES, Plant


def test_a_campaign_labels_its_whole_pool_and_asks_people_about_a_part_of_it(plant: Plant, tmp_path: Path) -> None:
    campaign = plant.with_parts(300, tmp_path).campaign()
    done = plant.answer_all(campaign)
    heads = plant.datasets.annotations.heads(plant.caller, "parts")
    auto = [head for head in heads.values() if head.basis is Basis.AUTO_ACCEPTED]
    counts = plant.labeling.counts(plant.caller, campaign.id)
    assert done.state == "done"
    assert heads.keys() == plant.truth.keys()
    assert len(auto) == counts["auto"] == 300 - counts["human"] + counts["checks"] > 60
    assert sum(head.label != plant.truth[head.sample] for head in auto) <= 0.05 * len(auto)


def test_the_receipt_of_an_acceptance_replays_to_the_same_outcome(plant: Plant, tmp_path: Path) -> None:
    campaign = plant.with_parts(300, tmp_path).campaign()
    plant.answer_all(campaign)
    (receipt,) = plant.events.receipts(plant.caller, kind="labels.accept")
    data = plant.stores.workspace(plant.caller.workspace).blobs.get(receipt.inputs["data"])
    assert receipt.outcome["certified"]
    assert replay_acceptance(data) == receipt.outcome
    auto = [one for one in plant.datasets.annotations.heads(plant.caller, "parts").values() if one.receipt]
    assert {one.receipt for one in auto} == {receipt.id}


def test_questions_do_not_depend_on_who_asks_or_when(plant: Plant, tmp_path: Path) -> None:
    campaign = plant.with_parts(160, tmp_path).campaign()
    plant.answer_all(campaign, most=75)
    item = plant.labeling.next_item(plant.caller, campaign.id)
    reopened = Labeling(
        plant.records, plant.events, plant.stores, plant.datasets, HeadSuggester(plant.datasets)
    ).next_item(plant.caller, campaign.id)
    assert item is not None
    assert reopened is not None
    assert (reopened.id, reopened.suggestion, reopened.score) == (item.id, item.suggestion, item.score)


def test_an_audit_answered_wrongly_is_checked_and_the_majority_labels_the_sample(plant: Plant, tmp_path: Path) -> None:
    campaign = plant.with_parts(300, tmp_path).campaign()
    slip, said = "", []
    while (item := plant.labeling.next_item(plant.caller, campaign.id)) is not None:
        right = plant.truth[item.sample]
        if item.purpose is Purpose.AUDIT and not slip:
            slip = item.sample
            plant.answer(item, next(name for name in CLASSES if name != right))
            continue
        plant.answer(item)
        if item.sample == slip:
            head = plant.datasets.annotations.heads(plant.caller, "parts")[slip]
            said.append((item.purpose, item.blind, head.label == right))
    assert said == [(Purpose.CHECK, True, False), (Purpose.CHECK, True, True), (Purpose.CHECK, True, True)]
    receipts = plant.events.receipts(plant.caller, kind="labels.accept")
    assert receipts[-1].outcome["certified"]
    assert receipts[-1].evidence["errors"] == 0


def test_starting_again_under_the_same_key_gives_the_same_campaign(plant: Plant, tmp_path: Path) -> None:
    campaign = plant.with_parts(20, tmp_path).campaign("once")
    assert plant.campaign("once") == campaign
    assert len(plant.labeling.campaigns(plant.caller)) == 1


def test_a_small_pool_is_left_to_people(plant: Plant, tmp_path: Path) -> None:
    campaign = plant.with_parts(50, tmp_path).campaign()
    plant.answer_all(campaign)
    counts = plant.labeling.counts(plant.caller, campaign.id)
    assert (counts["human"], counts["auto"]) == (50, 0)


def test_samples_that_are_labelled_already_only_train(plant: Plant, tmp_path: Path) -> None:
    plant.with_parts(40, tmp_path)
    known = sorted(plant.truth)[:10]
    rows = [{"sample": one, "label": plant.truth[one]} for one in known]
    plant.datasets.import_labels(plant.caller, "parts", rows)
    assert plant.campaign().size == 30


def test_a_pool_without_an_unlabelled_sample_is_refused(plant: Plant, tmp_path: Path) -> None:
    plant.with_parts(4, tmp_path)
    plant.answer_all(plant.campaign("first"))
    with pytest.raises(NotEnoughData, match="labelled already"):
        plant.campaign("second")


def test_an_unknown_sample_is_named(plant: Plant, tmp_path: Path) -> None:
    plant.with_parts(4, tmp_path)
    with pytest.raises(NotFound, match="smp_nowhere"):
        plant.campaign(samples=["smp_nowhere"])


def test_another_workspace_does_not_see_the_campaign(plant: Plant, installation: Plant, tmp_path: Path) -> None:
    campaign = plant.with_parts(4, tmp_path).campaign()
    with pytest.raises(NotFound):
        plant.labeling.campaign(installation.caller, campaign.id)


def test_nothing_is_amiss_after_a_campaign(plant: Plant, tmp_path: Path) -> None:
    plant.answer_all(plant.with_parts(160, tmp_path).campaign())
    workspace = plant.caller.workspace
    assert plant.labeling.check(workspace) == []
    assert plant.labeling.references(workspace) <= set(plant.stores.workspace(workspace).blobs.digests())
