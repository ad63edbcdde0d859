"""The seven steps of the loop as a person takes them in a browser, and what the dashboard says where there is less."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

import sightloop
from sightloop.interfaces.sdk import connect
from tests.journeys.browser_pages import SCREENS, UNANSWERED, Seat, SeatOf
from tests.journeys.served import Served
from tests.journeys.small_loop import SmallLoop

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

# The address of a picture other than the one that was there, or "over" once the campaign is.
_ASKED = """(was) => {
  const over = [...document.querySelectorAll('h2')].some((one) => one.textContent.startsWith('Every sample of this'))
  const image = document.querySelector('[role=application] img[alt]')
  return over ? 'over' : image && image.src !== was && image.src
}"""
_EMPTY = {
    "Overview": "No images yet",
    "Sources": "Nothing has come in yet",
    "Datasets": "No samples yet",
    "Review": "What people are asked will be here",
    "Experiments": "No runs yet",
    "Models": "No models yet",
    "Deployments": "Nothing is deployed yet",
    "Alerts": "No alert has been raised",
}


@pytest.fixture
def workspace(dashboard: Served) -> Iterator[sightloop.Workspace]:
    with connect(dashboard.folder) as opened:
        yield opened


def test_the_loop_closes_in_a_browser(closed: SmallLoop, seat: SeatOf, workspace: sightloop.Workspace) -> None:
    one = seat("engineer")
    page = one.visit("/alerts")
    page.get_by_role("row").filter(has_text="drift").click()
    behind = page.get_by_role("complementary", name="Strangest images since the onset")
    expect(behind.get_by_role("link")).not_to_have_count(0)
    asked = behind.get_by_role("link").count()

    page.get_by_role("button", name="Send to review").click()
    expect(page).to_have_url(re.compile("/review/cmp_"))
    campaign = urlsplit(page.url).path.rsplit("/", 1)[1]
    given = Answering(one, closed).through()
    assert len(given) == asked
    assert labels_of(workspace, campaign) == given

    before = workspace.datasets.versions("cells")[-1].number
    one.visit(f"/datasets?set={','.join(given)}")
    page.get_by_role("button", name="More verbs").click()
    page.get_by_role("menuitem", name="New version from the view").click()
    page.get_by_role("textbox", name="Split").fill("train")
    page.get_by_role("textbox", name="Note").fill("what the alert was about")
    page.get_by_role("button", name="Freeze the version").click()
    expect(page).to_have_url(re.compile(rf"/datasets/cells\?v=.*{before + 1}"))
    page.get_by_role("button", name="Versions", exact=True).click()
    page.get_by_role("link", name=f"since v{before}").click()
    expect(page.get_by_role("gridcell")).not_to_have_count(0)

    one.visit("/models/cells?v=2&tab=gates")
    page.get_by_role("button", name="Promote v2").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("passed")).to_be_visible()
    promote = dialog.get_by_role("button", name="Promote")
    expect(promote).to_be_disabled()
    dialog.get_by_role("textbox").fill("cells")
    promote.click()
    expect(dialog).to_have_count(0)

    one.visit("/deployments/line-1")
    chart = page.get_by_role("img", name=re.compile("Latency"))
    expect(chart).to_have_accessible_name(re.compile("marked serving v1, serving v2, serving v1$"))
    page.get_by_role("button", name="Roll out v2").click()
    expect(page.get_by_role("link", name="cells v2")).to_be_visible()
    expect(chart).to_have_accessible_name(re.compile("marked serving v1, serving v2, serving v1, serving v2$"))


def labels_of(workspace: sightloop.Workspace, campaign: str) -> dict[str, str]:
    """What the server holds of a campaign: the label of each sample by its answers, without those that were undone."""
    answers = workspace.campaigns.answers(campaign)
    undone = {answer.undoes for answer in answers}
    return {answer.sample: answer.label for answer in answers if answer.id not in undone and not answer.undoes}


class Answering:
    """A person at the questions of a campaign with a keyboard only: undoes, reloads and loses the line on the way."""

    def __init__(self, one: Seat, closed: SmallLoop) -> None:
        self._one = one
        self._page = one.page
        self._truth = closed.truth
        self._picture = ""
        self._door = self._page.locator("main header").get_by_role("link").nth(1)

    def through(self) -> dict[str, str]:
        """The label of each sample that was asked about, by id, once nothing more is asked."""
        given: dict[str, str] = {}
        while self._asked():
            turn = len(given)
            if turn == 1:
                self._answer_wrongly_and_undo()
            if turn == 2:
                self._reload()
            if turn == 3:
                self._off_the_line()
            sample, label = self._answer()
            given[sample] = label
            if turn == 3:
                self._on_the_line()
        return given

    def _asked(self) -> bool:
        """Whether there is another question, once its picture is there or nothing more is asked."""
        said = self._page.wait_for_function(_ASKED, arg=self._picture)
        self._picture = said.json_value()
        return self._picture != "over"

    def _sample(self) -> str:
        return str(self._door.get_attribute("href")).rsplit("/", 1)[1]

    def _answer(self, wrong: bool = False) -> tuple[str, str]:
        sample = self._sample()
        right = self._truth[sample]
        label = right if not wrong else {"ok": "defect", "defect": "ok"}[right]
        self._page.keyboard.press({"ok": "1", "defect": "2"}[label])
        return sample, label

    def _answer_wrongly_and_undo(self) -> None:
        sample, _ = self._answer(wrong=True)
        assert self._asked()
        assert self._sample() != sample
        self._page.keyboard.press("Control+z")
        assert self._asked()
        assert self._sample() == sample

    def _reload(self) -> None:
        self._page.reload()
        self._one.ready()
        assert self._asked()

    def _off_the_line(self) -> None:
        self._one.forgiven.append(UNANSWERED)
        self._one.context.set_offline(True)

    def _on_the_line(self) -> None:
        status = self._page.get_by_role("contentinfo").get_by_role("status")
        expect(status).to_contain_text(re.compile(r"^Offline, \d changes? kept$"))
        self._one.context.set_offline(False)
        expect(status).to_contain_text("Saved")


def test_a_facet_narrows_the_grid_and_the_link_carries_it(seat: SeatOf) -> None:
    one = seat("viewer")
    page = one.visit("/datasets")
    facet = page.get_by_role("region", name="cell_type").get_by_role("checkbox", name=re.compile("^mono"))
    facet.click()
    expect(facet).to_be_checked()
    narrowed = page.get_by_text("160 of 390")
    expect(narrowed).to_be_visible()
    other = one.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("160 of 390")).to_be_visible()
    expect(other.get_by_role("button", name="Drop cell_type: mono")).to_be_visible()


def test_who_may_not_promote_sees_the_verb_and_the_role_that_may(seat: SeatOf) -> None:
    page = seat("viewer").visit("/models/cells?v=2")
    promote = page.get_by_role("button", name="Promote v2")
    expect(promote).to_be_disabled()
    promote.focus()
    expect(page.get_by_role("tooltip")).to_have_text("Needs the role engineer")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_every_screen_of_an_empty_workspace_says_what_will_be_there(
    seat: SeatOf, workspace: sightloop.Workspace
) -> None:
    empty = workspace.workspaces.create("nothing yet")
    one = seat(key=empty.secret, workspace=empty.id)
    for name, path in SCREENS.items():
        page = one.visit(path)
        if name == "Audit":  # it begins with the making of the key
            expect(page.get_by_role("table", name="Audit entries")).to_be_visible()
        else:
            expect(page.get_by_role("heading", name=_EMPTY[name])).to_be_visible()


def test_what_fails_is_said_in_its_place_and_tried_again(seat: SeatOf) -> None:
    one = seat("viewer")
    one.forgiven.append(UNANSWERED)
    problem = {"type": "about:blank", "status": 500, "code": "internal", "detail": "It broke.", "incident": "inc_1"}

    def broken(route: Route) -> None:
        route.fulfill(status=500, content_type="application/problem+json", body=json.dumps(problem))

    one.page.route("**/api/v1/alerts*", broken)
    page = one.visit("/alerts")
    failed = page.get_by_role("alert").filter(has_text="Alerts could not be shown")
    expect(failed).to_contain_text("inc_1")
    page.unroute("**/api/v1/alerts*")
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table", name="Incidents")).to_be_visible()
