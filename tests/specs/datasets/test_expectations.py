"""What is expected of samples: read strictly, judged at ingest and at commit, tried over what is stored."""

from __future__ import annotations

import pytest

from sightloop.datasets.rules import read_rules
from sightloop.domain import SampleKind
from sightloop.errors import InvalidInput, NotEnoughData, NotFound
from tests.specs.datasets.world import World, picture

DARK = "expect:\n  - {field: brightness, at_least: 0.9, else: quarantine}\n"


def rule(text: str) -> str:
    return f"expect:\n  - {{{text}}}\n"


def test_a_file_names_its_scope_and_each_check_of_a_rule() -> None:
    found = read_rules("source: line-2\nexpect:\n  - {field: heat, type: number, at_least: 1, else: warn}\n")
    assert found.scope == "source:line-2"
    assert [(one.says(), one.otherwise) for one in found.rules] == [
        ("heat type number", "warn"),
        ("heat at_least 1", "warn"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("expect: {", 1, "no YAML"),
        ("- a", 1, "no mapping"),
        ("source: a\ndataset: b\nexpect: []", 2, "Both a source and a dataset"),
        ("expect: 3", 1, "no list"),
        ("expect:\n  - {at_least: 3, else: warn}", 2, "names no field"),
        ("expect:\n  - {field: width, at_least: 3}", 2, "what becomes of it"),
        ("expect:\n  - {field: width, at_least: 3, else: drop}", 2, "what becomes of it"),
        ("expect:\n  - {field: width, else: warn}", 2, "checks nothing"),
        ("expect:\n  - field: width\n    atleast: 3\n    else: warn", 3, '"atleast" is not known'),
        ("expect:\n  - {field: width, at_least: '3', else: warn}", 2, 'was given "3"'),
        ("expect:\n  - {field: width, at_least: .nan, else: warn}", 2, "was given nan"),
        ("expect:\n  - {field: cell, one_of: [], else: warn}", 2, '"one_of" on "cell"'),
        ("expect:\n  - {field: cell, matches: '(', else: warn}", 2, '"matches" on "cell"'),
        ("expect:\n  - {field: cell, type: int, else: warn}", 2, 'was given "int"'),
        ("expect:\n  - {field: cell, present: 2001-99-99, else: warn}", 2, "present"),
        ("expect:\n  - {field: id, present: true, else: warn}", 2, "Nothing can be expected"),
        ("expect:\n  - {field: brightness, at_least: 5, else: warn}", 2, "No sample has"),
        ("expect:\n  - {field: name, at_least: 5, else: warn}", 2, "which is a text"),
        ("expect:\n  - {field: kind, one_of: [photo], else: warn}", 2, "no such kind"),
        ("expect:\n  - {field: h, at_least: 9, else: warn}\n  - {field: h, at_most: 3, else: warn}", 3, "no value"),
        ("expect:\n  - {field: heat, at_least: 9, at_least: 3, else: warn}", 2, "stands twice"),
        ("a: &a [x,x]\nexpect:\n  - {field: c, one_of: [*a, *a], else: warn}", 1, '"a" is not known'),
        ("expect: " + "[" * 5000, 1, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_rules(text)
    assert caught.value.message.startswith(f"Line {line} of the expectations: ")
    assert says in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("present: true", [0, False, "a"], [None, ""]),
        ("type: number", [1, 1.5, None], ["1", True]),
        ("type: flag", [True], [1, "true"]),
        ("at_least: 3", [3, 4.5, None], [2.9, "4", True]),
        ("at_most: 3", [3, -1], [3.1]),
        ("one_of: [a, 1]", ["a", 1, None], ["b", True, "1"]),
        ("matches: '^a+$'", ["aa", None], ["ab"]),
    ],
)
def test_a_value_is_as_expected_or_not(check: str, good: list[object], bad: list[object]) -> None:
    one = read_rules(rule(f"field: x, {check}, else: warn")).rules[0]
    assert [value for value in good if not one.holds(value)] == []
    assert [value for value in bad if one.holds(value)] == []


def test_a_pattern_takes_linear_time_whatever_it_is() -> None:
    one = read_rules(rule("field: x, matches: '^(a+)+$', else: warn")).rules[0]
    assert not one.holds("a" * 999 + "b")  # 2 ** 999 steps for one that goes back


def test_every_kind_of_sample_can_be_expected() -> None:
    for kind in SampleKind:
        assert read_rules(rule(f"field: kind, one_of: [{kind}], else: warn")).rules


def test_what_breaks_a_rule_waits_in_quarantine_until_the_rule_is_changed(world: World) -> None:
    book = world.datasets.expectations
    book.set(world.caller, f"source: line\n{DARK}")
    (world.folder / "a.png").write_bytes(picture(1))
    output = world.ingest(name="line")
    held = world.datasets.quarantine(world.caller)[0]
    assert [output["ingested"], output["quarantined"], held.reason] == [0, 1, "expectation"]
    assert "brightness is 0." in held.detail
    assert 'expected at least 0.9 (expectations of the source "line", version 1).' in held.detail
    again = world.runs.wait(world.caller, world.datasets.replay(world.caller).id).output
    assert again["quarantined"] == 1
    book.set(world.caller, f"source: line\n{DARK.replace('0.9', '0.1')}")
    replayed = world.runs.wait(world.caller, world.datasets.replay(world.caller).id).output
    assert replayed["ingested"] == 1
    assert world.datasets.sample(world.caller, world.named("a.png")).source == "line"
    assert world.datasets.quarantine(world.caller)[0].state == "released"


def test_media_that_stay_in_place_are_kept_for_the_replay_too(world: World) -> None:
    world.datasets.expectations.set(world.caller, DARK)
    (world.folder / "a.png").write_bytes(picture(1))
    world.ingest(copy=False)
    (world.folder / "a.png").unlink()
    world.datasets.expectations.set(world.caller, "expect: []")
    run = world.datasets.replay(world.caller)
    assert world.runs.wait(world.caller, run.id).output["ingested"] == 1


def test_expectations_of_one_source_say_nothing_of_another(world: World) -> None:
    world.datasets.expectations.set(world.caller, f"source: line\n{DARK}")
    (world.folder / "a.png").write_bytes(picture(1))
    assert world.ingest(name="other")["ingested"] == 1


def test_a_warning_is_a_facet_that_filters_find(world: World) -> None:
    world.datasets.expectations.set(world.caller, rule("field: cell, one_of: [mono, poly], else: warn"))
    for i in range(2):
        (world.folder / f"{i}.png").write_bytes(picture(i))
    output = world.ingest({"0.png": {"cell": "mono"}, "1.png": {"cell": "thin"}})
    found = world.datasets.samples(world.caller, {"expectation": {"exists": True}}).items
    assert output["quarantined"] == 0
    assert [(one.name, one.metadata["expectation"]) for one in found] == [("1.png", "cell one_of mono, poly")]


def test_unique_holds_against_what_is_stored_and_what_comes_with_it(world: World) -> None:
    world.datasets.expectations.set(world.caller, rule("field: serial, unique: true, else: quarantine"))
    for i in range(3):
        (world.folder / f"{i}.png").write_bytes(picture(i))
    first = world.ingest({"0.png": {"serial": "A"}, "1.png": {"serial": "B"}, "2.png": {"serial": "A"}})
    (world.folder / "3.png").write_bytes(picture(3))
    second = world.ingest({"2.png": {"serial": "A"}, "3.png": {"serial": "B"}})
    assert [first["ingested"], first["quarantined"]] == [2, 1]
    assert [second["ingested"], second["quarantined"]] == [0, 2]
    details = {one.name: one.detail for one in world.datasets.quarantine(world.caller)}
    assert details["3.png"].startswith('serial is "B" as of another sample')


def test_versions_are_kept_and_the_same_text_makes_none(world: World) -> None:
    book = world.datasets.expectations
    first = book.set(world.caller, DARK)
    assert book.set(world.caller, DARK) == first
    second = book.set(world.caller, "expect: []")
    assert (second.number, book.list(world.caller)) == (2, [second])
    assert book.get(world.caller, first.id).text == DARK
    with pytest.raises(NotFound):
        book.get(world.caller, "exp_none")
    with pytest.raises(NotFound):
        book.set(world.caller, f"dataset: none\n{DARK}")


def test_a_run_names_the_expectations_that_it_judged_by(world: World) -> None:
    held = world.datasets.expectations.set(world.caller, DARK)
    (world.folder / "a.png").write_bytes(picture(1))
    run = world.datasets.ingest(world.caller, {"kind": "folder", "path": str(world.folder)})
    world.runs.wait(world.caller, run.id)
    used = [(one.kind, one.artifact) for one in world.runs.links(world.caller, run=run.id) if one.direction == "uses"]
    assert ("expectations", held.id) in used


def test_a_dry_run_counts_what_breaks_each_rule_and_names_it(world: World) -> None:
    world.with_pictures(4, cell=["mono", "thin"], serial=["A", "B", "A", "C"])
    text = (
        "expect:\n"
        "  - {field: cell, one_of: [mono], else: warn}\n"
        "  - {field: serial, unique: true, else: warn}\n"
        "  - {field: heat, present: true, else: quarantine}\n"
    )
    cell, serial, heat = world.datasets.expectations.check(world.caller, text)
    assert [(one.checked, one.broken) for one in (cell, serial, heat)] == [(4, 2), (4, 2), (4, 4)]
    assert cell.where is not None
    assert world.datasets.sample_ids(world.caller, cell.where) == list(cell.samples)
    assert set(serial.samples) == {world.named("000.png"), world.named("002.png")}
    assert world.datasets.expectations.list(world.caller) == []


def test_a_version_of_a_dataset_takes_in_only_what_is_as_expected(world: World) -> None:
    world.with_pictures(4, cell=["mono", "thin"])
    world.datasets.create(world.caller, "cells", world.schema().id)
    text = "dataset: cells\nexpect:\n  - {field: cell, one_of: [mono], else: quarantine}\n"
    world.datasets.expectations.set(world.caller, text)
    version = world.commit(where={}, splits={"train": 0.5, "test": 0.5})
    assert version.counts == {"test": 1, "train": 1}
    assert {one.metadata["cell"] for one in world.datasets.entries(world.caller, version.id)} == {"mono"}
    world.datasets.create(world.caller, "more", "states")
    world.datasets.expectations.set(world.caller, text.replace("cells", "more").replace("mono", "none"))
    with pytest.raises(NotEnoughData) as refused:
        world.commit("more", where={})
    assert refused.value.hint == "None of them is as the dataset expects."
