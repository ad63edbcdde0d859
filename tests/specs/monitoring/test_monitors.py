from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from sightloop.errors import Conflict, InvalidInput, NotEnoughData, NotFound
from sightloop.monitoring import replay_alarm
from sightloop.monitoring.tables import monitor_history
from tests.specs.monitoring.stream import ENGINEER, STRANGER, House, Line


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def house(tmp_path: Path, line: Line) -> House:
    house = House(tmp_path, line)
    house.monitoring.create(
        ENGINEER, "line-1", deployment="line-1", reference=line.draw(200), fit=line.draw(200), alpha=0.01
    )
    return house


def test_a_stream_like_its_reference_raises_nothing(line: Line, house: House) -> None:
    line.send(400)
    assert house.monitoring.advance(ENGINEER) == []
    monitor = house.monitoring.get(ENGINEER, "line-1")
    assert (monitor.state, monitor.images, monitor.guarantee) == ("watching", 400, "bounded")


def test_a_shift_raises_one_alert_that_names_what_moved_and_shows_images(line: Line, house: House) -> None:
    line.send(100)
    shifted = {one.id for one in line.send(100, shift=2.0)}
    (alert,) = house.monitoring.advance(ENGINEER)
    assert 100 < alert.sequence <= 140
    assert alert.evidence["carried_by"] == ["embedding"]
    assert alert.evidence["onset_sequence"] > 95
    assert alert.evidence["moved"]["embedding"]["now"] > alert.evidence["moved"]["embedding"]["before"]
    assert {one["prediction"] for one in alert.evidence["examples"]} <= shifted
    assert house.monitoring.alerts(ENGINEER, "raised") == [alert]


def test_an_alarm_is_told_once_and_leaves_a_receipt_that_replays_to_the_same_image(line: Line, house: House) -> None:
    line.send(50, shift=2.0)
    (alert,) = house.monitoring.advance(ENGINEER)
    assert house.monitoring.advance(ENGINEER) == []
    receipt = house.events.receipt(ENGINEER, alert.receipt)
    assert replay_alarm(house.data(alert.receipt)) == receipt.outcome
    assert receipt.outcome["sequence"] == alert.sequence
    told = [one for one in house.events.since("default", 0) if one["type"] == "sightloop.alert.raised"]
    assert [one["data"]["alert"] for one in told] == [alert.id]


def test_an_alert_keeps_the_course_of_its_evidence_after_the_monitor_began_anew(line: Line, house: House) -> None:
    line.send(50, shift=2.0)
    (alert,) = house.monitoring.advance(ENGINEER)
    before = house.monitoring.get(ENGINEER, "line-1").history
    house.monitoring.rebase(ENGINEER, "line-1", reference=line.draw(150, 2.0), fit=line.draw(150, 2.0))
    assert house.monitoring.alert_history(ENGINEER, alert.id) == before
    assert before["sequence"][-1] == alert.sequence


def test_a_restart_in_the_middle_gives_the_same_alarm(line: Line, house: House, tmp_path: Path) -> None:
    (tmp_path / "straight").mkdir()
    straight = House(tmp_path / "straight", line)
    names = sorted(line.samples)
    straight.monitoring.create(ENGINEER, "line-1", deployment="line-1", reference=names[:200], fit=names[200:])
    raised = []
    for shift in (0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        line.send(40, shift)
        raised += House(tmp_path, line).monitoring.advance(ENGINEER)
    (once,) = straight.monitoring.advance(ENGINEER)
    assert [(one.sequence, one.evidence["log_wealth"]) for one in raised] == [
        (once.sequence, once.evidence["log_wealth"])
    ]


def test_after_an_alarm_nothing_is_watched_until_a_new_reference_is_taken(line: Line, house: House) -> None:
    line.send(60, shift=2.0)
    house.monitoring.advance(ENGINEER)
    line.send(60, shift=2.0)
    assert house.monitoring.advance(ENGINEER) == []
    assert house.monitoring.get(ENGINEER, "line-1").state == "alarmed"
    house.monitoring.rebase(ENGINEER, "line-1", reference=line.draw(150, 2.0), fit=line.draw(150, 2.0))
    line.send(200, shift=2.0)
    assert house.monitoring.advance(ENGINEER) == []
    monitor = house.monitoring.get(ENGINEER, "line-1")
    assert (monitor.state, monitor.epoch, monitor.images) == ("watching", 2, 200)


def test_the_void_reference_does_not_silence_its_own_alarm(line: Line, tmp_path: Path) -> None:
    house, held, fit = House(tmp_path, line), line.draw(150), line.draw(150)
    house.monitoring.create(ENGINEER, "m", deployment="line-1", reference=held, fit=fit)
    line.send(60, shift=2.0)
    house.monitoring.advance(ENGINEER)
    assert house.monitoring.rebase(ENGINEER, "m", reference=held, fit=fit).state == "alarmed"


def test_predictions_of_another_model_version_are_counted_but_not_watched(line: Line, house: House) -> None:
    line.version = "mdv_2"
    line.send(80, shift=3.0)
    assert house.monitoring.advance(ENGINEER) == []
    monitor = house.monitoring.get(ENGINEER, "line-1")
    assert (monitor.state, monitor.skipped, monitor.images) == ("void", 80, 0)


def test_a_stream_correlated_in_time_is_given_no_guarantee(line: Line, tmp_path: Path) -> None:
    house, held = House(tmp_path, line), line.draw(300)
    slow = np.repeat(line.rng.normal(0, 3, (6, line.dims)), 50, axis=0)
    for name, drift in zip(held, slow, strict=True):
        line.samples[name] = (line.samples[name] + drift).astype(np.float32)
    monitor = house.monitoring.create(ENGINEER, "slow", deployment="line-1", reference=held, fit=line.draw(100))
    assert monitor.guarantee == "none"


def test_performance_is_estimated_without_labels_and_corrected_by_the_frozen_test(line: Line, house: House) -> None:
    line.send(100)
    house.monitoring.advance(ENGINEER)
    estimate = house.monitoring.get(ENGINEER, "line-1").estimate
    confidence = np.mean([one.score for one in line.log])
    assert estimate["value"] == pytest.approx(confidence - 0.02)
    assert estimate["lower"] < estimate["value"] < estimate["upper"]


def test_an_estimate_is_verified_by_a_random_audit_of_the_same_traffic(line: Line, house: House) -> None:
    line.send(200)
    house.monitoring.advance(ENGINEER)
    first = house.monitoring.estimate(ENGINEER, "line-1", audits=20)
    assert (first["audit"]["answered"], first["audit"]["verdict"]) == (0, "open")
    line.send(50)
    house.monitoring.advance(ENGINEER)
    for place, one in enumerate(line.log):
        if one.id in first["audit"]["open"]:
            line.log[place] = replace(one, outcome={"label": one.label if place % 3 else "another"})
    again = house.monitoring.estimate(ENGINEER, "line-1", audits=20, upto=first["upto"])
    assert (again["audit"]["answered"], again["audit"]["verdict"]) == (20, "confirmed")
    assert again["audit"]["lower"] < again["audit"]["value"] < again["audit"]["upper"]


def test_an_audit_that_finds_the_model_wrong_refutes_the_estimate(line: Line, house: House) -> None:
    line.send(200)
    house.monitoring.advance(ENGINEER)
    line.log = [replace(one, outcome={"label": "ok" if one.label == "defect" else "defect"}) for one in line.log]
    assert house.monitoring.estimate(ENGINEER, "line-1", audits=30)["audit"]["verdict"] == "refuted"


def test_an_estimate_is_not_to_be_relied_on_once_the_alarm_is_raised(line: Line, house: House) -> None:
    line.send(60)
    house.monitoring.advance(ENGINEER)
    assert house.monitoring.estimate(ENGINEER, "line-1")["relied_on"]
    line.send(60, shift=2.0)
    house.monitoring.advance(ENGINEER)
    estimate = house.monitoring.estimate(ENGINEER, "line-1")
    assert (estimate["relied_on"], estimate["lower"], estimate["upper"]) == (False, 0.0, 1.0)
    assert "half the way" in estimate["because"][0]


def test_the_wealth_of_each_monitor_can_be_drawn(line: Line, house: House) -> None:
    line.send(30)
    house.monitoring.advance(ENGINEER)
    history = house.monitoring.get(ENGINEER, "line-1").history
    assert history["sequence"] == list(range(1, 31))
    assert len(history["embedding"]) == len(history["score"]) == 30


def test_a_reference_that_shares_samples_with_the_fit_set_is_refused(line: Line, tmp_path: Path) -> None:
    names = line.draw(100)
    with pytest.raises(InvalidInput, match="1 samples are in the reference"):
        House(tmp_path, line).monitoring.create(
            ENGINEER, "m", deployment="line-1", reference=names[:80], fit=names[79:]
        )


def test_a_reference_that_is_too_small_says_how_much_is_needed(line: Line, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="59 held-out"):
        House(tmp_path, line).monitoring.create(ENGINEER, "m", deployment="line-1", reference=line.draw(118))


def test_the_same_name_twice_is_a_conflict_but_the_same_key_is_the_same_monitor(line: Line, house: House) -> None:
    keyed, held = ENGINEER.keyed("twice"), line.draw(150)
    first = house.monitoring.create(keyed, "second", deployment="line-1", reference=held)
    assert house.monitoring.create(keyed, "second", deployment="line-1", reference=held).id == first.id
    with pytest.raises(Conflict):
        house.monitoring.create(ENGINEER, "second", deployment="line-1", reference=held)


def test_another_workspace_sees_neither_monitors_nor_alerts(line: Line, house: House) -> None:
    line.send(60, shift=2.0)
    (alert,) = house.monitoring.advance(ENGINEER)
    assert not house.monitoring.list(STRANGER)
    assert not house.monitoring.alerts(STRANGER)
    assert house.monitoring.advance(STRANGER) == []
    for ask in (
        lambda: house.monitoring.get(STRANGER, "line-1"),
        lambda: house.monitoring.alert(STRANGER, alert.id),
        lambda: house.monitoring.acknowledge(STRANGER, alert.id),
    ):
        with pytest.raises(NotFound):
            ask()


def test_what_a_monitor_stands_on_is_listed_for_fsck(line: Line, house: House) -> None:
    line.send(60, shift=2.0)
    house.monitoring.advance(ENGINEER)
    kept = house.monitoring.references("default")
    assert len(kept) == 2
    assert house.monitoring.check("default") == []
    house.stores.workspace("default").blobs.delete(sorted(kept)[0])
    house.stores.workspace("default").blobs.delete(sorted(kept)[1])
    assert len(house.monitoring.check("default")) == 1


def test_a_shift_within_a_regime_is_found_and_the_mix_of_regimes_is_not_a_shift(line: Line, tmp_path: Path) -> None:
    house = House(tmp_path, line)
    held = [*line.draw(80, camera="1"), *line.draw(80, 3.0, camera="2")]
    fit = [*line.draw(100, camera="1"), *line.draw(100, 3.0, camera="2")]
    house.monitoring.create(ENGINEER, "m", deployment="line-1", reference=held, fit=fit, regime=["camera"])
    line.send(200, 3.0, camera="2")
    assert house.monitoring.advance(ENGINEER) == []
    line.send(60, 3.0, camera="1")
    (alert,) = house.monitoring.advance(ENGINEER)
    assert alert.evidence["claim"]["statement"].startswith("On a stream of images like those of its reference, each")


def test_a_regime_that_the_reference_does_not_hold_is_counted_and_raises_nothing(line: Line, tmp_path: Path) -> None:
    house = House(tmp_path, line)
    held, fit = line.draw(80, camera="1"), line.draw(80)
    house.monitoring.create(ENGINEER, "m", deployment="line-1", reference=held, fit=fit, regime=["camera"])
    line.send(30, camera="1")
    line.send(50, 9.0, camera="9")
    line.send(20, 9.0)
    assert house.monitoring.advance(ENGINEER) == []
    monitor = house.monitoring.get(ENGINEER, "m")
    assert (monitor.images, monitor.unseen) == (30, {"camera=9": 50, "camera=?": 20})


def test_a_reference_that_does_not_state_its_regime_is_refused(line: Line, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match='states no "camera"'):
        House(tmp_path, line).monitoring.create(
            ENGINEER, "m", deployment="line-1", reference=line.draw(80), fit=line.draw(80), regime=["camera"]
        )


def test_a_change_of_one_slice_alone_is_carried_by_that_slice(line: Line, tmp_path: Path) -> None:
    house = House(tmp_path, line)
    held = [name for camera in "123" for name in line.draw(60, camera=camera)]
    fit = [name for camera in "123" for name in line.draw(60, camera=camera)]
    house.monitoring.create(ENGINEER, "m", deployment="line-1", reference=held, fit=fit, slices=["camera"])
    for _ in range(80):
        line.send(1, 0.8, camera="2")
        line.send(4, camera="1")
        line.send(4, camera="3")
    (alert,) = house.monitoring.advance(ENGINEER)
    assert "embedding of camera=2" in alert.evidence["carried_by"]
    assert not {"embedding of camera=1", "embedding of camera=3"} & set(alert.evidence["carried_by"])
    receipt = house.events.receipt(ENGINEER, alert.receipt)
    assert replay_alarm(house.data(alert.receipt)) == receipt.outcome


def test_darker_pictures_are_carried_by_quality(line: Line, tmp_path: Path) -> None:
    house = House(tmp_path, line)
    kinds = ["embedding", "score", "quality"]
    house.monitoring.create(
        ENGINEER, "m", deployment="line-1", reference=line.draw(120), fit=line.draw(120), kinds=kinds
    )
    line.send(60)
    line.darker = 0.3
    line.send(60)
    (alert,) = house.monitoring.advance(ENGINEER)
    assert alert.evidence["carried_by"] == ["quality"]
    assert alert.evidence["moved"]["brightness"]["now"] < alert.evidence["moved"]["brightness"]["before"] - 0.2


def test_slower_answers_are_carried_by_latency(line: Line, tmp_path: Path) -> None:
    house = House(tmp_path, line)
    line.send(120)
    kinds = ["embedding", "latency"]
    house.monitoring.create(
        ENGINEER, "m", deployment="line-1", reference=line.draw(120), fit=line.draw(120), kinds=kinds
    )
    line.send(40)
    line.latency_ms = 60.0
    line.send(60)
    (alert,) = house.monitoring.advance(ENGINEER)
    assert alert.evidence["carried_by"] == ["latency"]


def test_latency_cannot_be_watched_before_the_deployment_has_answered(line: Line, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="too few for latency"):
        House(tmp_path, line).monitoring.create(
            ENGINEER, "m", deployment="line-1", reference=line.draw(80), fit=line.draw(80), kinds=["latency"]
        )


def test_a_sliced_monitor_goes_on_after_a_restart_as_if_nothing_had_been(line: Line, tmp_path: Path) -> None:
    (tmp_path / "straight").mkdir()
    houses = House(tmp_path, line), House(tmp_path / "straight", line)
    held, fit = line.draw(120, camera="1"), line.draw(120, camera="1")
    for house in houses:
        house.monitoring.create(ENGINEER, "m", deployment="line-1", reference=held, fit=fit, slices=["camera"])
    raised = []
    for shift in (0.0, 0.0, 1.0, 1.0, 1.0, 1.0):
        line.send(30, shift, camera="1")
        raised += House(tmp_path, line).monitoring.advance(ENGINEER)
    (once,) = houses[1].monitoring.advance(ENGINEER)
    assert [one.evidence["log_wealth"] for one in raised] == [once.evidence["log_wealth"]]


def test_a_look_at_every_image_does_not_make_a_row_for_every_image(line: Line, house: House) -> None:
    for _ in range(12):
        line.send(1)
        house.monitoring.advance(ENGINEER)
    with house.records.read() as connection:
        rows = connection.scalar(sa.select(sa.func.count()).select_from(monitor_history))
    assert rows == 1
    assert house.monitoring.check("default") == []
