"""The whole loop on real cells through the SDK, with the folder closed and opened again on the way."""

from __future__ import annotations

import pytest

from tests.journeys.small_loop import SmallLoop

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]


def test_every_cell_was_ingested(closed: SmallLoop) -> None:
    assert sorted(closed.names.values()) == sorted(closed.plant.labels)


def test_the_campaign_labelled_its_whole_pool(closed: SmallLoop) -> None:
    assert closed.counts.human + closed.counts.auto >= len(closed.budget["mono"]["train"])


def test_every_answer_on_the_way_was_as_the_api_describes_it(closed: SmallLoop) -> None:
    assert closed.promises is not None
    assert closed.promises.broken == []
    assert closed.promises.kept >= {
        "create_monitor",
        "list_alerts",
        "tick_loop",
        "answer_item",
        "gate",
        "promote",
        "list_cycles",
    }


@pytest.mark.parametrize(
    "question",
    ["samples", "versions", "labels", "aliases", "card", "predictions", "monitor", "receipts", "lineage", "policies"],
)
def test_a_reopened_folder_gives_the_same_answer(closed: SmallLoop, question: str) -> None:
    assert closed.at_close[question]
    assert closed.at_reopening[question] == closed.at_close[question]


def test_the_monitor_is_silent_before_the_shift_and_not_after(closed: SmallLoop) -> None:
    assert closed.silent == 0
    assert closed.alert.kind == "drift"


def test_the_line_controller_acted_once_on_each_alert(closed: SmallLoop) -> None:
    actions = closed.controller.actions()
    assert sorted(action["type"] for action in actions) == ["sightloop.alert.raised", "sightloop.rule.fired"]
    assert closed.controller.refused == 0


def test_the_policy_promoted_a_second_version(closed: SmallLoop) -> None:
    assert closed.cycle.state == "done", closed.cycle.facts
    assert closed.cycle.facts.challenger != closed.v1


def test_the_endpoint_served_the_second_version_and_after_the_rollback_the_first(closed: SmallLoop) -> None:
    assert closed.served_after == [closed.cycle.facts.challenger, closed.v1]


def test_every_receipt_replays_to_the_same_outcome(closed: SmallLoop) -> None:
    assert {kind for kind, _ in closed.replays} >= {"drift.alarm", "rule.fired", "model.gate", "alias.move"}
    assert [kind for kind, same in closed.replays if not same] == []


def test_every_prediction_resolves_to_its_labels(closed: SmallLoop) -> None:
    assert closed.share == 1.0


def test_what_trained_never_met_what_judged_or_was_held_out(closed: SmallLoop) -> None:
    assert closed.budget_broken == []


def test_the_stored_state_is_sound(closed: SmallLoop) -> None:
    assert closed.problems == []
    assert closed.audit_ok
