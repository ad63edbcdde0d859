from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from sightloop.domain import RunState
from sightloop.errors import NotFound, Refused, Unavailable
from sightloop.loop import replay_act
from sightloop.loop.machine import PATH
from sightloop.storage import configure_faults
from tests.specs.loop.plant import ENGINEER, POLICY, STRANGER, House, Plant


@pytest.fixture
def plant() -> Plant:
    return Plant()


@pytest.fixture
def house(tmp_path: Path, plant: Plant) -> House:
    house = House(tmp_path, plant)
    house.loop.apply(ENGINEER, POLICY)
    return house


def ready(plant: Plant) -> None:
    """Traffic and answers: all that a cycle waits for."""
    plant.send(80)
    plant.campaign_state = "done"


def test_an_alarm_leads_to_a_promoted_model_and_a_new_reference(plant: Plant, house: House) -> None:
    ready(plant)
    (cycle,) = house.loop.tick(ENGINEER)
    assert cycle.state == "done"
    assert plant.serving == plant.champion == "mdv_2"
    assert plant.rebased["fit"] == [f"smp-{i:03}" for i in range(20)]
    assert plant.rebased["reference"] == [f"smp-{i:03}" for i in range(20, 80)]
    assert plant.rebased["after"] == 80
    assert plant.committed == dict.fromkeys(plant.rebased["fit"], "train")


def test_a_cycle_waits_for_traffic_then_for_people(plant: Plant, house: House) -> None:
    plant.send(79)
    house.loop.tick(ENGINEER)
    assert house.state() == "collecting"
    plant.send(1)
    house.loop.tick(ENGINEER)
    assert house.state() == "labeling"
    assert house.loop.tick(ENGINEER) == []
    plant.campaign_state = "done"
    house.loop.tick(ENGINEER)
    assert house.state() == "done"


def test_one_alert_begins_one_cycle_however_often_the_clock_ticks(plant: Plant, house: House) -> None:
    ready(plant)
    for _ in range(3):
        house.loop.tick(ENGINEER)
    assert len(house.loop.cycles(ENGINEER)) == 1
    assert set(plant.made.values()) == {1}


def test_every_step_leaves_a_receipt_that_replays_to_the_same(plant: Plant, house: House) -> None:
    ready(plant)
    (cycle,) = house.loop.tick(ENGINEER)
    assert len(cycle.receipts) == len(PATH) - 1
    for receipt_id in cycle.receipts:
        receipt = house.events.receipt(ENGINEER, receipt_id)
        data = house.stores.workspace("default").blobs.get(receipt.inputs["data"])
        assert replay_act(data) == receipt.outcome
        assert receipt.inputs["data"] in house.loop.references("default")


@pytest.mark.parametrize("where", ["change.before_commit", "change.committed"])
@pytest.mark.parametrize("crash", range(1, 18))
def test_a_crash_at_any_write_is_survived_and_nothing_is_made_twice(
    plant: Plant, house: House, tmp_path: Path, where: str, crash: int
) -> None:
    ready(plant)
    configure_faults(f"{where}=raise@{crash}")
    with suppress(Unavailable):
        house.loop.tick(ENGINEER)
    configure_faults("")
    assert not [one for one in house.loop.cycles(ENGINEER) if one.ended and where == "change.before_commit"]
    House(tmp_path, plant).loop.tick(ENGINEER)
    assert house.state() == "done"
    assert set(plant.made.values()) == {1}


def test_media_that_are_no_samples_yet_are_taken_in_from_the_spool(plant: Plant, house: House) -> None:
    plant.send(40, known=False)
    plant.send(40)
    plant.campaign_state = "done"
    house.loop.tick(ENGINEER)
    assert (house.state(), plant.made["ingest"]) == ("done", 1)


def test_media_that_serving_no_longer_keeps_are_replaced_by_later_ones(plant: Plant, house: House) -> None:
    plant.send(10, known=False)
    plant.spooled.clear()
    plant.send(79)
    plant.campaign_state = "done"
    house.loop.tick(ENGINEER)
    assert house.state() == "collecting"
    plant.send(1)
    house.loop.tick(ENGINEER)
    assert plant.rebased["fit"][0] == "smp-010"


def test_repeated_images_and_images_of_the_test_set_are_not_collected(plant: Plant, house: House) -> None:
    ready(plant)
    for digest in ("media-000", "media-test", "media-train"):
        plant.see(digest)
    plant.log = [*plant.log[-3:], *plant.log[:-3]]
    house.loop.tick(ENGINEER)
    assert "media-test" not in plant.known
    assert len(set(plant.rebased["fit"] + plant.rebased["reference"])) == 80


def test_images_nearly_the_same_as_a_test_image_are_not_collected(plant: Plant, house: House) -> None:
    ready(plant)
    plant.groups = [("smp-003", "smp-dsv_cells-test"), ("smp-004", "smp-005")]
    house.loop.tick(ENGINEER)
    assert house.state() == "collecting"
    plant.send(1)
    house.loop.tick(ENGINEER)
    assert "smp-003" not in plant.rebased["fit"] + plant.rebased["reference"]
    assert "smp-004" in plant.rebased["fit"]


def test_images_nearly_the_same_as_one_that_trains_are_not_held_out(plant: Plant, house: House) -> None:
    ready(plant)
    plant.groups = [("smp-003", "smp-030", "smp-004"), ("smp-040", "smp-dsv_cells")]
    plant.send(2)
    house.loop.tick(ENGINEER)
    assert {"smp-003", "smp-004"} <= set(plant.rebased["fit"])
    assert not {"smp-030", "smp-040"} & set(plant.rebased["reference"])
    assert len(plant.rebased["reference"]) == 60


def test_a_run_is_waited_for_without_blocking(plant: Plant, house: House) -> None:
    ready(plant)
    plant.run_state = RunState.RUNNING
    house.loop.tick(ENGINEER)
    assert (house.state(), house.loop.tick(ENGINEER)) == ("training", [])
    plant.run_state = RunState.SUCCEEDED
    house.loop.tick(ENGINEER)
    assert house.state() == "done"


def test_a_failed_gate_refuses_and_nothing_is_promoted(plant: Plant, house: House) -> None:
    ready(plant)
    plant.gate_passes = False
    (cycle,) = house.loop.tick(ENGINEER)
    assert (cycle.state, plant.champion, plant.made["promote"]) == ("refused", "mdv_1", 0)


def test_a_champion_without_results_on_the_test_version_is_evaluated_there(plant: Plant, house: House) -> None:
    ready(plant)
    plant.tested.clear()
    house.loop.tick(ENGINEER)
    assert (house.state(), plant.made["evaluate"]) == ("done", 1)


def test_a_failed_run_ends_the_cycle_with_its_error_and_can_be_resumed(plant: Plant, house: House) -> None:
    ready(plant)
    plant.run_state = RunState.FAILED
    plant.run_error = {"code": "not_enough_data", "detail": "One class has no labels."}
    (cycle,) = house.loop.tick(ENGINEER)
    assert (cycle.state, cycle.error["detail"]) == ("failed", "One class has no labels.")
    plant.run_state = RunState.SUCCEEDED
    house.loop.resume(ENGINEER, cycle.id)
    house.loop.tick(ENGINEER)
    assert (house.state(), plant.made["train"], plant.made["campaign"]) == ("done", 2, 1)


def test_what_may_pass_by_itself_is_tried_again(plant: Plant, house: House, tmp_path: Path) -> None:
    ready(plant)
    plant.broken["sync"] = Unavailable("Serving starts.")
    house.loop.tick(ENGINEER)
    assert house.state() == "promoting"
    plant.broken.clear()
    House(tmp_path, plant).loop.tick(ENGINEER)
    assert house.state() == "done"


def test_an_alias_that_moved_meanwhile_refuses_the_promotion(plant: Plant, house: House) -> None:
    ready(plant)
    plant.broken["promote"] = Refused("The alias moved.")
    (cycle,) = house.loop.tick(ENGINEER)
    assert (cycle.state, cycle.error["detail"]) == ("refused", "The alias moved.")


def test_a_spent_reviewer_budget_stops_the_cycle(plant: Plant, house: House) -> None:
    plant.send(80)
    plant.human = 50
    (cycle,) = house.loop.tick(ENGINEER)
    assert cycle.state == "stopped"
    assert "budget is 50" in house.events.receipt(ENGINEER, cycle.receipts[-1]).outcome["because"]


def test_the_workspace_switch_holds_every_cycle_and_lets_it_go_on(plant: Plant, house: House) -> None:
    plant.send(80)
    house.loop.tick(ENGINEER)
    house.loop.stop(ENGINEER)
    plant.campaign_state = "done"
    assert (house.loop.tick(ENGINEER), house.state()) == ([], "labeling")
    house.loop.enable(ENGINEER)
    house.loop.tick(ENGINEER)
    assert house.state() == "done"


def test_a_stopped_policy_begins_nothing(plant: Plant, house: House) -> None:
    ready(plant)
    house.loop.stop(ENGINEER, "keep-up")
    assert house.loop.tick(ENGINEER) == house.loop.cycles(ENGINEER) == []


def test_the_machines_work_is_counted_apart_from_waiting(plant: Plant, house: House) -> None:
    ready(plant)
    (cycle,) = house.loop.tick(ENGINEER)
    assert set(cycle.seconds) == set(PATH[:-1])
    assert all(one >= 0 for one in cycle.seconds.values())


def test_a_dry_run_tells_steps_costs_and_what_is_missing_and_changes_nothing(plant: Plant, house: House) -> None:
    plant.send(30)
    told = house.loop.dry_run(ENGINEER, "keep-up")
    assert (told["would_act"], told["images_there"], told["images_needed"]) == (True, 30, 80)
    assert told["decisions_at_most"] == 20
    assert [one["step"] for one in told["steps"]] == list(PATH[1:-1])
    assert house.loop.cycles(ENGINEER) == []


def test_another_workspace_sees_no_policy_and_no_cycle(plant: Plant, house: House) -> None:
    ready(plant)
    (cycle,) = house.loop.tick(ENGINEER)
    assert not house.loop.tick(STRANGER)
    assert not house.loop.cycles(STRANGER)
    assert not house.loop.policies(STRANGER)
    with pytest.raises(NotFound):
        house.loop.cycle(STRANGER, cycle.id)
    with pytest.raises(NotFound):
        house.loop.stop(STRANGER, "keep-up")
