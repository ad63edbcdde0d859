"""What happens when a person answers: verbs, leases, undo, second opinions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sightloop.domain import Basis
from sightloop.errors import Conflict, InvalidInput, NotFound, Refused
from sightloop.labeling import QueueItem
from sightloop.labeling.plan import Purpose
from tests.specs.labeling.plant import Plant


@pytest.fixture
def small(plant: Plant, tmp_path: Path) -> Plant:
    plant.with_parts(60, tmp_path).campaign()
    return plant


def first(plant: Plant) -> QueueItem:
    item = plant.labeling.next_item(plant.caller)
    assert item is not None
    return item


def lesson(plant: Plant) -> QueueItem:
    """The first item that shows a suggestion."""
    while (item := first(plant)).blind:
        plant.answer(item)
    return item


def test_a_seed_item_is_blind_and_its_answer_is_drawn(small: Plant) -> None:
    item = first(small)
    small.answer(item)
    head = small.datasets.annotations.heads(small.caller, "parts")[item.sample]
    assert (item.blind, item.suggestion) == (True, "")
    assert (head.basis, head.label, head.queue_item) == (Basis.DRAWN, small.truth[item.sample], item.id)


def test_the_same_caller_gets_the_same_item_until_it_is_answered(small: Plant) -> None:
    item = first(small)
    assert first(small).id == item.id
    small.answer(item)
    assert first(small).id != item.id


def test_two_people_get_different_items(small: Plant) -> None:
    mine = first(small)
    theirs = small.labeling.next_item(replace(small.caller, actor="another"))
    assert theirs is not None
    assert theirs.id != mine.id
    with pytest.raises(Conflict, match="kept for somebody else"):
        small.labeling.answer(small.caller, theirs.id, "skip")


def test_an_answer_sent_twice_is_given_once(small: Plant) -> None:
    item = first(small)
    assert small.answer(item) == small.answer(item)
    assert small.labeling.counts(small.caller, item.campaign)["human"] == 1


def test_an_answered_item_takes_no_second_answer(small: Plant) -> None:
    item = first(small)
    small.answer(item)
    with pytest.raises(Conflict, match="answered already"):
        small.labeling.answer(small.caller, item.id, "skip")


def test_an_annotation_that_changed_meanwhile_is_a_conflict(small: Plant) -> None:
    item = first(small)
    small.datasets.import_labels(small.caller, "parts", [{"sample": item.sample, "label": "dark"}])
    with pytest.raises(Conflict, match="revision 1, not 0"):
        small.labeling.answer(small.caller, item.id, "fix", label="bright", expected_revision=0)
    assert small.labeling.item(small.caller, item.id).state == "open"


def test_an_accepted_suggestion_and_a_corrected_one_are_told_apart(small: Plant) -> None:
    item = lesson(small)
    other = "dark" if item.suggestion == "bright" else "bright"
    small.answer(item, item.suggestion)
    second = lesson(small)
    small.answer(second, "dark" if second.suggestion == "bright" else "bright")
    heads = small.datasets.annotations.heads(small.caller, "parts")
    assert heads[item.sample].basis is Basis.ACCEPTED
    assert heads[second.sample].basis is Basis.CORRECTED
    assert other != item.suggestion


@pytest.mark.parametrize(
    ("verb", "label", "said"),
    [
        ("approve", None, "no answer"),
        ("fix", "grey", "no class"),
        ("fix", None, "no class"),
        ("accept", None, "no suggestion"),
    ],
)
def test_an_answer_that_does_not_fit_is_named(small: Plant, verb: str, label: str | None, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        small.labeling.answer(small.caller, first(small).id, verb, label=label)


def test_a_skip_is_kept_and_leaves_the_sample_without_a_label(small: Plant) -> None:
    item = first(small)
    small.labeling.answer(small.caller, item.id, "skip", duration_s=1.5)
    counts = small.labeling.counts(small.caller, item.campaign)
    assert item.sample not in small.datasets.annotations.heads(small.caller, "parts")
    assert (counts["skips"], counts["human"], counts["duration_s"]) == (1, 1, 1.5)


def test_undo_opens_the_item_again_and_keeps_the_answer(small: Plant) -> None:
    item = first(small)
    small.answer(item)
    undone = small.labeling.undo(small.caller)
    kept = small.labeling.answers(small.caller, item.campaign)
    assert (undone.id, undone.state) == (item.id, "open")
    assert [one.verb for one in kept] == ["fix", "undo"]
    assert item.sample not in small.datasets.annotations.heads(small.caller, "parts")
    assert [one.label for one in small.datasets.annotations.history(small.caller, item.sample)][-1] == ""


def test_undo_goes_back_one_answer_at_a_time(small: Plant) -> None:
    items = []
    for _ in range(2):
        items.append(first(small))
        small.answer(items[-1])
    assert small.labeling.undo(small.caller).id == items[1].id
    assert small.labeling.undo(small.caller).id == items[0].id
    with pytest.raises(NotFound, match="no answer"):
        small.labeling.undo(small.caller)


def test_what_the_campaign_has_built_on_is_not_undone(small: Plant) -> None:
    lesson(small)
    with pytest.raises(Refused, match="already built"):
        small.labeling.undo(small.caller)


def test_second_opinions_are_blind_and_measure_disagreement_without_changing_labels(small: Plant) -> None:
    item = lesson(small)
    before = small.datasets.annotations.heads(small.caller, "parts")
    asked = small.labeling.second_opinions(small.caller, item.campaign, 4)
    for number, one in enumerate(asked):
        wrong = "dark" if small.truth[one.sample] == "bright" else "bright"
        small.answer(one, wrong if number == 0 else "")
    measured = small.labeling.disagreement(small.caller, item.campaign)
    assert all(one.blind and one.purpose is Purpose.SECOND for one in asked)
    assert (measured.value, measured.n) == (0.25, 4)
    assert small.datasets.annotations.heads(small.caller, "parts") == before
