from __future__ import annotations

from pathlib import Path

import pytest

from sightloop.errors import InvalidPolicy
from sightloop.loop import parse_policy
from tests.specs.loop.plant import ENGINEER, POLICY, House, Plant


def refusal(text: str) -> InvalidPolicy:
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text)
    return caught.value


def test_the_word_on_stays_a_word() -> None:
    assert parse_policy(POLICY).on == "drift"


def test_an_unknown_field_names_its_line_and_the_nearest_known_one() -> None:
    error = refusal(POLICY.replace("margin: 0.05", "margn: 0.05"))
    assert error.message == 'Line 8: a policy has no field "gate.margn".'
    assert error.hint == 'Did you mean "margin"?'


def test_a_missing_field_is_named() -> None:
    error = refusal(POLICY.replace("schema: cells, ", ""))
    assert 'lacks "label.schema"' in error.message


def test_a_value_out_of_range_names_its_line() -> None:
    error = refusal(POLICY.replace("margin: 0.05", "margin: 0.5"))
    assert error.message.startswith('Line 8: "gate.margin" is not right')


def test_several_problems_are_counted_and_all_are_told() -> None:
    error = refusal(POLICY.replace("margin", "margn").replace("monitor: line-1", "monitr: x"))
    assert error.message.endswith("(and 2 more)")
    assert len(error.facts["problems"]) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: [", "not valid YAML in line 1"),
        ("- a", "not a mapping"),
        ("", "not a mapping"),
        ("name: a\nname: b", "stands twice, again in line 2"),
        ("a: &x [1]\nb: *x", "anchor"),
        ("name: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("a: " + "x" * 70_000, "70003 characters"),
        ("\x00", "not valid YAML"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_bad_yaml_is_a_clear_refusal(text: str, says: str) -> None:
    assert says in refusal(text).message


def test_a_policy_applied_again_is_its_next_number_and_unchanged_stays(tmp_path: Path) -> None:
    loop = House(tmp_path, Plant()).loop
    assert loop.apply(ENGINEER, POLICY).number == loop.apply(ENGINEER, POLICY).number == 1
    assert loop.apply(ENGINEER, POLICY.replace("0.05", "0.04")).number == 2
    assert [one.name for one in loop.policies(ENGINEER)] == ["keep-up"]
