"""Every route, asked from one workspace with everything that is known of another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from sightloop.interfaces.api.routes import ROOMS
from sightloop.storage import metadata
from tests.specs.interfaces.contract import Operation, operations
from tests.specs.interfaces.house import House, write_pictures

CANARY = "cnry7f3a"
VICTIM = "default"
_LETTERS = str.maketrans("0123456789", "ghijkmnpqr")
_DIGITS = str.maketrans("abcdef", "012345")
ROUTES = {(one.method, one.path.replace(":path}", "}")) for room in ROOMS for one in room.declared}


@dataclass
class Pair:
    """A workspace full of canaries, a stranger's client for every route, and what the stranger has heard of."""

    house: House
    stranger: httpx.Client
    heard: list[str]
    digests: list[str]
    operations: dict[tuple[str, str], Operation]
    asked: int = 0
    seen: list[str] = field(default_factory=list)

    def ask(self, operation: Operation, value: str, **more: Any) -> httpx.Response:
        """The answer to the operation with the value wherever a text may stand."""
        request = operation.filled(value)
        request.update(more)
        answer = self.stranger.request(operation.method, **request)
        self.asked += 1
        uttered = {part for heard in self.heard for part in (heard, heard.partition("@")[0])}
        if set(re.findall(rf"{CANARY}[\w.]*", answer.text)) - uttered:
            self.seen.append(f"{operation.method} {operation.path} {value}: {answer.text[:300]}")
        return answer

    def digest(self) -> str:
        """One digest of every record, table and blob of the victim."""
        whole = hashlib.sha256()
        with self.house.installation.records.read() as connection:
            for name in sorted(metadata.tables):
                table = metadata.tables[name]
                if "workspace_id" in table.c:
                    rows = connection.execute(sa.select(table).where(table.c.workspace_id == VICTIM)).all()
                    whole.update(repr(sorted(map(repr, rows))).encode())
        for path in sorted((self.house.folder / "workspaces" / VICTIM).rglob("*")):
            if path.is_file():
                whole.update(str(path).encode() + path.read_bytes())
        return whole.hexdigest()


def fill_empty_tables(house: House) -> None:
    """Every table that the victim has no row in gets one of canaries."""
    with house.installation.records.write() as connection:
        for name, table in sorted(metadata.tables.items()):
            if (
                "workspace_id" not in table.c
                or connection.execute(sa.select(sa.literal(1)).where(table.c.workspace_id == VICTIM).limit(1)).first()
            ):
                continue
            row = {column.name: _canary(column, name) for column in table.c}
            connection.execute(sa.insert(table), {**row, "workspace_id": VICTIM})


def _canary(column: sa.Column[Any], table: str) -> Any:
    if isinstance(column.type, sa.JSON):
        return {"text": CANARY}
    if isinstance(column.type, sa.Integer):
        return 1
    if isinstance(column.type, sa.Float):
        return 1.0
    if isinstance(column.type, sa.Boolean):
        return True
    if column.name.endswith("_at") or column.name == "at":
        return "2026-01-01T00:00:00+00:00"
    length = getattr(column.type, "length", None) or 60
    return f"{CANARY}_{table}_{column.name}"[:length]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    house = House(tmp_path_factory.mktemp("tenants"), {"api": {"key_requests_per_s": 1e6}})
    ws = house.workspace()
    folder = tmp_path_factory.mktemp("pictures")
    pictures = write_pictures(folder, 3)
    broken = folder / f"{CANARY}.png"
    broken.write_bytes(b"no picture")
    run = ws.ingest(folder, metadata={path.name: {"line": f"{CANARY}_line"} for path in pictures})
    samples = [sample.id for sample in ws.samples.list()]
    schema = ws.schemas.create(f"{CANARY}_schema", [f"{CANARY}_good", f"{CANARY}_bad"])
    version = ws.datasets.create(f"{CANARY}_set", schema=schema.name).commit(where={}, note=CANARY)
    campaign = ws.campaigns.start(name=CANARY, schema=schema.name, samples=samples, seed_count=2)
    item = ws.queue.next(campaign)
    assert item is not None
    ws.queue.answer(item.id, "fix", label=f"{CANARY}_good")
    drawn = ws.schemas.create(f"{CANARY}_drawn", [f"{CANARY}_bolt"], geometry_types=["box"])
    box = {"label": f"{CANARY}_bolt", "geometry_type": "box", "geometry": {"x": 1, "y": 1, "width": 9, "height": 9}}
    ws.samples.write_objects(samples[0], drawn.name, [{"op": "put", "object": f"{CANARY}_box", **box}])
    ws.samples.suggest(drawn.name, [{"sample": samples[1], "objects": [box]}], model_version=f"{CANARY}_model")
    queue = ws.reviews.create(f"{CANARY}_queue", schema=drawn.name, samples=samples)
    review = ws.reviews.next(queue)["item"]
    ws.reviews.answer(review, "approve")
    key = ws.keys.create("engineer", name=f"{CANARY}_key")
    webhook = ws.webhooks.create(f"https://example.com/{CANARY}", events=["sightloop.none"])
    fill_empty_tables(house)
    stranger = ws.workspaces.create("elsewhere")
    digests = [str(sample.media_digest) for sample in ws.samples.list()]
    named = [f"{CANARY}_{one}" for one in (
        "models_name", "model_versions_id", "deployments_name", "monitors_name", "rules_name", "policies_name",
        "cycles_id", "alerts_id", "receipts_id")]  # fmt: skip
    heard = [
        *samples[:1], digests[0], run.id, schema.id, schema.name, version.id, f"{CANARY}_set@1", f"{CANARY}_set",
        campaign.id, item.id, drawn.name, queue.id, review.id, key.id, webhook.id, VICTIM, *named,
    ]  # fmt: skip
    client = house.client(stranger.secret)
    described = operations(house.owner().get("/api/v1/openapi.json").json())
    yield Pair(house, client, heard, digests, {(one.method, one.path): one for one in described})
    house.close()


def test_the_matrix_covers_every_route(pair: Pair) -> None:
    assert set(pair.operations) == ROUTES


def replaced(text: str, value: str, other: str) -> str:
    """The text with the other in the place of the value, and of the name before its "@"."""
    return text.replace(value, other).replace(value.partition("@")[0], other.partition("@")[0])


def nobodys(value: str) -> str:
    """A text of the same shape, a prefix such as "run_" included, that names nothing; the same for the same value."""
    digits = hashlib.sha256(value.encode()).hexdigest() * 2
    prefix = re.match(r"[a-z]{3}_|", value)
    kept = prefix.end() if prefix else 0
    return (
        value[:kept]
        + "".join(
            one if not one.isalnum() else digits[place].translate(_DIGITS if one.isdigit() else _LETTERS)
            for place, one in enumerate(value)
        )[kept:]
    )


@pytest.mark.parametrize("share", [3, pytest.param(1, marks=pytest.mark.soak)])
def test_nothing_of_another_workspace_is_seen_or_changed_by_any_route(pair: Pair, share: int) -> None:
    before = pair.digest()
    reads_first = sorted(pair.operations.values(), key=lambda one: one.method != "GET")
    asked = [one for one in product(reads_first, pair.heard) if not one[0].path.startswith("/owner")]
    for number, (operation, value) in enumerate(asked):
        if number % share:
            continue
        unknown = nobodys(value)
        theirs, nothing = pair.ask(operation, value), pair.ask(operation, unknown)
        what = f"{operation.method} {operation.path} {value}: {theirs.text[:300]}"
        assert (theirs.status_code, theirs.status_code < 500) == (nothing.status_code, True), what
        if operation.method == "GET" and theirs.status_code >= 400:
            assert replaced(theirs.text, value, unknown) == nothing.text, what
    assert pair.seen == []
    assert pair.asked * share >= 3000
    assert pair.digest() == before


def test_bytes_that_another_workspace_holds_are_not_there(pair: Pair) -> None:
    before = pair.digest()
    ingest = pair.operations["POST", "/api/v1/ingests"]
    for digest in pair.digests:
        sources: list[Mapping[str, Any]] = [
            {"kind": "upload", "files": [{"name": "a.png", "digest": digest}]},
            {"kind": "archive", "upload": digest},
            {"kind": "quarantine", "files": [{"name": "a.png", "digest": digest}]},
        ]
        for source in sources:
            answer = pair.ask(ingest, digest, json={"source": source})
            if answer.status_code == 200:
                run = pair.stranger.get(f"/api/v1/runs/{answer.json()['id']}", params={"wait_s": 30}).json()
                assert run["output"].get("ingested", 0) == 0
    assert pair.stranger.get("/api/v1/samples/count").json()["count"] == 0
    assert pair.digest() == before


def test_a_header_does_not_move_a_key_into_another_workspace(pair: Pair) -> None:
    answer = pair.stranger.get("/api/v1/status", headers={"Sightloop-Workspace": VICTIM})
    assert answer.json()["workspace"] != VICTIM


def test_an_event_stream_tells_of_the_own_workspace_only(pair: Pair) -> None:
    told = pair.stranger.get("/api/v1/events", params={"follow": False, "after": 0}, headers={"Last-Event-ID": "0"})
    assert (told.status_code, CANARY in told.text) == (200, False)


def test_the_canary_sings_where_it_lives(pair: Pair) -> None:
    owner = pair.house.owner()
    for path in (
        "schemas/cnry7f3a_schema",
        "datasets",
        "samples",
        "keys",
        "webhooks",
        "campaigns",
        "quarantine",
        "review-queues",
    ):
        assert CANARY in owner.get(f"/api/v1/{path}").text


def test_the_workspace_of_the_victim_is_where_it_is_looked_for(pair: Pair) -> None:
    assert Path(pair.house.folder / "workspaces" / VICTIM).is_dir()
