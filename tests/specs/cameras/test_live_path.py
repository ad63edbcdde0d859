"""From a camera to an event, with real parts: RTSP, the capture child, the serving process, the log, a rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sightloop.cameras.tables import cameras
from sightloop.domain import Caller, Role
from sightloop.errors import InvalidInput, NotFound
from tests.specs.cameras.streams import OPEN, rtsp_server, wait_until, write_clip
from tests.specs.interfaces.house import House
from tests.specs.serving.small_model import small_bundle

ME = Caller("default", "tester", Role.ENGINEER)


def deploy(house: House) -> None:
    """The deployment "line", which tells dark pictures from bright ones."""
    registry = house.installation.registry
    version = registry.register(
        ME,
        "cells",
        bundle=small_bundle().to_archive(),
        dataset_version="dsv_1",
        schema="sch_1",
        recipe={},
        metrics={"parity": {"passed": True}},
        evaluation={
            "test_version": "dsv_test", "samples": ["smp_1", "smp_2"], "label": ["dark", "bright"],
            "predicted": ["dark", "bright"], "probabilities": [[0.9, 0.1], [0.1, 0.9]],
        },
        run="run_1",
    )  # fmt: skip
    registry.promote(ME, "cells", version.id, reason="for the test")
    house.installation.deployments.deploy(ME, "line", model="cells")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("cameras"), OPEN)
    deploy(house)
    house.installation.cameras.launch()
    yield house
    house.installation.cameras.close()
    house.close()


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "bright.mp4", level=240)


def test_a_camera_is_predicted_and_a_rule_on_its_predictions_makes_an_event(house: House) -> None:
    ws = house.workspace()
    with rtsp_server("ann", "s3cret") as url:
        ws.rules.create("dark-3", deployment="line", label="dark", consecutive=3)
        ws.cameras.add("cam-1", url, deployment="line", every_s=0.1, keep="all", user="ann", password="s3cret")
        wait_until(lambda: ws.cameras.get("cam-1").counts.sent >= 6)
        running = ws.cameras.get("cam-1")
        assert ws.cameras.frame("cam-1")[:2] == b"\xff\xd8"
        stopped = ws.cameras.stop("cam-1")
    assert (running.state, running.stream.codec, running.label) == ("running", "h264", "dark")
    counts = stopped.counts
    assert counts.sampled == counts.sent + counts.dropped + counts.failed + counts.ended
    house.installation.tick(ME)
    predictions = [one for one in ws.predictions.list(deployment="line") if one.facets.get("camera") == "cam-1"]
    assert len(predictions) == counts.sent
    fired = [event.type for event in ws.events(wait=False)]
    assert {"sightloop.camera.connected", "sightloop.rule.fired"} <= set(fired), fired
    wait_until(lambda: ws.samples.count(where={"source": "cam-1"}) == counts.kept)
    sample = next(iter(ws.samples.list(where={"source": "cam-1"})))
    assert sample.captured_at is not None


def test_only_the_owner_of_the_installation_names_files_and_devices_of_the_server(house: House) -> None:
    key = house.workspace().keys.create("engineer", name="engineer")
    client = house.client(key.secret)
    for url in ("file:/etc/passwd", "device:0"):
        answer = client.post("/api/v1/cameras", json={"name": "x", "url": url, "keep": "all"})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("url", "told", "error"),
    [
        ("http://127.0.0.1/a.m3u8", {"keep": "all"}, InvalidInput),
        ("file:/no/such/clip.mp4", {"keep": "all"}, NotFound),
        ("device:0", {}, InvalidInput),
        ("device:0", {"keep": "all", "every_s": 0.0}, InvalidInput),
        ("device:0", {"keep": "all", "queue": 100_000}, InvalidInput),
        ("device:0", {"deployment": "no-such"}, NotFound),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_added(
    house: House, url: str, told: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        house.workspace().cameras.add("cam-x", url, **told)


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "ffconcat version 1.0\nfile a.mp4\n"])
def test_a_playlist_in_place_of_a_clip_leads_nowhere(house: House, tmp_path: Path, text: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text(text)
    ws = house.workspace()
    ws.cameras.add("playlist", f"file:{path}", keep="all")
    wait_until(lambda: ws.cameras.get("playlist").state == "reconnecting")
    detail = ws.cameras.get("playlist").detail
    ws.cameras.remove("playlist")
    assert "no video" in detail


def test_a_deployment_that_stands_still_holds_frames_back_until_it_answers(house: House, bright: Path) -> None:
    ws = house.workspace()
    ws.cameras.add("held", f"file:{bright}", deployment="line", every_s=0.1, queue=2, drop="newest")
    wait_until(lambda: ws.cameras.get("held").counts.sent >= 1)
    ws.deployments.stop("line")
    wait_until(lambda: ws.cameras.get("held").counts.dropped >= 1)
    assert "stopped" in ws.cameras.get("held").detail
    before = ws.cameras.get("held").counts
    ws.deployments.deploy("line", model="cells")
    wait_until(lambda: ws.cameras.get("held").counts.sent > before.sent)
    gone = ws.cameras.remove("held")
    assert gone.counts.failed == 0


def test_cameras_of_another_workspace_are_not_there(house: House) -> None:
    house.workspace().cameras.add("mine", "rtsp://127.0.0.1:9/x", keep="all", start=False)
    stranger = house.client(house.workspace().workspaces.create("elsewhere").secret)
    assert stranger.get("/api/v1/cameras").json()["items"] == []
    assert stranger.get("/api/v1/cameras/mine").status_code == 404
    with house.installation.records.read() as connection:
        assert connection.execute(sa.select(cameras.c.id)).all()
