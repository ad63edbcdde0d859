"""What the REST API promises whatever the room."""

import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sightloop.domain import Permission
from sightloop.errors import SightloopError
from sightloop.interfaces.api import build_api
from sightloop.interfaces.api.application import refuse_undeclared
from sightloop.interfaces.api.routing import Ask, Routes, routes_of
from sightloop.interfaces.sdk.transport import PortalTransport
from tests.specs.interfaces.house import House

SCHEMAS = "/api/v1/schemas"


def schema(name: str, *classes: str) -> dict[str, Any]:
    return {"name": name, "classes": list(classes or ("ok", "defect"))}


def test_health_is_public(house: House) -> None:
    assert house.client().get("/healthz").json()["status"] == "ok"


@pytest.mark.parametrize("token", ["", "sl_unknown"])
def test_without_a_valid_key_nothing_is_answered(house: House, token: str) -> None:
    response = house.client(token).get("/api/v1/samples")
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "unauthenticated"


def test_a_body_is_not_parsed_before_the_key_is_known(house: House) -> None:
    assert house.client().post(SCHEMAS, content=b"{not json").status_code == 401


def test_a_foreign_host_is_turned_away(house: House) -> None:
    assert house.owner().get("/healthz", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_pages_of_other_sites_change_nothing(house: House, headers: dict[str, str]) -> None:
    assert house.owner().post(SCHEMAS, json=schema("forged"), headers=headers).status_code == 403
    assert house.owner().get(f"{SCHEMAS}/forged").status_code == 404


def test_a_body_over_the_limit_is_refused_even_when_its_length_is_a_lie(house: House) -> None:
    def chunks() -> Any:
        for _ in range(5):
            yield b"x" * (1 << 18)

    uploads = "/api/v1/uploads?name=big"
    assert house.owner().post(uploads, content=b"x" * ((1 << 20) + 1)).status_code == 413
    response = house.owner().post(uploads, content=chunks())
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_an_unknown_route_is_a_problem_too(house: House) -> None:
    response = house.owner().get("/api/v1/nothing")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_wrong_body_is_answered_with_the_field_that_is_wrong(house: House) -> None:
    response = house.owner().post(SCHEMAS, json={"name": "x", "clases": []})
    assert response.status_code == 422
    assert "clases" in response.json()["detail"]


def test_the_same_key_and_body_give_the_same_answer_once(house: House) -> None:
    headers = {"Idempotency-Key": "same"}
    first, second = (house.owner().post(SCHEMAS, json=schema("twice"), headers=headers).json() for _ in range(2))
    assert first == second
    assert first["version"] == 1


def test_the_same_key_with_another_body_is_a_conflict(house: House) -> None:
    headers = {"Idempotency-Key": "other"}
    house.owner().post(SCHEMAS, json=schema("one"), headers=headers)
    response = house.owner().post(SCHEMAS, json=schema("two"), headers=headers)
    assert (response.status_code, response.json()["code"]) == (409, "conflict")


def test_an_unexpected_error_tells_an_opaque_incident_and_no_trace(house: House) -> None:
    broken = Routes("broken")

    @broken.get("/broken", permission=Permission.READ)
    def fall(ask: Ask) -> Any:
        raise RuntimeError("a secret at /etc/somewhere")

    app = build_api(house.installation)
    app.router.routes.extend(routes_of((broken,)))
    with httpx.Client(transport=PortalTransport(app), base_url="http://localhost") as client:
        client.headers = house.owner().headers
        response = client.get("/api/v1/broken")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert response.json()["facts"]["incident"].startswith("err_")
    assert "secret" not in response.text


def test_an_undeclared_route_stops_the_start() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/anything", lambda: "hello")
    with pytest.raises(SightloopError, match="/anything"):
        refuse_undeclared(app)


def test_pages_follow_one_another_without_gap_or_repeat(house: House) -> None:
    for _ in range(3):
        house.owner().post(SCHEMAS, json=schema(f"s{uuid.uuid4().hex[:8]}"))
    whole = [entry["sequence"] for entry in house.owner().get("/api/v1/audit").json()["items"]]
    paged, cursor = [], ""
    while True:
        page = house.owner().get("/api/v1/audit", params={"limit": 2, "cursor": cursor}).json()
        paged += [entry["sequence"] for entry in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert paged == whole


def test_events_arrive_while_the_stream_is_open(house: House) -> None:
    house.owner().post(SCHEMAS, json=schema("seen"))
    with house.owner().stream("GET", "/api/v1/events", params={"after": 0}) as response:
        first = next(line for line in response.iter_lines() if line.startswith("event: sightloop."))
        assert response.headers["content-type"].startswith("text/event-stream")
    assert first.startswith("event: sightloop.")


def test_the_owner_link_works_once(house: House) -> None:
    link = house.installation.identity.owner_link()
    browser = house.client()
    assert browser.get(f"/owner/{link}").status_code == 200
    assert browser.get("/api/v1/status").status_code == 200
    assert house.client().get(f"/owner/{link}").status_code in (401, 404)


def test_a_path_on_the_servers_disk_is_named_by_admins_only(house: House) -> None:
    secret = house.owner().post("/api/v1/keys", json={"role": "engineer"}).json()["secret"]
    response = house.client(secret).post("/api/v1/ingests", json={"source": {"kind": "folder", "path": "/etc"}})
    assert response.status_code == 403


def test_a_path_on_the_servers_disk_is_not_for_the_admin_of_one_tenant(house: House) -> None:
    secret = house.owner().post("/api/v1/workspaces", json={"name": "other"}).json()["secret"]
    response = house.client(secret).post("/api/v1/ingests", json={"source": {"kind": "folder", "path": "/etc"}})
    assert response.status_code == 403


def test_a_foreign_cursor_of_the_audit_is_an_input_error(house: House) -> None:
    assert house.owner().get("/api/v1/audit", params={"cursor": "aud_1"}).json()["code"] == "invalid_input"
