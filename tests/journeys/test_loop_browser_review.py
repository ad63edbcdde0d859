"""Work in review, with a page that is left in the middle of it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Error, Page, Route, expect

from sightloop.interfaces.sdk import connect
from tests.journeys.browser_pages import UNANSWERED, SeatOf
from tests.journeys.served import Served
from tests.journeys.small_loop import SmallLoop

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]


def test_a_page_asks_again_only_once_what_was_answered_before_it_is_with_the_server(
    closed: SmallLoop, dashboard: Served, seat: SeatOf
) -> None:
    with connect(dashboard.folder) as ws:
        asked = closed.budget["mono"]["reference"][:4]
        campaign = ws.campaigns.start(name="left in the middle", schema="cells", samples=asked, seed_count=4)
    one = seat("engineer")
    page = one.visit(f"/review/{campaign.id}")
    name = page.locator("main header").get_by_role("link").nth(1)
    question = page.get_by_role("region", name="Question")
    expect(question).to_be_visible()
    expect(page.locator("[role=application] img[alt]")).to_be_visible()
    first = name.get_attribute("href")
    held: list[Route] = []
    let_go = False
    one.forgiven.append(UNANSWERED)
    page.route("**/queue/items/*/answer", lambda route: route.continue_() if let_go else held.append(route))
    for leaves in (lambda: page.keyboard.press("1"), page.reload):  # the page that comes next sends the answer again
        before = len(held)
        leaves()
        while len(held) == before:
            page.wait_for_timeout(20)
    expect(page.get_by_text("4 asked now")).to_be_visible()
    let_go = True
    for route in held:
        with suppress(Error):  # of the page that is gone
            route.continue_()
    expect(question).to_be_visible()
    expect(name).to_have_attribute("href", re.compile("/s/"))
    assert name.get_attribute("href") != first


def test_boxes_drawn_over_a_reload_become_a_version_and_a_coco_export(
    dashboard: Served, seat: SeatOf, tmp_path: Path
) -> None:
    with connect(dashboard.folder) as ws:
        ws.schemas.create("cracks", ["crack", "stain"], geometry_types=["box"])
        samples = [one.id for one in ws.samples.list(limit=3)]
        queue = ws.reviews.create("cracks by hand", schema="cracks", samples=samples)
        page = seat("engineer").visit(f"/review/{queue.id}")
        drawn = {}
        for turn in range(3):
            expect(page.get_by_text("0 objects")).to_be_visible()
            sample = _sample(page)
            page.keyboard.press("b")
            _drag(page, (0.3, 0.3), (0.5, 0.6))
            page.keyboard.press("v")
            page.keyboard.press(str(1 + turn % 2))
            page.keyboard.press("Shift+ArrowRight")
            if turn == 1:
                page.reload()
            expect(page.get_by_role("heading", name="1 object")).to_be_visible()
            assert _sample(page) == sample
            drawn[sample] = ("crack", "stain")[turn % 2]
            page.keyboard.press("Shift+Enter")
        expect(page.get_by_role("heading", name="Nothing waits for you in this queue")).to_be_visible()
        ws.datasets.create("cracks", schema="cracks")
        version = ws.datasets.commit("cracks", add=dict.fromkeys(samples, "train"))
        archive = ws.datasets.export(version, "coco", tmp_path / "coco.zip")
    with ZipFile(archive) as packed:
        (name,) = (
            one for one in packed.namelist() if one.endswith(".json") and "annotations" in packed.read(one).decode()
        )
        told = json.loads(packed.read(name))
    names = {one["id"]: one["name"] for one in told["categories"]}
    assert sorted(names[one["category_id"]] for one in told["annotations"]) == sorted(drawn.values())
    assert all(one["bbox"][2] > 10 and one["bbox"][3] > 10 for one in told["annotations"])


def _sample(page: Page) -> str:
    return str(page.locator("main header").get_by_role("link").nth(1).get_attribute("href")).rsplit("/", 1)[1]


def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drags over the picture, between places given as shares of its size."""
    box = page.locator("[role=application] img").bounding_box()
    assert box
    (x0, y0), (x1, y1) = ((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end))
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    page.mouse.move(x1, y1)
    page.mouse.up()
