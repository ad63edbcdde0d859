"""People review images alone or several of them blind; what they agree on is written, the rest is adjudicated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sightloop.datasets import Operation
from sightloop.domain import Caller, PayloadKind, Prediction, Role, now
from sightloop.errors import Conflict, InvalidInput, NotEnoughData, NotFound, Refused
from sightloop.labeling import Reviews, Verdict
from tests.specs.labeling.plant import Plant

BOX = {"x": 2.0, "y": 2.0, "width": 20.0, "height": 20.0}


@dataclass
class Said:
    """What a model said, by sample."""

    label: dict[str, str]

    def newest_of(self, caller: Caller, sample: str) -> Prediction | None:
        if sample not in self.label:
            return None
        return Prediction("prd_1", sample, "", "mdv_1", "line", now(), PayloadKind.CLASS_SCORES, {},
                          self.label[sample], 0.9)  # fmt: skip


@dataclass
class Desk:
    """A plant with reviewers by name."""

    plant: Plant
    reviews: Reviews
    said: Said
    samples: list[str]

    def who(self, name: str) -> Caller:
        return replace(self.plant.caller, actor=name, role=Role.LABELER)

    def queue(self, schema: str = "parts", samples: Sequence[str] | None = None, **given: Any) -> str:
        chosen = self.samples if samples is None else samples
        return self.reviews.create(self.plant.caller, name="q", schema=schema, samples=chosen, **given).id

    def next(self, name: str, queue: str, after: str = "") -> Any:
        return self.reviews.next(self.who(name), queue, after).item

    def answer(self, name: str, item: Any, verb: str = "fix", **given: Any) -> Any:
        return self.reviews.answer(self.who(name), item.id, Verdict(verb, duration_s=2.0, **given))

    def label(self, name: str, queue: str, label: str) -> Any:
        """The next item, answered with a class."""
        item = self.next(name, queue)
        self.answer(name, item, label=label)
        return item

    def draw(self, name: str, queue: str, *boxes: float, label: str = "bolt") -> Any:
        """The next item, answered with a box at each x."""
        item = self.next(name, queue)
        self.answer(name, item, objects=[box(f"{name}{int(x)}", x, label) for x in boxes])
        return item

    def labels(self) -> dict[str, str]:
        heads = self.plant.datasets.annotations.heads(self.plant.caller, "parts")
        return {sample: head.label for sample, head in heads.items()}

    def stands(self, sample: str) -> dict[str, Any]:
        found = self.plant.datasets.objects.read(self.plant.caller, sample, "drawn").objects
        return {one.id: one for one in found}

    def write(self, name: str, sample: str, *operations: Operation) -> None:
        self.plant.datasets.objects.write(self.who(name), sample, "drawn", operations)

    def counts(self, queue: str) -> dict[str, int]:
        return dict(self.reviews.queue(self.plant.caller, queue).counts)


@pytest.fixture
def desk(plant: Plant, tmp_path: Path) -> Desk:
    plant.with_parts(4, tmp_path)
    plant.datasets.create_schema(plant.caller, "drawn", ["bolt", "crack"], ["box", "class"])
    said = Said({})
    reviews = Reviews(plant.records, plant.events, plant.datasets, said)
    return Desk(plant, reviews, said, sorted(plant.truth))


def box(name: str, x: float = 2.0, label: str = "bolt") -> Operation:
    return Operation("put", name, None, label, "box", {**BOX, "x": x})


def test_one_answer_is_enough_where_one_is_wanted(desk: Desk) -> None:
    desk.said.label = {desk.samples[0]: "dark", desk.samples[1]: "bright"}
    queue = desk.queue(samples=desk.samples[:3])
    first = desk.next("ann", queue)
    assert [(one.id, one.label) for one in first.suggestions] == [("", "dark")]
    desk.answer("ann", first, "approve")
    desk.label("ann", queue, "dark")
    desk.label("ann", queue, "bright")
    assert desk.labels() == dict(zip(desk.samples[:3], ("dark", "dark", "bright"), strict=True))
    heads = desk.plant.datasets.annotations.heads(desk.plant.caller, "parts")
    assert [str(heads[one].basis) for one in desk.samples[:3]] == ["accepted", "corrected", "drawn"]
    assert (desk.next("ann", queue), desk.counts(queue)["done"]) == (None, 3)


def test_the_next_ones_are_told_in_advance_and_kept_for_nobody(desk: Desk) -> None:
    queue = desk.queue()
    found = desk.reviews.next(desk.who("ann"), queue)
    assert [found.item.sample if found.item else "", *(one.sample for one in found.upcoming)] == desk.samples[:4]
    assert [one.leased_until for one in found.upcoming] == [None] * 3
    assert desk.next("bob", queue).sample == desk.samples[1]


def test_a_queue_waits_for_people_until_its_images_are_done_without_its_honeypots(desk: Desk) -> None:
    pot = desk.samples[3]
    first = desk.queue(samples=[pot])
    desk.label("ann", first, "dark")
    queue = desk.queue(samples=desk.samples[:2], honeypots=[pot])
    assert [(one.subject, one.count) for one in desk.reviews.waiting(desk.who("ann"))] == [(queue, 2)]
    while (item := desk.next("ann", queue)) is not None:
        desk.answer("ann", item, label="dark")
    assert desk.reviews.waiting(desk.who("ann")) == []


def test_an_item_is_kept_for_whoever_fetched_it_until_he_leaves_it(desk: Desk) -> None:
    queue = desk.queue()
    item = desk.next("ann", queue)
    assert desk.next("ann", queue).id == item.id
    with pytest.raises(Conflict, match="somebody else"):
        desk.answer("bob", item, label="dark")
    later = desk.next("ann", queue, after=item.id)
    assert (later.sample, desk.next("bob", queue).id) == (desk.samples[1], item.id)


def test_drawn_objects_take_the_place_of_what_stood(desk: Desk) -> None:
    sample = desk.samples[0]
    desk.write("old", sample, box("a"), box("b", 8))
    queue = desk.queue("drawn", [sample])
    item = desk.next("ann", queue)
    desk.answer("ann", item, objects=[box("b", 9), box("c")], expected_revision=item.revision)
    assert {key: (one.geometry["x"], one.author) for key, one in desk.stands(sample).items()} == {
        "b": (9.0, "ann"), "c": (2.0, "ann")}  # fmt: skip


def test_what_was_written_meanwhile_is_not_written_over(desk: Desk) -> None:
    queue = desk.queue("drawn", desk.samples[:1])
    item = desk.next("ann", queue)
    desk.write("bob", desk.samples[0], box("a"))
    with pytest.raises(Conflict, match="revision 1, not 0"):
        desk.answer("ann", item, objects=[], expected_revision=item.revision)
    assert desk.counts(queue)["done"] == 0


def test_approving_without_a_word_keeps_what_stands(desk: Desk) -> None:
    desk.write("old", desk.samples[0], box("a"))
    queue = desk.queue("drawn", desk.samples[:1])
    desk.answer("ann", desk.next("ann", queue), "approve")
    assert [(one.id, one.author) for one in desk.stands(desk.samples[0]).values()] == [("a", "old")]


def test_several_answer_blind_and_what_they_agree_on_is_written(desk: Desk) -> None:
    queue = desk.queue(samples=desk.samples[:1], answers_wanted=3, agreement=0.3)
    desk.said.label = {desk.samples[0]: "dark"}
    for name, label in (("ann", "dark"), ("bob", "bright"), ("cy", "dark")):
        item = desk.next(name, queue)
        assert (item.blind, item.suggestions, item.answers) == (True, [], [])
        desk.answer(name, item, label=label)
    assert desk.labels() == {desk.samples[0]: "dark"}
    assert desk.next("dan", queue) is None


def test_nobody_is_asked_twice_and_no_more_than_wanted_are_asked_at_once(desk: Desk) -> None:
    queue = desk.queue(samples=desk.samples[:1], answers_wanted=2)
    desk.label("ann", queue, "dark")
    assert desk.next("ann", queue) is None
    assert desk.next("bob", queue) is not None
    assert desk.next("cy", queue) is None
    assert desk.counts(queue) == {"open": 0, "answered": 1, "adjudicate": 0, "done": 0}


def test_answers_that_differ_are_adjudicated_in_the_sight_of_all(desk: Desk) -> None:
    queue = desk.queue("drawn", desk.samples[:1], answers_wanted=2)
    desk.draw("ann", queue, 2.0)
    desk.draw("bob", queue, 2.0, 8.0)
    item = desk.next("judge", queue)
    assert (item.kind, item.agreement) == ("adjudicate", 0.5)
    assert [(one.author, len(one.objects)) for one in item.answers] == [("ann", 1), ("bob", 2)]
    assert desk.stands(desk.samples[0]) == {}
    desk.answer("judge", item, "adjudicate", objects=[box("x", 8.0)])
    assert [(one.id, one.author) for one in desk.stands(desk.samples[0]).values()] == [("x", "judge")]


def test_objects_agree_by_place_and_class_whatever_they_are_called(desk: Desk) -> None:
    queue = desk.queue("drawn", desk.samples[:2], answers_wanted=2)
    desk.draw("ann", queue, 2.0)
    desk.draw("bob", queue, 3.0)
    desk.draw("ann", queue, 2.0)
    desk.draw("bob", queue, 2.0, label="crack")
    assert [one.author for one in desk.stands(desk.samples[0]).values()] == ["ann"]
    assert desk.counts(queue) == {"open": 0, "answered": 0, "adjudicate": 1, "done": 1}


def test_a_judge_may_send_it_back_and_the_same_people_answer_again(desk: Desk) -> None:
    queue = desk.queue(samples=desk.samples[:1], answers_wanted=2)
    desk.label("ann", queue, "dark")
    desk.label("bob", queue, "bright")
    desk.answer("judge", desk.next("judge", queue), "send_back", reason="Look at the rim.")
    assert desk.next("cy", queue) is None
    back = desk.next("ann", queue)
    assert (back.reason, [one.author for one in back.answers]) == ("Look at the rim.", ["ann"])
    desk.label("ann", queue, "dark")
    assert desk.labels() == {}
    desk.label("bob", queue, "dark")
    assert desk.labels() == {desk.samples[0]: "dark"}


def test_work_goes_back_to_who_did_it_with_the_reason(desk: Desk) -> None:
    desk.write("old", desk.samples[0], box("a"))
    queue = desk.queue("drawn", desk.samples[:1])
    item = desk.next("ann", queue)
    with pytest.raises(InvalidInput, match="reason"):
        desk.answer("ann", item, "send_back")
    desk.answer("ann", item, "send_back", reason="The box is too wide.")
    assert desk.next("bob", queue) is None
    assert desk.next("old", queue).reason == "The box is too wide."
    desk.answer("old", item, objects=[box("a", 4.0)])
    assert (desk.stands(desk.samples[0])["a"].geometry["x"], desk.counts(queue)["done"]) == (4.0, 1)


def test_where_nobody_worked_nothing_can_go_back(desk: Desk) -> None:
    queue = desk.queue()
    with pytest.raises(Refused, match="nobody"):
        desk.answer("ann", desk.next("ann", queue), "send_back", reason="why")


def test_a_rejected_or_skipped_image_is_left_as_it_stands(desk: Desk) -> None:
    desk.write("old", desk.samples[0], box("a"))
    queue = desk.queue("drawn", desk.samples[:2])
    desk.answer("ann", desk.next("ann", queue), "reject")
    desk.answer("ann", desk.next("ann", queue), "skip")
    assert (list(desk.stands(desk.samples[0])), desk.next("ann", queue)) == (["a"], None)
    assert desk.next("bob", queue).sample == desk.samples[1]


def test_undo_puts_back_what_stood_and_opens_the_item(desk: Desk) -> None:
    sample = desk.samples[0]
    desk.write("old", sample, box("a"), box("b"))
    queue = desk.queue("drawn", [sample])
    item = desk.next("ann", queue)
    desk.answer("ann", item, objects=[box("a", 9.0), box("c")])
    desk.reviews.undo(desk.who("ann"), item.id)
    assert {key: one.geometry["x"] for key, one in desk.stands(sample).items()} == {"a": 2.0, "b": 2.0}
    assert desk.next("ann", queue).id == item.id


def test_undo_of_a_sending_back_gives_the_answers_back_their_weight(desk: Desk) -> None:
    queue = desk.queue(samples=desk.samples[:1], answers_wanted=2)
    desk.label("ann", queue, "dark")
    desk.label("bob", queue, "bright")
    item = desk.next("judge", queue)
    desk.answer("judge", item, "send_back", reason="why")
    desk.reviews.undo(desk.who("judge"), item.id)
    assert (len(desk.next("judge", queue).answers), desk.counts(queue)["adjudicate"]) == (2, 1)


def test_an_answer_that_somebody_built_on_stays(desk: Desk) -> None:
    queue = desk.queue(samples=desk.samples[:1], answers_wanted=2)
    item = desk.label("ann", queue, "dark")
    desk.label("bob", queue, "dark")
    with pytest.raises(Refused):
        desk.reviews.undo(desk.who("ann"), item.id)
    with pytest.raises(NotFound):
        desk.reviews.undo(desk.who("cy"), item.id)


def test_undo_does_not_write_over_what_came_after(desk: Desk) -> None:
    queue = desk.queue("drawn", desk.samples[:1])
    item = desk.draw("ann", queue, 2.0)
    desk.write("bob", desk.samples[0], Operation("put", "ann2", None, "crack", "box", BOX))
    with pytest.raises(Conflict):
        desk.reviews.undo(desk.who("ann"), item.id)
    assert desk.counts(queue)["done"] == 1


def test_a_honeypot_looks_like_any_item_changes_nothing_and_measures_each_person(desk: Desk) -> None:
    pots, rest = desk.samples[:2], desk.samples[2:]
    rows = [{"sample": sample, "label": "dark"} for sample in pots]
    desk.plant.datasets.import_labels(desk.plant.caller, "parts", rows)
    queue = desk.queue(samples=rest, honeypots=pots, answers_wanted=3, agreement=0.3)
    for name, label in (("ann", "dark"), ("bill", "bright"), ("bob", "bright")):
        while (item := desk.next(name, queue)) is not None:
            assert (item.blind, item.kind, item.suggestions, item.revision) == (True, "label", [], 0)
            desk.answer(name, item, label=label)
    report = desk.reviews.agreement(desk.plant.caller, queue)
    assert {sample: desk.labels()[sample] for sample in pots} == dict.fromkeys(pots, "dark")
    right = {name: one.honeypot_accuracy for name, one in report.by_annotator.items()}
    assert right == {"ann": 1.0, "bill": 0.0, "bob": 0.0}
    assert (sum(desk.counts(queue).values()), report.items) == (len(rest), len(rest))


def test_what_nothing_is_known_of_is_no_honeypot(desk: Desk) -> None:
    with pytest.raises(NotEnoughData, match="honeypot"):
        desk.queue(samples=desk.samples[1:], honeypots=desk.samples[:1])


def test_the_report_says_how_far_people_agree_and_how_long_they_took(desk: Desk) -> None:
    queue = desk.queue(answers_wanted=2)
    for label in ("dark", "dark", "bright", "bright"):
        desk.label("ann", queue, label)
    for label in ("dark", "dark", "bright", "dark"):
        desk.label("bob", queue, label)
    report = desk.reviews.agreement(desk.plant.caller, queue)
    # Krippendorff (2011), nominal: 8 values, 5 dark and 3 bright; D_o = 2, D_e = 30 / 7.
    assert report.overall == pytest.approx(1 - 2 / (30 / 7))
    assert report.by_class == {"bright": pytest.approx(2 / 3), "dark": pytest.approx(4 / 5)}
    ann = report.by_annotator["ann"]
    assert (ann.answers, ann.median_s, ann.agreement) == (4, 2.0, 0.75)
    assert ann.agreement_interval is not None
    assert ann.agreement_interval[0] <= 0.75 <= ann.agreement_interval[1]


def test_the_same_key_answers_once(desk: Desk) -> None:
    queue = desk.queue()
    item = desk.next("ann", queue)
    keyed = desk.who("ann").keyed("answer")
    first = desk.reviews.answer(keyed, item.id, Verdict("fix", label="dark"))
    assert desk.reviews.answer(keyed, item.id, Verdict("fix", label="dark")) == first
    with pytest.raises(Conflict, match="answered already"):
        desk.answer("ann", item, label="dark")


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        ("praise", {}),
        ("adjudicate", {"label": "dark"}),
        ("fix", {}),
        ("fix", {"label": "grey"}),
        ("fix", {"objects": [box("a")]}),
        ("fix", {"label": "dark", "objects": [Operation("put", "", None, "dark")]}),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(desk: Desk, verb: str, given: dict[str, Any]) -> None:
    queue = desk.queue()
    with pytest.raises(InvalidInput):
        desk.answer("ann", desk.next("ann", queue), verb, **given)


def test_the_queue_of_one_workspace_does_not_exist_in_another(desk: Desk) -> None:
    queue = desk.queue()
    stranger = replace(desk.who("ann"), workspace="elsewhere")
    item = desk.next("ann", queue)
    for ask in (
        lambda: desk.reviews.next(stranger, queue),
        lambda: desk.reviews.item(stranger, item.id),
        lambda: desk.reviews.answer(stranger, item.id, Verdict("fix", label="dark")),
        lambda: desk.reviews.undo(stranger, item.id),
        lambda: desk.reviews.agreement(stranger, queue),
    ):
        with pytest.raises(NotFound):
            ask()
