"""The client of Triton, as it comes from its package, against the serving process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.specs.serving.conftest import KEY, Server
from tests.specs.serving.small_model import png


def mine() -> dict[str, str]:
    """Fresh each time: the client writes its own headers into it."""
    return {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server.client.base_url.netloc.decode()) as client:
        yield client


def pixels(*levels: int, binary: bool = True, dtype: str = "UINT8") -> triton.InferInput:
    values = np.stack([np.full((4, 4, 3), level) for level in levels])
    return filled("images", dtype, values.astype({"UINT8": "u1", "FP32": "f4", "INT64": "i8"}[dtype]), binary)


def filled(name: str, dtype: str, values: Any, binary: bool = True) -> triton.InferInput:
    given = triton.InferInput(name, list(values.shape), dtype)
    return given.set_data_from_numpy(values, binary_data=binary)


@pytest.mark.parametrize("sent_binary", [True, False])
@pytest.mark.parametrize("asked_binary", [True, False])
def test_pixels_are_predicted_whether_sent_and_asked_for_as_json_or_as_bytes(
    client: triton.InferenceServerClient, sent_binary: bool, asked_binary: bool
) -> None:
    wanted = [triton.InferRequestedOutput(name, asked_binary) for name in ("label", "probabilities", "prediction_id")]
    answer = client.infer("line", [pixels(0, 255, binary=sent_binary)], outputs=wanted, headers=mine())
    label = [b"dark", b"bright"] if asked_binary else ["dark", "bright"]
    assert answer.as_numpy("label").tolist() == label
    assert answer.as_numpy("probabilities").dtype == np.float32
    assert answer.as_numpy("probabilities").argmax(axis=1).tolist() == [0, 1]
    assert len(set(answer.as_numpy("prediction_id"))) == 2


def test_without_outputs_named_all_come_as_bytes(client: triton.InferenceServerClient) -> None:
    answer = client.infer("line", [pixels(255)], headers=mine())
    sizes = {output["name"]: output["parameters"]["binary_data_size"] for output in answer.get_response()["outputs"]}
    assert sizes.keys() == {"probabilities", "label", "prediction_id"}
    assert (answer.as_numpy("probabilities").shape, sizes["probabilities"]) == ((1, 2), 8)


def test_each_output_comes_as_it_was_asked_for(client: triton.InferenceServerClient) -> None:
    wanted = [triton.InferRequestedOutput("label", False), triton.InferRequestedOutput("probabilities", True)]
    label, probabilities = client.infer("line", [pixels(255)], outputs=wanted, headers=mine()).get_response()["outputs"]
    assert label["data"] == ["bright"]
    assert "data" not in probabilities


def test_encoded_images_go_as_bytes(client: triton.InferenceServerClient) -> None:
    media = np.array([png(250, mark=11), png(3, mark=11)], dtype=np.object_)
    assert client.infer("line", [filled("image", "BYTES", media)], headers=mine()).as_numpy("label").tolist() == [
        b"bright",
        b"dark",
    ]


def test_the_request_id_comes_back_and_the_version_can_be_named(client: triton.InferenceServerClient) -> None:
    answer = client.infer("line", [pixels(0)], model_version="mdv_1", request_id="part-77", headers=mine())
    assert (answer.get_response()["id"], answer.get_response()["model_version"]) == ("part-77", "mdv_1")


def test_health_readiness_and_metadata_are_as_the_client_asks_for_them(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("line", headers=mine())
    assert not client.is_model_ready("nothing", headers=mine())
    assert "binary_tensor_data" in client.get_server_metadata(headers=mine())["extensions"]
    model = client.get_model_metadata("line", headers=mine())
    assert [given["name"] for given in model["inputs"]] == ["images", "image"]


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_compressed_request_is_unpacked(client: triton.InferenceServerClient, packing: str) -> None:
    answer = client.infer(
        "line",
        [pixels(255)],
        headers=mine(),
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    assert answer.as_numpy("label").tolist() == [b"bright"]


def test_asynchronous_requests_are_all_answered(server: Server) -> None:
    with triton.InferenceServerClient(server.client.base_url.netloc.decode(), concurrency=4) as client:
        asked = [client.async_infer("line", [pixels(level)], headers=mine()) for level in (0, 255) * 6]
        labels = [one.get_result().as_numpy("label")[0] for one in asked]
    assert labels == [b"dark", b"bright"] * 6


@pytest.mark.parametrize("dtype", ["FP32", "INT64"])
def test_a_type_that_the_model_does_not_take_is_refused_with_what_it_takes(
    client: triton.InferenceServerClient, dtype: str
) -> None:
    with pytest.raises(InferenceServerException, match=f"type {dtype} is not taken") as refused:
        client.infer("line", [pixels(0, dtype=dtype)], headers=mine())
    assert refused.value.status() == "422"


def test_an_unknown_model_and_a_missing_key_say_so(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match='no deployment "nothing"'):
        client.infer("nothing", [pixels(0)], headers=mine())
    with pytest.raises(InferenceServerException, match="API key") as refused:
        client.infer("line", [pixels(0)])
    assert refused.value.status() == "401"


def test_what_is_not_served_is_refused_and_not_left_out(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="classification"):
        client.infer("line", [pixels(0)], outputs=[triton.InferRequestedOutput("label", class_count=2)], headers=mine())
