"""Whatever a text says, it is text: it comes back as it was, or is refused, and nobody downstream acts on it."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from sightloop.errors import InvalidInput
from sightloop.interfaces.cli.commanding import Table, _show, _show_error
from sightloop.interfaces.sdk import Record
from sightloop.logs import JsonLines
from sightloop.storage import metadata
from tests.specs.interfaces.contract import Operation, operations
from tests.specs.interfaces.hostile import BROKEN, LABELS
from tests.specs.interfaces.house import House, write_pictures

BY_DESIGN = (503, 507)
SECRET = "sl_" + "CanarySecret" * 3 + "1234567"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]")
API = "/api/v1"


@pytest.fixture(scope="module")
def sweep(house: House) -> tuple[httpx.Client, list[Operation]]:
    owner = house.owner()
    return owner, operations(owner.get(f"{API}/openapi.json").json())


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the process logs meanwhile, as it would be written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def asked(client: httpx.Client, operation: Operation, field: str, value: str) -> httpx.Response | None:
    request = operation.filled(value, field)
    if len(request["url"]) > 40_000 or len(str(request["params"])) > 40_000:
        return None  # such an address does not come through the server's door
    return client.request(operation.method, **request)


@pytest.mark.parametrize("share", [16, pytest.param(1, marks=pytest.mark.soak)])
def test_no_text_in_any_field_breaks_an_answer_or_a_log_line(
    sweep: tuple[httpx.Client, list[Operation]], logged: io.StringIO, share: int
) -> None:
    client, described = sweep
    places = [(operation, field) for operation in described for field in operation.text_fields]
    count = 0
    for number, ((operation, field), (what, value)) in enumerate(product(places, LABELS.items())):
        if number % share:
            continue
        answer = asked(client, operation, field, value)
        if answer is None:
            continue
        count += 1
        where = f"{operation.method} {operation.path} {field} {what}: {answer.text[:300]}"
        assert answer.status_code < 500 or answer.status_code in BY_DESIGN, where
        assert answer.headers["x-content-type-options"] == "nosniff", where
        if answer.headers["content-type"].endswith("json"):
            assert b"\n" not in answer.content, where
            answer.json()
    assert count * share >= 5000
    assert all(json.loads(line) for line in logged.getvalue().splitlines())


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_text_is_an_input_error_in_every_body(
    sweep: tuple[httpx.Client, list[Operation]], what: str
) -> None:
    client, described = sweep
    for operation in described:
        if operation.body is None:
            continue
        body = json.dumps(operation.filled("@@")["json"]).encode().replace(b'"@@"', BROKEN[what])
        if BROKEN[what] in body:
            path = operation.filled("none")["url"]
            answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, f"{operation.path}: {answer.text[:300]}"


@pytest.mark.parametrize("number", [2**31, 2**63, -(2**63) - 1, 10**30, -1])
def test_a_number_beyond_every_bound_is_no_error_of_ours(
    sweep: tuple[httpx.Client, list[Operation]], number: int
) -> None:
    client, described = sweep
    for operation in described:
        fields = (operation.body or {}).get("properties", {})
        for field, schema in fields.items():
            if schema.get("type") in ("integer", "number"):
                request = operation.filled("none")
                request["json"] = {**request["json"], field: number}
                answer = client.request(operation.method, **request)
                assert answer.status_code < 500, f"{operation.path} {field}: {answer.text[:300]}"
        for name, schema in operation.query.items():
            if schema.get("type") in ("integer", "number"):
                request = operation.filled("none")
                request["params"] = {**request["params"], name: number}
                answer = client.request(operation.method, **request)
                assert answer.status_code < 500, f"{operation.path} {name}: {answer.text[:300]}"


def test_a_secret_sent_anywhere_is_in_no_log_audit_or_receipt(
    sweep: tuple[httpx.Client, list[Operation]], logged: io.StringIO, house: House
) -> None:
    client, described = sweep
    for operation in described:
        for field in operation.text_fields:
            asked(client, operation, field, SECRET)
    house.client(SECRET).get(f"{API}/status")
    logging.getLogger("sightloop").error("a key came: Bearer %s", SECRET)
    assert SECRET not in logged.getvalue()
    with house.installation.records.read() as connection:
        for name in ("audit", "receipts"):
            for row in connection.execute(sa.select(metadata.tables[name])):
                assert SECRET not in str(row)


def _key(client: httpx.Client, text: str) -> Any:
    made = client.post(f"{API}/keys", json={"role": "viewer", "name": text})
    if made.is_error:
        return made
    return next(one["name"] for one in client.get(f"{API}/keys").json()["items"] if one["id"] == made.json()["id"])


def _webhook(client: httpx.Client, text: str) -> Any:
    body = {"url": "https://example.com/in", "events": ["sightloop.none"], "name": text}
    made = client.post(f"{API}/webhooks", json=body)
    if made.is_error:
        return made
    found = next(one for one in client.get(f"{API}/webhooks").json()["items"] if one["id"] == made.json()["id"])
    client.delete(f"{API}/webhooks/{found['id']}")
    return found["name"]


def _class(client: httpx.Client, text: str) -> Any:
    made = client.post(f"{API}/schemas", json={"name": "hostile", "classes": [text, "other"]})
    if made.is_error:
        return made
    return client.get(f"{API}/schemas/{made.json()['id']}").json()["classes"][0]


def _workspace(client: httpx.Client, text: str) -> Any:
    made = client.post(f"{API}/workspaces", json={"name": text})
    if made.is_error:
        return made
    found = client.get(f"{API}/workspaces").json()["items"]
    return next(one["name"] for one in found if one["id"] == made.json()["id"])


# With each place, of how many texts one is tried: a workspace takes long to make.
PLACES: dict[str, tuple[Callable[[httpx.Client, str], Any], int]] = {
    "the name of a key": (_key, 1),
    "the name of a webhook": (_webhook, 1),
    "a class": (_class, 1),
    "the name of a workspace": (_workspace, 9),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_text_comes_back_as_it_was_or_is_refused(house: House, place: str) -> None:
    kept, (store, step) = 0, PLACES[place]
    with house.owner() as client:
        for what, text in list(LABELS.items())[::step]:
            found = store(client, text)
            if isinstance(found, httpx.Response):
                assert (found.status_code, bool(found.json()["detail"])) == (422, True), what
            else:
                assert found == text, what
                kept += 1
    assert kept * step >= 20


def test_hostile_labels_and_facets_survive_export_and_import_and_are_no_formulas(house: House, tmp_path: Path) -> None:
    ws = house.workspace()
    labels = [text for text in LABELS.values() if not isinstance(_class(house.owner(), text), httpx.Response)][:40]
    paths = write_pictures(tmp_path, len(labels), seed=7)
    facets = {path.name: {"note": text, text[:40] or "none": "x"} for path, text in zip(paths, labels, strict=True)}
    try:
        ws.ingest(tmp_path, metadata=facets)
    except InvalidInput:
        ws.ingest(tmp_path, metadata={name: {"note": one["note"]} for name, one in facets.items()})
    samples = {sample.name: sample.id for sample in ws.samples.list()}
    for schema in ("tagged", "again"):
        ws.schemas.create(schema, sorted({*labels, "other"}))
    ws.labels.import_("tagged", [
        {"sample": samples[path.name], "label": text} for path, text in zip(paths, labels, strict=True)
    ])  # fmt: skip
    version = ws.datasets.create("tagged", schema="tagged").commit(
        add={samples[path.name]: "train" for path in paths}, note=LABELS["both"]
    )
    assert ws.datasets.version(version.id).note == LABELS["both"]
    archive = house.owner().get(f"{API}/dataset-versions/{version.id}/export", params={"format": "csv"}).content
    table = zipfile.ZipFile(io.BytesIO(archive)).read("labels.csv").decode()
    for cell in (cell for row in csv.reader(io.StringIO(table)) for cell in row):
        assert not re.match(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell), cell
    ws.labels.import_("again", archive, format="csv")
    heads = house.owner().post(f"{API}/annotations/heads", json={"schema": "again"}).json()
    assert {name: head["label"] for name, head in heads.items()} == {
        samples[path.name]: text for path, text in zip(paths, labels, strict=True)
    }


@pytest.mark.parametrize("what", LABELS)
def test_the_command_line_shows_every_character_and_obeys_none(capsys: pytest.CaptureFixture[str], what: str) -> None:
    text = LABELS[what]
    for as_json in (False, True):
        _show(Table([Record({"name": text, "note": {"a": text}})], ("name", "note")), as_json)
        _show(Record({"name": text, "list": [text]}), as_json)
        _show(text, as_json)
        _show_error(InvalidInput(text or "none", hint=text), as_json)
    said = capsys.readouterr()
    assert CONTROL.findall(said.out + said.err) == []
    assert "markup" not in what or text in said.out


def test_json_of_the_command_line_is_read_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    for text in LABELS.values():
        _show(Record({"name": text}), True)
        assert json.loads(capsys.readouterr().out) == {"name": text}


@pytest.mark.parametrize("what", LABELS)
def test_a_log_line_is_one_line(what: str) -> None:
    record = logging.LogRecord("sightloop", logging.ERROR, "", 0, "said %s", (LABELS[what],), None)
    line = JsonLines().format(record)
    assert (len(line.splitlines()), CONTROL.findall(line)) == (1, [])
    assert json.loads(line)["message"] == f"said {LABELS[what]}"


@pytest.mark.parametrize(
    "secret", [SECRET, "whsec_" + "A" * 44, "Bearer abc.def", "/owner/" + "x" * 43, f"http://h/owner/{'y' * 43}"]
)
def test_a_secret_is_not_logged(secret: str) -> None:
    try:
        raise ValueError(secret)
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "%s", (secret,), (type(error), error, None))
    hidden = secret.rsplit("/", 1)[-1].rsplit(" ", 1)[-1]
    assert hidden not in JsonLines().format(record)
