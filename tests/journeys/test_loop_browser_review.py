"""Work in review that a page is left in the middle of."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Route, expect

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
