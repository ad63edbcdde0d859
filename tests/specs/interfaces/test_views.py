"""What a page asks for: columns, thumbnails by the hundred, pictures."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from sightloop.datasets import findings
from sightloop.datasets.columns import ColumnReader
from sightloop.errors import InvalidInput, NotFound
from tests.specs.interfaces.house import House, write_pictures

COLUMNS = "/api/v1/samples/columns"


@pytest.fixture(scope="module")
def shown(house: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house with three noisy PNGs, a TIFF, and a JPEG that lies on its side."""
    folder = tmp_path_factory.mktemp("shown")
    write_pictures(folder, 3)
    pixels = np.random.default_rng(5).integers(0, 255, (60, 90, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "scan.tif")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels[::-1]).save(folder / "turned.jpg", exif=turned)
    Image.fromarray(pixels[:, ::-1]).save(folder / "turned.png", exif=turned)
    house.workspace().ingest(folder)
    return house


def sample(house: House, name: str) -> str:
    [found] = house.workspace().samples.list(where={"name": name})
    return str(found.id)


def asked(house: House, name: str, **params: int) -> httpx.Response:
    return house.owner().get(f"/api/v1/samples/{sample(house, name)}/image", params=params)


def opened(response: httpx.Response) -> Image.Image:
    return Image.open(io.BytesIO(response.content))


def test_columns_come_as_an_arrow_stream(shown: House) -> None:
    response = shown.owner().get(COLUMNS, params={"fields": "name,format"})
    table = pa.ipc.open_stream(response.content).read_all()
    assert response.headers["content-type"] == "application/vnd.apache.arrow.stream"
    assert sorted(table["format"].to_pylist()) == ["JPEG", "PNG", "PNG", "PNG", "PNG", "TIFF"]


def test_columns_that_have_not_changed_are_not_sent_again(shown: House) -> None:
    seal = shown.owner().get(COLUMNS).headers["etag"]
    again = shown.owner().get(COLUMNS, headers={"If-None-Match": seal})
    other = shown.owner().get(COLUMNS, headers={"If-None-Match": seal}, params={"fields": "name"})
    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)


def test_to_say_that_nothing_changed_nothing_is_built(shown: House, monkeypatch: pytest.MonkeyPatch) -> None:
    seals = {part: shown.owner().get(COLUMNS, params={"part": part}).headers["etag"] for part in ("content", "said")}
    for name in ("read", "stream"):
        monkeypatch.delattr(ColumnReader, name)
    for part, seal in seals.items():
        again = shown.owner().get(COLUMNS, params={"part": part}, headers={"If-None-Match": seal})
        assert again.status_code == 304


def test_the_newest_samples_come_alone_with_how_many_there_are(shown: House) -> None:
    response = shown.owner().get(COLUMNS, params={"newest": 2, "fields": "name"})
    table = pa.ipc.open_stream(response.content).read_all()
    assert (len(table), table.column_names) == (2, ["id", "name"])
    assert json.loads(table.schema.metadata[b"sightloop"])["total"] == 6


def test_a_part_that_there_is_not_is_refused(shown: House) -> None:
    assert shown.owner().get(COLUMNS, params={"part": "both"}).status_code == 422


def test_columns_are_compressed_only_for_who_can_read_that(shown: House) -> None:
    plain = shown.owner().get(COLUMNS, headers={"Accept-Encoding": "gzip"})
    with shown.owner().stream("GET", COLUMNS, headers={"Accept-Encoding": "zstd, br"}) as response:
        packed = b"".join(response.iter_raw())
    assert "content-encoding" not in plain.headers
    assert response.headers["content-encoding"] == "zstd"
    assert pa.decompress(packed, len(plain.content), "zstd", asbytes=True) == plain.content


def test_thumbnails_come_together_in_order_and_empty_where_there_is_none(shown: House) -> None:
    ws = shown.workspace()
    known = [sample(shown, "turned.jpg"), sample(shown, "scan.tif")]
    first, nothing, second = ws.samples.thumbnails([known[0], "smp_nothing", known[1]])
    assert (first, nothing, second) == (ws.samples.thumbnail(known[0]), b"", ws.samples.thumbnail(known[1]))


def test_more_thumbnails_than_a_request_may_name_are_refused(shown: House) -> None:
    body = {"samples": ["smp_nothing"] * 257}
    assert shown.owner().post("/api/v1/media/thumbs", json=body).status_code == 422


def test_what_a_browser_can_show_is_sent_as_it_is(shown: House) -> None:
    response = asked(shown, "turned.jpg")
    assert response.content == shown.workspace().samples.media(sample(shown, "turned.jpg"))
    assert response.headers["content-type"] == "image/jpeg"


def test_what_a_browser_cannot_show_comes_as_png_with_the_same_pixels(shown: House) -> None:
    response = asked(shown, "scan.tif")
    stored = Image.open(io.BytesIO(shown.workspace().samples.media(sample(shown, "scan.tif"))))
    assert response.headers["content-type"] == "image/png"
    assert np.array_equal(np.asarray(opened(response)), np.asarray(stored))


@pytest.mark.parametrize(("ask", "size"), [(lambda h: asked(h, "turned.png"), (60, 90)),
                                           (lambda h: asked(h, "turned.jpg", longest_px=30), (20, 30)),
                                           (lambda h: asked(h, "scan.tif", longest_px=45), (45, 30))])  # fmt: skip
def test_a_picture_that_is_decoded_comes_upright_and_as_small_as_asked(
    shown: House, ask: Callable[[House], httpx.Response], size: tuple[int, int]
) -> None:
    assert opened(ask(shown)).size == size


def test_a_picture_cannot_act_and_stays_with_the_browser(shown: House) -> None:
    response = asked(shown, "scan.tif")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]
    assert "immutable" in response.headers["cache-control"]
    again = shown.owner().get(response.request.url, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_the_sdk_reads_columns_as_a_table(shown: House) -> None:
    table = shown.workspace().samples.columns(where={"format": "TIFF"}, fields=["width"])
    assert table.select(["width"]).to_pydict() == {"width": [90]}
    with pytest.raises(InvalidInput):
        shown.workspace().samples.columns(fields=["nothing"])


def test_the_overview_counts_what_there_is_and_names_what_waits(house: House, tmp_path: Path) -> None:
    ws = house.workspace(str(house.workspace().workspaces.create("seen-at-a-glance").name))
    write_pictures(tmp_path, 4, seed=3)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    ws.ingest(tmp_path)
    ids = [one.id for one in ws.samples.list()]
    ws.schemas.create("grades", ["good", "bad"])
    ws.labels.import_("grades", {ids[0]: "good"})
    ws.campaigns.start(name="all", schema="grades", samples=ids[1:], seed_count=2)
    ws.queue.next()
    found = ws.overview()
    assert (found.loop.samples, found.loop.labelled, found.loop.quarantined, found.loop.waiting) == (4, 1, 1, 2)
    assert {one.kind: one["count"] for one in found.needs} == {"review": 2, "quarantine": 1}
    assert found.story is None


def test_lists_that_grow_come_in_pages(house: House, tmp_path: Path) -> None:
    ws = house.workspace(str(house.workspace().workspaces.create("in-pages").name))
    write_pictures(tmp_path, 3, seed=4)
    for number in range(3):
        (tmp_path / f"broken{number}.png").write_bytes(b"no picture %d" % number)
    ws.ingest(tmp_path)
    ids = [one.id for one in ws.samples.list()]
    ws.schemas.create("grades", ["good", "bad"])
    ws.labels.import_("grades", dict.fromkeys(ids, "good"))
    version = ws.datasets.create("parts", schema="grades").commit(where={})
    client = house.owner("in-pages")
    walked = {
        "quarantine": [one["name"] for one in pages(client, "GET", "/api/v1/quarantine")],
        "entries": [one["sample"] for one in pages(client, "GET", f"/api/v1/dataset-versions/{version.id}/entries")],
        "heads": [one["sample"] for one in pages(client, "POST", "/api/v1/annotations/heads", schema="grades")],
    }
    assert walked == {"quarantine": [f"broken{n}.png" for n in range(3)], "entries": ids, "heads": ids}


def pages(client: httpx.Client, method: str, path: str, **body: str) -> Iterator[dict[str, Any]]:
    """What a list holds, two items at a time."""
    cursor = ""
    while True:
        asked: dict[str, Any] = {"limit": 2, "cursor": cursor}
        page = (client.get(path, params=asked) if method == "GET" else client.post(path, json={**body, **asked})).json()
        assert len(page["items"]) <= 2
        yield from page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return


def test_every_schema_is_listed_in_its_newest_version(house: House) -> None:
    ws = house.workspace(str(house.workspace().workspaces.create("schemas-only").name))
    ws.schemas.create("states", ["ok", "defect"])
    ws.schemas.create("grades", ["good", "bad"])
    ws.schemas.create("grades", ["good", "bad", "ugly"])
    assert [(one.name, one.version) for one in ws.schemas.list()] == [("grades", 2), ("states", 1)]


def test_the_audit_is_searched_from_either_end_and_exported_whole(house: House, tmp_path: Path) -> None:
    ws = house.workspace(str(house.workspace().workspaces.create("audited").name))
    schema = ws.schemas.create("states", ["ok", "defect"])
    ws.datasets.create("parts", schema="states")
    oldest = [one.sequence for one in ws.audit.list()]
    assert [one.sequence for one in ws.audit.list(newest=True)] == oldest[::-1]
    assert [one.action for one in ws.audit.list(subject=schema.id)] == ["schema.create"]
    assert [one.action for one in ws.audit.list(action="dataset.*")] == ["dataset.create"]
    assert list(ws.audit.list(actor="usr_nobody")) == []
    lines = ws.audit.export(tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(one)["sequence"] for one in lines] == oldest


def test_a_map_is_made_by_a_run_and_read_as_columns(shown: House) -> None:
    ws = shown.workspace()
    run = ws.runs.wait(ws.samples.make_map(where={"format": "PNG"}))
    table = ws.samples.map_columns(run.id)
    [made] = ws.samples.maps()
    assert (made.id, made.size, made.method) == (run.id, 4, "PCA to 2")
    assert table.column_names == ["id", "x", "y"]
    assert len(ws.samples.outliers(limit=2)) == 2


def test_outliers_of_many_samples_are_found_by_a_run(shown: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "AT_ONCE", 3)
    ws = shown.workspace()
    with pytest.raises(NotFound, match="6 samples"):
        ws.samples.outliers()
    ws.runs.wait(ws.samples.find_outliers())
    assert len(ws.samples.outliers(limit=2)) == 2


def test_the_metrics_of_a_deployment_that_is_none_are_not_found(shown: House) -> None:
    with pytest.raises(NotFound):
        shown.workspace().deployments.metrics("nothing")
