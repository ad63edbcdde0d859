from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import pytest

from sightloop.serving.segments import read_frames
from tests.specs.serving.conftest import STRANGER_KEY, VIEWER_KEY, Server
from tests.specs.serving.small_model import png


def logged(server: Server) -> list[dict[str, Any]]:
    return [record for path in sorted(server.place.segments.glob("*/*.log")) for record, _ in read_frames(path)]


def test_an_image_gets_its_label_score_and_version(server: Server) -> None:
    answer = server.predict(png(250)).json()
    assert (answer["label"], answer["model_version"], answer["deployment"]) == ("bright", "mdv_1", "line")
    assert answer["score"] == max(answer["probabilities"].values()) > 0.99


def test_what_is_answered_is_in_the_log_with_digest_embedding_and_quality(server: Server) -> None:
    image = png(30, mark=1)
    answer = server.predict(image, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").json()
    record = next(record for record in logged(server) if record["id"] == answer["prediction_id"])
    assert record["media_digest"] == sha256(image).hexdigest()
    assert len(base64.b64decode(record["embedding"])) == 2 * 3
    assert record["brightness"] == pytest.approx(30 / 255, abs=0.01)
    assert record["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_the_image_is_spooled_by_its_digest(server: Server) -> None:
    image = png(40, mark=2)
    server.predict(image)
    assert (server.place.media / "ws_a" / sha256(image).hexdigest()).read_bytes() == image


def test_a_probe_says_so_in_the_log(server: Server) -> None:
    answer = server.predict(png(35, mark=3), **{"x-sightloop-purpose": "probe"}).json()
    record = next(record for record in logged(server) if record["id"] == answer["prediction_id"])
    assert record["purpose"] == "probe"


def test_the_facets_of_an_image_are_logged(server: Server) -> None:
    answer = server.predict(png(34, mark=3), **{"x-sightloop-facets": "camera=3, product=a.1"}).json()
    record = next(record for record in logged(server) if record["id"] == answer["prediction_id"])
    assert record["facets"] == {"camera": "3", "product": "a.1"}


@pytest.mark.parametrize(
    "facets", ["camera", "camera=<b>", ", ".join(f"f{n}=1" for n in range(9)), "1=a", "a=" + "x" * 99]
)
def test_facets_that_cannot_be_read_are_refused(server: Server, facets: str) -> None:
    assert server.predict(png(33), **{"x-sightloop-facets": facets}).status_code == 422


def test_an_unknown_purpose_is_refused(server: Server) -> None:
    assert server.predict(png(36), **{"x-sightloop-purpose": "fun"}).status_code == 422


def test_a_retry_with_the_same_key_is_the_same_prediction(server: Server) -> None:
    answers = [server.predict(png(50, mark=3), idempotency_key="part-7").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert sum(record["id"] == answers[0]["prediction_id"] for record in logged(server)) == 1


def test_a_key_that_comes_back_with_another_image_is_a_conflict(server: Server) -> None:
    server.predict(png(50, mark=4), idempotency_key="part-8")
    assert server.predict(png(50, mark=5), idempotency_key="part-8").status_code == 409


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty"), (b"hello", "not_an_image"), (png(9)[:60], "truncated")])
def test_a_broken_image_is_refused_with_its_reason_and_the_next_one_answered(
    server: Server, data: bytes, reason: str
) -> None:
    refused = server.predict(data)
    assert (refused.status_code, refused.json()["facts"]["reason"]) == (422, reason)
    assert refused.headers["content-type"] == "application/problem+json"
    assert server.predict(png(60)).status_code == 200


def test_a_body_over_the_limit_is_too_large(server: Server) -> None:
    assert server.predict(b"x" * ((32 << 20) + 1)).status_code == 413


def test_a_wrong_key_is_unauthenticated(server: Server) -> None:
    answer = server.predict(png(1), secret="sl_wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_viewer_may_not_predict(server: Server) -> None:
    assert server.predict(png(1), secret=VIEWER_KEY).status_code == 403


def test_another_workspaces_deployment_does_not_exist(server: Server) -> None:
    assert server.predict(png(1), secret=STRANGER_KEY).status_code == 404


def test_a_foreign_host_name_is_refused(server: Server) -> None:
    assert server.predict(png(1), host="evil.example").status_code == 403


def test_an_unknown_path_is_a_problem_document(server: Server) -> None:
    assert server.get("/v2/nothing").json()["code"] == "not_found"
