"""axe-core on every screen of a loop that has closed, in both themes: no violation of WCAG 2.2 AA."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from sightloop.interfaces.sdk import connect
from tests.journeys.browser_pages import SCREENS, SeatOf
from tests.journeys.served import Served

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

_AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RUN = "(tags) => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"


@pytest.fixture(scope="module")
def axe() -> str:
    """The text of axe-core; skips where the dashboard's packages are not installed, but never in CI."""
    if not _AXE.is_file() and os.environ.get("CI") != "true":
        pytest.skip("axe-core is not installed: npm ci in web/")
    return _AXE.read_text()


@pytest.fixture(scope="module")
def deeper(dashboard: Served) -> dict[str, str]:
    """The screens behind the nine: one alert, run, campaign, sample and so on, and what lies over them."""
    with connect(dashboard.folder) as ws:
        alert = next(one for one in ws.alerts.list() if one.kind == "drift")
        run = next(one for one in ws.runs.list(kind="train"))
        sample = next(iter(ws.samples.list(limit=1)))
        campaign = ws.campaigns.list()[0]
    return {
        "one alert": f"/alerts/{alert.id}",
        "one run": f"/runs/{run.id}",
        "one campaign": f"/review/{campaign.id}",
        "one sample": f"/s/{sample.id}",
        "versions": "/datasets/cells?view=versions",
        "health": "/datasets?view=health",
        "difference": "/datasets/cells/diff?a=1&b=2",
        "one model": "/models/cells",
        "evaluation": "/models/cells?tab=eval",
        "gates": "/models/cells?tab=gates&v=2",
        "lineage": "/models/cells?tab=lineage",
        "one deployment": "/deployments/line-1",
        "quarantine": "/sources?tab=quarantine",
        "members": "/?settings=members",
        "schemas": "/?settings=schemas",
    }


def test_every_screen_is_clean_in_both_themes(seat: SeatOf, axe: str, deeper: dict[str, str]) -> None:
    one = seat("admin", color_scheme="dark")
    found: dict[str, list[str]] = {}
    for name, path in {**SCREENS, **deeper}.items():
        page = one.visit(path)
        one.settled()
        page.evaluate(axe)  # the policy of the page bars scripts that are added to it
        for theme in ("dark", "light"):
            page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
            if wrong := violations(page):
                found[f"{name}, {theme}"] = wrong
    assert not found, "\n".join(f"{name}: {line}" for name, lines in found.items() for line in lines)


def violations(page: Page) -> list[str]:
    """Each rule that is broken, with the elements that break it."""
    said: Any = page.evaluate(_RUN, _RULES)
    return [
        f"{one['id']}: {node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}"
        for one in said["violations"]
        for node in one["nodes"]
    ]
