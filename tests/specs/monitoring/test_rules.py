from __future__ import annotations

from pathlib import Path

import pytest

from sightloop.errors import InvalidInput, NotFound
from sightloop.monitoring import replay_rule
from tests.specs.monitoring.stream import ENGINEER, STRANGER, House, Line


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def house(tmp_path: Path, line: Line) -> House:
    house = House(tmp_path, line)
    house.monitoring.create_rule(ENGINEER, "stop", deployment="line-1", label="defect", consecutive=3)
    return house


def test_three_defects_in_a_row_fire_the_rule_once(line: Line, house: House) -> None:
    line.say("oddoddod")
    assert house.monitoring.advance(ENGINEER) == []
    line.say("ddddd")
    (alert,) = house.monitoring.advance(ENGINEER)
    assert (alert.kind, alert.monitor, alert.sequence) == ("rule", "stop", 10)
    line.say("odddd")
    assert house.monitoring.advance(ENGINEER) == []


def test_a_streak_counts_across_pages_and_restarts(line: Line, house: House, tmp_path: Path) -> None:
    line.say("dd")
    house.monitoring.advance(ENGINEER)
    line.say("d")
    (alert,) = House(tmp_path, line).monitoring.advance(ENGINEER)
    assert alert.evidence["predictions"] == ["prd_00000", "prd_00001", "prd_00002"]


def test_a_fired_rule_leaves_a_receipt_that_replays(line: Line, house: House) -> None:
    line.say("ddd")
    (alert,) = house.monitoring.advance(ENGINEER)
    assert replay_rule(house.data(alert.receipt)) == house.events.receipt(ENGINEER, alert.receipt).outcome
    assert "sightloop.rule.fired" in [one["type"] for one in house.events.since("default", 0)]


def test_a_reset_rule_fires_again_but_only_for_what_comes(line: Line, house: House) -> None:
    line.say("ddddd")
    house.monitoring.advance(ENGINEER)
    house.monitoring.reset_rule(ENGINEER, "stop")
    assert house.monitoring.advance(ENGINEER) == []
    line.say("ddd")
    assert [one.sequence for one in house.monitoring.advance(ENGINEER)] == [8]


def test_alerts_come_in_pages_newest_first(line: Line, house: House) -> None:
    for name in ("b", "c"):
        house.monitoring.create_rule(ENGINEER, name, deployment="line-1", label="defect", consecutive=2)
    line.say("ddd")
    house.monitoring.advance(ENGINEER)
    whole = house.monitoring.alerts(ENGINEER)
    first = house.monitoring.alerts(ENGINEER, limit=2)
    assert (len(whole), first + house.monitoring.alerts(ENGINEER, limit=2, cursor=first[-1].id)) == (3, whole)


def test_a_rule_that_waits_for_none_is_refused(house: House) -> None:
    with pytest.raises(InvalidInput, match="0 in a row"):
        house.monitoring.create_rule(ENGINEER, "never", deployment="line-1", label="defect", consecutive=0)


def test_another_workspace_cannot_reset_the_rule(house: House) -> None:
    with pytest.raises(NotFound):
        house.monitoring.reset_rule(STRANGER, "stop")
