"""Objects, suggestions and reviews through the API, the SDK and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.specs.interfaces.house import House, write_pictures

BOX = {"x": 4.0, "y": 4.0, "width": 20.0, "height": 10.0}
API = "/api/v1"


@pytest.fixture
def sample(house: House, tmp_path: Path) -> str:
    ws = house.workspace()
    ws.ingest(write_pictures(tmp_path, 2, seed=77))
    ws.schemas.create("drawn", ["bolt", "crack"], geometry_types=["box", "mask", "class"], colours={"bolt": "#123456"})
    return str(next(iter(ws.samples.list())).id)


def put(name: str, expected: int | None = 0, **given: Any) -> dict[str, Any]:
    box = {"label": "bolt", "geometry_type": "box", "geometry": BOX}
    return {"op": "put", "object": name, "expected_revision": expected, **box, **given}


def test_objects_are_written_and_conflicts_answered(house: House, sample: str) -> None:
    ws = house.workspace()
    first = ws.samples.write_objects(sample, "drawn", [put("a")])
    again = ws.samples.write_objects(sample, "drawn", [put("a", label="crack"), put("b")])
    assert [one.theirs.label for one in again.conflicts] == ["bolt"]
    assert [one.revision for one in (*first.objects, *again.objects)] == [1, 2]
    found = ws.samples.objects(sample, "drawn")
    assert {one.id: one.geometry.as_dict() for one in found.objects} == {"a": BOX, "b": BOX}


def test_a_request_that_is_sent_twice_writes_once(house: House, sample: str) -> None:
    with house.owner() as client:
        body = {"schema": "drawn", "operations": [put("once", None)]}
        sent = [
            client.post(f"{API}/samples/{sample}/objects", json=body, headers={"Idempotency-Key": "k-objects"})
            for _ in range(2)
        ]
    assert [one.status_code for one in sent] == [200, 200]
    assert sent[0].json() == sent[1].json()


@pytest.mark.parametrize(
    "wrong",
    [
        put("a", geometry={**BOX, "x": 1e9}),
        put("a", geometry={**BOX, "x": "4"}),
        put("a", geometry_type="mask", geometry={"size": [10**9, 10**9], "counts": "0"}),
        put("a", label="nut"),
        put("../a"),
        put("a", basis="imported"),
    ],
)
def test_what_does_not_fit_is_a_422_with_a_hint(house: House, sample: str, wrong: dict[str, Any]) -> None:
    with house.owner() as client:
        answer = client.post(f"{API}/samples/{sample}/objects", json={"schema": "drawn", "operations": [wrong]})
    assert (answer.status_code, bool(answer.json().get("hint"))) == (422, True)


def test_who_only_looks_may_not_draw(house: House, sample: str) -> None:
    viewer = house.workspace().keys.create("viewer", name="v-objects").secret
    with house.client(viewer) as client:
        body = {"schema": "drawn", "operations": [put("a")]}
        assert client.post(f"{API}/samples/{sample}/objects", json=body).status_code == 403
        assert client.get(f"{API}/samples/{sample}/objects", params={"schema": "drawn"}).status_code == 200


def test_a_detectors_output_is_reviewed_and_lands_in_a_version(house: House, sample: str) -> None:
    ws = house.workspace()
    claim = {"label": "crack", "score": 0.8, "geometry_type": "box", "geometry": {**BOX, "x": 9.0}}
    ws.samples.suggest("drawn", [{"sample": sample, "objects": [claim]}], model_version="detector@7")
    queue = ws.reviews.create("found", schema="drawn", samples=[sample])
    item = ws.reviews.next(queue)["item"]
    assert [one.model_version for one in item.suggestions] == ["detector@7"]
    ws.reviews.answer(item, "approve", duration_s=1.5)
    version = ws.datasets.create("found", schema="drawn").commit(add={sample: "train"})
    (entry,) = ws.datasets.entries(version)
    assert [one.origin for one in entry.objects if one.id == item.suggestions[0].id] == ["accepted"]
    assert ws.reviews.get(queue.id).counts.done == 1
    assert ws.reviews.undo(item).verb == "undo"


def test_colours_are_painted_and_everything_else_makes_a_version(house: House, sample: str) -> None:
    ws = house.workspace()
    types = ["box", "mask", "class"]
    painted = ws.schemas.create("drawn", ["bolt", "crack"], geometry_types=types, colours={"bolt": "#abcdef"})
    assert (painted.version, painted.colours.bolt) == (1, "#abcdef")


def test_a_file_in_an_unknown_shape_is_refused_and_a_good_one_reports(house: House, sample: str) -> None:
    ws = house.workspace()
    file = {
        "images": [{"id": 1, "file_name": str(ws.samples.get(sample).name)}],
        "categories": [{"id": 1, "name": "bolt"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": box} for box in ([1, 1, 5, 5], [1, 1, 500, 5])
        ],
    }  # fmt: skip
    report = ws.labels.import_("drawn", json.dumps(file).encode(), format="coco")
    assert (report.written, [one["count"] for one in report.losses]) == (1, [1])
