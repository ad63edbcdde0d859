from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.specs.serving.conftest import CAMERA_KEY, KEY, OTHER_CAMERA_KEY, STRANGER_KEY, Server
from tests.specs.serving.small_model import png


def infer(server: Server, body: Any, path: str = "/v2/models/line/infer") -> httpx.Response:
    return server.client.post(path, json=body, headers={"authorization": f"Bearer {KEY}"})


def pixels(*levels: int, side: int = 4) -> dict[str, Any]:
    data = [level for level in levels for _ in range(side * side * 3)]
    return {"name": "images", "datatype": "UINT8", "shape": [len(levels), side, side, 3], "data": data}


def outputs(answer: httpx.Response) -> dict[str, Any]:
    return {output["name"]: output for output in answer.json()["outputs"]}


def test_health_needs_no_key_and_metadata_does(server: Server) -> None:
    assert server.client.get("/v2/health/ready").json() == {"ready": True}
    assert server.client.get("/v2").status_code == 401
    assert server.get("/v2").json()["name"] == "sightloop"


def test_the_model_tells_its_inputs_classes_and_version(server: Server) -> None:
    model = server.get("/v2/models/line").json()
    assert (model["versions"], model["classes"], model["state"]) == (["mdv_1"], ["dark", "bright"], "serving")
    assert server.get("/v2/models/line/ready").json() == {"name": "line", "ready": True}


def test_tensors_are_predicted_row_by_row(server: Server) -> None:
    answer = infer(server, {"id": "r1", "inputs": [pixels(0, 255)]})
    assert (answer.json()["id"], answer.json()["model_version"]) == ("r1", "mdv_1")
    assert outputs(answer)["label"]["data"] == ["dark", "bright"]
    assert outputs(answer)["probabilities"]["shape"] == [2, 2]


def test_encoded_images_are_predicted_too(server: Server) -> None:
    data = [base64.b64encode(png(level, mark=9)).decode() for level in (250, 3)]
    body = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [2], "data": data}]}
    assert outputs(infer(server, body))["label"]["data"] == ["bright", "dark"]


def test_only_the_outputs_asked_for_come_back(server: Server) -> None:
    assert list(outputs(infer(server, {"inputs": [pixels(0)], "outputs": [{"name": "label"}]}))) == ["label"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"inputs": []},
        {"inputs": [{**pixels(0), "shape": [1, 4, 4, 1]}]},
        {"inputs": [{**pixels(0), "data": [256] * 48}]},
        {"inputs": [{**pixels(0), "datatype": "FP32"}]},
        {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["no base64!"]}]},
    ],
)
def test_what_is_no_request_is_refused_with_a_hint(server: Server, wrong: Any) -> None:
    answer = infer(server, wrong)
    assert answer.status_code == 422
    assert answer.json()["hint"]
    assert answer.json()["error"]


def test_a_version_that_does_not_serve_is_not_found(server: Server) -> None:
    body = {"inputs": [pixels(0)]}
    assert infer(server, body, "/v2/models/line/versions/mdv_1/infer").status_code == 200
    assert infer(server, body, "/v2/models/line/versions/mdv_0/infer").status_code == 404


def test_metrics_count_requests_by_opaque_id(server: Server) -> None:
    server.predict(png(70))
    text = server.get("/metrics").text
    assert 'sightloop_requests_total{deployment="dep_1",status="200"}' in text


def test_metrics_tell_nothing_of_other_workspaces(server: Server) -> None:
    server.predict(png(70))
    assert "dep_1" not in server.get("/metrics", secret=STRANGER_KEY).text
    assert server.get("/metrics", secret=CAMERA_KEY).status_code == 403


def test_a_camera_asks_its_own_deployment_and_no_other(server: Server) -> None:
    assert server.predict(png(70), secret=CAMERA_KEY).status_code == 200
    other = server.predict(png(70), secret=OTHER_CAMERA_KEY)
    assert (other.status_code, "Known" in other.json()["detail"]) == (404, False)


def test_every_answer_forbids_a_browser_to_sniff_and_frame_it(server: Server) -> None:
    for path in ("/healthz", "/v2", "/v2/models/line", "/nowhere"):
        headers = server.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
