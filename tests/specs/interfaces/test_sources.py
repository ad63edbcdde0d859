"""Sources through the doors: REST with the keys of roles, the SDK, and who may name what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from sightloop.errors import Refused
from tests.specs.interfaces.house import House, picture, write_pictures

ROOM = {"sources": {"push_waiting_limit": 3}}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = House(tmp_path_factory.mktemp("sources"), ROOM)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pusher(house: House) -> httpx.Client:
    ws = house.workspace()
    ws.sources.add("press", kind="push", defaults={"licence": "internal"})
    return house.client(ws.keys.create("pusher", name="press").secret)


def pictures(count: int, seed: int) -> list[bytes]:
    noise = np.random.default_rng(seed)
    return [picture(noise) for _ in range(count)]


def test_a_pusher_pushes_and_does_nothing_else(house: House, pusher: httpx.Client) -> None:
    answer = pusher.post("/api/v1/sources/press/media?medium=a.png", content=pictures(1, 1)[0])
    assert answer.status_code == 200
    assert [one["name"] for one in answer.json()["items"]] == ["a.png"]
    for method, path in (("GET", "samples"), ("GET", "sources"), ("POST", "sources/press/sync"), ("POST", "uploads")):
        assert pusher.request(method, f"/api/v1/{path}?name=x").status_code == 403, path


def test_a_form_brings_several_and_too_many_are_asked_to_come_back(house: House, pusher: httpx.Client) -> None:
    ws = house.workspace()
    ws.runs.wait(ws.sources.sync("press"))
    first, second, third, more = pictures(4, 2)
    form = [("m", ("b.png", first)), ("m", ("c.png", second)), ("m", ("d.png", third))]
    given = {"given": '{"subject": "part 7"}'}
    assert pusher.post("/api/v1/sources/press/media", params=given, files=form).status_code == 200
    full = pusher.post("/api/v1/sources/press/media?medium=e.png", content=more)
    assert (full.status_code, full.headers["retry-after"]) == (503, "2")
    ws.runs.wait(ws.sources.sync("press"))
    assert pusher.post("/api/v1/sources/press/media?medium=e.png", content=more).status_code == 200
    found = {one.name: (one.subject, one.licence) for one in ws.samples.list(where={"source": "press"})}
    assert found["b.png"] == ("part 7", "internal")


@pytest.mark.parametrize("given", ["[]", "{", '{"licence": 4}', '{"captured_at": "soon"}', '{"a": [1]}'])
def test_what_is_given_wrongly_is_refused(pusher: httpx.Client, given: str) -> None:
    answer = pusher.post("/api/v1/sources/press/media", params={"given": given}, content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_a_folder_is_the_owners_to_name(house: House, tmp_path: Path) -> None:
    tenant = house.client(house.workspace().workspaces.create("elsewhere").secret)
    body = {"name": "line", "kind": "folder", "settings": {"path": str(tmp_path)}}
    assert tenant.post("/api/v1/sources", json=body).status_code == 403


def test_credentials_are_an_admins_and_show_no_secret(house: House) -> None:
    ws = house.workspace()
    made = ws.credentials.create("plant", "s3", {"access_key_id": "AKID", "secret_access_key": "s3cr3t"})
    engineer = house.client(ws.keys.create("engineer", name="e").secret)
    listed = engineer.get("/api/v1/credentials")
    assert listed.json()["items"][0]["name"] == "plant"
    assert "AKID" not in listed.text + str(made.as_dict())
    body = {"name": "x", "kind": "s3", "secrets": {"access_key_id": "a", "secret_access_key": "b"}}
    assert engineer.post("/api/v1/credentials", json=body).status_code == 403
    assert house.client(ws.keys.create("viewer", name="v").secret).get("/api/v1/credentials").status_code == 403
    assert ws.credentials.delete("plant").name == "plant"


def test_a_folder_source_from_the_sdk(house: House, tmp_path: Path) -> None:
    ws = house.workspace()
    write_pictures(tmp_path / "images", 2, seed=9)
    ws.sources.add("images", tmp_path / "images", copy=False)
    assert ws.runs.wait(ws.sources.sync("images")).output["ingested"] == 2
    assert ws.runs.wait(ws.sources.sync("images")).output["unchanged"] == 2
    sample = next(iter(ws.samples.list(where={"source": "images"})))
    link = house.owner().get(f"/api/v1/samples/{sample.id}/link").json()
    assert link == {"url": f"/api/v1/samples/{sample.id}/media", "expires_at": ""}
    assert ws.sources.remove("images").name == "images"


def test_a_bucket_in_a_private_network_is_refused_by_name(house: House) -> None:
    with pytest.raises(Refused, match="private network"):
        house.workspace().credentials.create(
            "inside", "s3", {"access_key_id": "a", "secret_access_key": "b"}, endpoint="http://169.254.169.254"
        )


def test_what_is_expected_is_set_tried_and_judged_through_the_sdk(house: House, tmp_path: Path) -> None:
    ws = house.workspace()
    write_pictures(tmp_path, 2)
    rules = tmp_path / "rules.yaml"
    rules.write_text("source: dark\nexpect:\n  - {field: brightness, at_most: 0.01, else: quarantine}\n")
    held = ws.expectations.set(rules)
    ws.sources.add("dark", tmp_path)
    run = ws.runs.wait(ws.sources.sync("dark"))
    assert [run.output.ingested, run.output.quarantined] == [0, 2]
    assert {one.reason for one in ws.quarantine.list() if one.run == run.id} == {"expectation"}
    ws.expectations.set("source: dark\nexpect: []\n")
    assert ws.runs.wait(ws.quarantine.replay()).output.ingested == 2
    report = ws.expectations.check(ws.expectations.get(held.id).text)[0]
    assert (report.rule, report.checked, report.broken) == ("brightness at_most 0.01", 2, 2)
    assert len(list(ws.samples.list(where=report.where.as_dict()))) == 2


def test_the_schema_of_a_source_is_shown_and_accepted_through_the_sdk(house: House) -> None:
    ws = house.workspace()
    newest = ws.sources.schema("press")[0]
    assert newest.fields.licence.top.as_dict() == {"internal": newest.samples}
    assert ws.sources.accept_schema("press")[0].accepted_at


def test_a_transform_is_declared_and_backfilled_through_the_sdk(house: House, tmp_path: Path) -> None:
    ws = house.workspace()
    declared = tmp_path / "small.yaml"
    declared.write_text("name: small\nsteps:\n  - {do: resize, width: 20, height: 10}\n")
    assert ws.transforms.set(declared).number == 1
    run = ws.runs.wait(ws.transforms.backfill("small", where={"source": "press"}))
    made = list(ws.samples.list(where={"transform": "small@1"}))
    assert run.output.ingested == len(made) == len(list(ws.samples.list(where={"source": "press"})))
    assert {(one.width, one.height) for one in made} == {(20, 10)}
    assert ws.transforms.get("small").steps[0].do == "resize"
