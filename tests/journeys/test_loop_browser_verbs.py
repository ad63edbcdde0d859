"""The verbs of the dashboard, each clicked once: what it asks before, and what stands afterwards."""

from __future__ import annotations

import base64
import io
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import sightloop
from sightloop.interfaces.sdk import connect
from tests.journeys.browser_pages import SeatOf
from tests.journeys.served import Served

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

_DROP = """(text) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
  const given = new DataTransfer()
  given.items.add(new File([bytes], 'dropped.png', {type: 'image/png'}))
  const at = document.querySelector('[role=region][aria-label=Sources]')
  at.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: given}))
}"""


@pytest.fixture
def workspace(dashboard: Served) -> Iterator[sightloop.Workspace]:
    with connect(dashboard.folder) as opened:
        yield opened


def test_a_lasso_on_the_map_sends_what_it_holds_to_review(seat: SeatOf) -> None:
    one = seat("engineer")
    page = one.visit("/datasets?view=map")
    lay = page.get_by_role("button", name="Lay out", exact=True)
    stage = page.get_by_role("application", name=re.compile("^Map of"))
    lay.or_(stage).first.wait_for()
    if lay.is_visible():
        lay.click()
    expect(stage).to_be_visible()
    one.settled()
    box = stage.bounding_box()
    assert box
    around = [(0.02, 0.02), (0.55, 0.02), (0.55, 0.98), (0.02, 0.98), (0.02, 0.05)]
    page.keyboard.press("l")
    for at, (x, y) in enumerate(around):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if at == 0:
            page.mouse.down()
    page.mouse.up()
    held = page.get_by_role("complementary", name="Selection").get_by_text("selected")
    expect(held).to_be_visible()
    many = int(held.inner_text().split()[0])
    page.get_by_role("button", name=f"Send {many} to review").click()
    dialog = page.get_by_role("dialog", name=f"Send {many} samples to review")
    with page.expect_request("**/api/v1/campaigns") as sent:
        dialog.get_by_role("button", name="Send to review").click()
    asked: Any = sent.value.post_data_json
    assert 10 < len(set(asked["samples"])) == many < 390
    page.wait_for_url("**/review/cmp_*")


def test_a_promotion_shows_its_gate_and_is_rolled_back(seat: SeatOf, workspace: sightloop.Workspace) -> None:
    page = seat("engineer").visit("/models/cells?v=2")
    before = workspace.models.aliases("cells")["champion"]
    other = 1 if before == workspace.models.versions("cells")[1].id else 2
    page = seat("engineer").visit(f"/models/cells?v={other}")
    page.get_by_role("button", name=f"Promote v{other}").click()
    dialog = page.get_by_role("dialog")
    reason = dialog.get_by_role("textbox", name="Reason")
    dialog.get_by_text("now v").wait_for()
    if reason.is_visible():
        reason.fill("tried by hand")
    _typed(page, "cells", "Promote")
    assert workspace.models.aliases("cells")["champion"] != before
    page.get_by_role("button", name="Roll back").click()
    _typed(page, "cells", "Roll back")
    assert workspace.models.aliases("cells")["champion"] == before


def test_a_deployment_is_stopped_by_its_name_and_rolled_out_again(seat: SeatOf) -> None:
    page = seat("engineer").visit("/deployments/line-1")
    page.get_by_role("button", name="Stop").click()
    _typed(page, "line-1", "Stop")
    expect(page.locator("main header").get_by_text("stopped")).to_be_visible()
    page.get_by_role("button", name="Roll out").click()
    expect(page.locator("main header").get_by_text("serving")).to_be_visible()


def test_a_run_that_goes_on_is_cancelled(seat: SeatOf, workspace: sightloop.Workspace) -> None:
    versions = [workspace.datasets.versions(name)[-1].id for name in ("cells", "cells-test")]
    runs = [workspace.train({"seed": seed}, model="cells", dataset=versions[0], test=versions[1], wait=False).id
            for seed in range(90, 95)]  # fmt: skip
    page = seat("engineer").visit(f"/runs/{runs[-1]}")
    page.get_by_role("button", name="Cancel the run").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel the run")).to_have_count(0)
    for run in runs[:-1]:
        with suppress(sightloop.SightloopError):  # it ended meanwhile
            workspace.runs.cancel(run)
    assert workspace.runs.get(runs[-1]).state == "cancelled"


def test_a_schema_gets_a_class_in_settings(seat: SeatOf, workspace: sightloop.Workspace) -> None:
    page = seat("engineer").visit("/?settings=schemas")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="New schema").click()
    dialog.get_by_role("textbox", name="Name", exact=True).fill("seals")
    for at, name in enumerate(("tight", "leaking"), 1):
        if not dialog.get_by_role("textbox", name=f"Class {at}", exact=True).is_visible():
            dialog.get_by_role("button", name="Class", exact=True).click()
        dialog.get_by_role("textbox", name=f"Class {at}", exact=True).fill(name)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Nothing changed")).to_be_visible()
    assert list(workspace.schemas.get("seals").classes) == ["tight", "leaking"]


def test_what_was_turned_away_is_tried_again(seat: SeatOf, workspace: sightloop.Workspace, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(picture(1)[:300])
    workspace.ingest(tmp_path)
    page = seat("engineer").visit("/sources?tab=quarantine")
    expect(page.get_by_role("row").filter(has_text="broken.png")).to_be_visible()
    page.get_by_role("button", name="Try all again").click()
    expect(page.get_by_text("files are tried again")).to_be_visible()


def test_files_dropped_on_the_sources_become_samples(seat: SeatOf, workspace: sightloop.Workspace) -> None:
    one = seat("engineer")
    page = one.visit("/sources")
    one.settled()
    page.evaluate(_DROP, base64.b64encode(picture(2)).decode())
    until = time.monotonic() + 60
    while "dropped.png" not in {sample.name for sample in workspace.samples.list()}:
        assert time.monotonic() < until, "what was dropped has not become a sample"
        page.wait_for_timeout(200)


@pytest.mark.parametrize(
    ("role", "path", "verb", "needed"),
    [
        ("viewer", "/deployments/line-1", "Stop", "engineer"),
        ("labeler", "/models/cells", "Roll back", "engineer"),
        ("labeler", "/sources", "Connect a source", "engineer"),
        ("viewer", "/?settings=schemas", "Save", "engineer"),
    ],
)
def test_who_may_not_sees_the_verb_and_the_role_that_may(
    seat: SeatOf, role: str, path: str, verb: str, needed: str
) -> None:
    page = seat(role).visit(path)
    button = page.get_by_role("button", name=verb, exact=True)
    expect(button).to_be_disabled()
    button.focus()
    expect(page.get_by_role("tooltip").first).to_have_text(f"Needs the role {needed}")


def _typed(page: Page, word: str, action: str) -> None:
    """Confirms in the dialog by typing the word; returns once it is gone."""
    dialog = page.get_by_role("dialog")
    go = dialog.get_by_role("button", name=action, exact=True)
    expect(go).to_be_disabled()
    dialog.get_by_role("textbox").last.fill(word)
    go.click()
    expect(dialog).to_have_count(0)


def picture(seed: int) -> bytes:
    """A PNG of noise that no sample is like."""
    kept = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(kept, "PNG")
    return kept.getvalue()
