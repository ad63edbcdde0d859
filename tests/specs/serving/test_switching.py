from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sightloop.serving.segments import read_frames
from tests.specs.serving.conftest import deploy, running, wait_until
from tests.specs.serving.small_model import png, small_bundle


def test_a_switch_under_load_drops_nothing_and_every_answer_names_its_version(tmp_path: Path) -> None:
    deploy(tmp_path, "mdv_1")
    stop = threading.Event()
    answers: list[tuple[int, str]] = []
    with running(tmp_path) as server:

        def load() -> None:
            while not stop.is_set():
                answer = server.predict(png(80))
                answers.append((answer.status_code, answer.json().get("model_version", "")))

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        deploy(tmp_path, "mdv_2", small_bundle(sharpness=5.0))
        server.wait_for("mdv_2")
        seen = len(answers)
        wait_until(lambda: len(answers) > seen + 10)
        stop.set()
        for thread in threads:
            thread.join()
    assert {status for status, _ in answers} == {200}
    versions = [version for _, version in answers]
    assert set(versions[-5:]) == {"mdv_2"}
    assert set(versions) <= {"mdv_1", "mdv_2"}


def test_a_bundle_that_cannot_be_loaded_leaves_the_old_version_serving_and_is_reported(tmp_path: Path) -> None:
    deploy(tmp_path, "mdv_1")
    with running(tmp_path) as server:
        deploy(tmp_path, "mdv_2", digest="0" * 64)
        wait_until(lambda: server.get("/v2/models/line").json()["error"] is not None)
        model = server.get("/v2/models/line").json()
        assert (model["model_version"], model["wanted_version"]) == ("mdv_1", "mdv_2")
        assert model["error"]["code"] == "corrupt"
        assert server.predict(png(80)).json()["model_version"] == "mdv_1"


def test_more_requests_than_the_queue_takes_are_told_when_to_come_back_and_then_served(tmp_path: Path) -> None:
    deploy(tmp_path, "mdv_1")
    image = png(80, side=2000)
    with running(tmp_path, queue_limit=1) as server:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(server.predict(image))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [answer for answer in answers if answer.status_code != 200]
        assert {answer.status_code for answer in refused} == {503}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert len(refused) < len(answers)
        assert server.predict(image).status_code == 200


@pytest.mark.crash
def test_a_process_killed_after_the_log_and_before_the_answer_has_logged_the_retry_under_the_same_id(
    tmp_path: Path,
) -> None:
    deploy(tmp_path, "mdv_1")
    with running(tmp_path, faults="prediction.logged=kill") as server, pytest.raises(Exception, match="disconnected"):
        server.predict(png(80), idempotency_key="part-1")
    with running(tmp_path) as server:
        answer = server.predict(png(80), idempotency_key="part-1").json()
        files = sorted(server.place.segments.glob("*/*.log"))
        records = [record["id"] for path in files for record, _ in read_frames(path)]
    assert records == [answer["prediction_id"]] * 2


def test_a_second_process_on_the_folder_is_refused(tmp_path: Path) -> None:
    deploy(tmp_path, "mdv_1")
    with running(tmp_path), pytest.raises(AssertionError, match="ended"), running(tmp_path):
        pass
