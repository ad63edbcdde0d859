from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from sightloop.domain import Caller, Role, now
from sightloop.errors import InvalidMedia, NotFound, Refused
from sightloop.serving import window_of
from tests.specs.serving.conftest import KEY, wait_until
from tests.specs.serving.house import ME, HeldSamples, House, opened
from tests.specs.serving.small_model import png, small_bundle


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("installation"), HeldSamples([10, 240])) as house:
        house.runs.launch()
        house.deployments.start()
        yield house


def test_a_deployed_model_answers_and_its_predictions_are_found(house: House) -> None:
    version = house.promoted()
    deployment = house.deployments.deploy(ME, "line", model="cells")
    assert (deployment.model_version, deployment.state) == (version.id, "serving")
    answer = house.deployments.predict(ME, "line", png(240))
    assert answer["label"] == "bright"
    found = house.log.get(ME, answer["prediction_id"])
    assert (found.sample, found.model_version) == (house.samples.ids[1], version.id)
    assert house.log.media(ME, found.media_digest) == png(240)


def test_a_switch_is_marked_where_it_happened_and_for_its_own_workspace_only(house: House) -> None:
    version = house.promoted()
    before = now()
    house.deployments.deploy(ME, "marked", model="cells")
    window = window_of(before, now() + timedelta(seconds=1), 1, now())
    [marker] = house.deployments.switches(ME, "marked", window)
    assert (marker.model_version, marker.kind, before <= marker.at) == (version.id, "serving", True)
    assert house.deployments.switches(ME, "marked", window_of(None, before, 1, before)) == []
    with pytest.raises(NotFound):
        house.deployments.switches(replace(ME, workspace="ws_b"), "marked", window)


def test_an_api_key_opens_the_endpoint_until_it_is_taken_back(house: House) -> None:
    house.promoted()
    endpoint = house.deployments.deploy(ME, "line", model="cells").endpoint

    def status() -> int:
        return httpx.get(endpoint, headers={"authorization": f"Bearer {KEY}"}).status_code

    assert status() == 200
    house.keys.clear()
    with house.events.change(ME, "key.revoke", "key_1") as change:
        change.emit("sightloop.key.revoked", {})
    wait_until(lambda: status() == 401)


def test_after_an_alias_moved_the_deployment_follows_and_back_again_under_load(house: House) -> None:
    first = house.promoted()
    house.deployments.deploy(ME, "line", model="cells")
    stop, failures, answered = threading.Event(), list[Exception](), list[str]()

    def load() -> None:
        while not stop.is_set():
            try:
                answered.append(house.deployments.predict(ME, "line", png(100))["model_version"])
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    second = house.promoted(small_bundle(sharpness=5.0))
    assert house.deployments.sync(ME, "line").model_version == second.id
    assert house.deployments.rollback(ME, "line").model_version == first.id
    stop.set()
    thread.join()
    assert failures == []
    assert set(answered) <= {first.id, second.id}


def test_a_serving_process_that_died_is_started_again_and_nothing_is_lost(house: House) -> None:
    house.promoted()
    house.deployments.deploy(ME, "line", model="cells")
    before = house.deployments.predict(ME, "line", png(240), request_id="one")
    os.kill(house.deployments.pid, signal.SIGKILL)
    after = house.deployments.predict(ME, "line", png(240), request_id="one")
    assert after["prediction_id"] == before["prediction_id"]
    house.log.import_segments(flush=True)
    assert sum(one.id == before["prediction_id"] for one in house.log.read(ME, "line", 0, 1000)) == 1


def gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has waited for yet has ended too."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.crash
def test_a_process_left_by_a_dead_control_is_replaced_and_the_deployments_go_on(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from tests.specs.serving.house import ME, House\n"
        "house = House(Path(sys.argv[1])); house.promoted(); house.deployments.deploy(ME, 'line', model='cells')\n"
        "print(house.deployments.pid, flush=True); os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(("src", "."))}
    with open(tmp_path / "output", "w+") as output:
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, stdout=output, check=False)
        left = int((tmp_path / "output").read_text())
    os.kill(left, 0)
    with opened(tmp_path) as house:
        house.deployments.start()
        assert house.deployments.pid != left
        assert gone(left)
        assert house.deployments.predict(ME, "line", png(3))["label"] == "dark"


def test_a_stopped_deployment_refuses_and_its_log_stays(house: House) -> None:
    house.promoted()
    house.deployments.deploy(ME, "line", model="cells")
    name = house.deployments.predict(ME, "line", png(1))["prediction_id"]
    assert house.deployments.stop(ME, "line").state == "stopped"
    with pytest.raises(Refused):
        house.deployments.predict(ME, "line", png(1))
    assert house.log.get(ME, name).deployment == "line"


def test_errors_of_the_serving_process_come_back_as_they_were_raised(house: House) -> None:
    house.promoted()
    house.deployments.deploy(ME, "line", model="cells")
    with pytest.raises(InvalidMedia) as refused:
        house.deployments.predict(ME, "line", b"no image")
    assert refused.value.facts["reason"] == "not_an_image"


def test_another_workspace_may_have_a_deployment_of_the_same_name(house: House) -> None:
    stranger = Caller(workspace="ws_b", actor="usr_2", role=Role.ADMIN)
    mine = house.promoted()
    theirs = house.promoted(caller=stranger)
    house.deployments.deploy(ME, "line", model="cells")
    with pytest.raises(NotFound):
        house.deployments.get(stranger, "line")
    house.deployments.deploy(stranger, "line", model="cells")
    assert house.deployments.predict(ME, "line", png(1))["model_version"] == mine.id
    assert house.deployments.predict(stranger, "line", png(1))["model_version"] == theirs.id


def test_a_version_predicts_samples_in_process_as_the_bundle_does(house: House) -> None:
    version = house.promoted()
    probabilities, embedding = house.deployments.predict_samples(ME, version.id, house.samples.ids)
    assert probabilities.argmax(axis=1).tolist() == [0, 1]
    assert embedding.shape == (2, 3)
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_batch_prediction_is_a_run_that_logs_each_sample_once(house: House) -> None:
    version = house.promoted()
    for _ in range(2):
        run = house.deployments.batch(replace(ME, idempotency_key=None), version.id, house.samples.ids)
        assert house.runs.wait(ME, run.id).output["predicted"] == 2
    found = house.log.list(ME, model_version=version.id)
    assert [one.sample for one in found] == house.samples.ids
    assert {link.artifact for link in house.runs.links(ME, run=run.id)} >= {version.id, *house.samples.ids}
