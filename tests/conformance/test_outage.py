"""The database goes and comes back: what needs it is unavailable meanwhile, and what was under way goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sightloop.app import Installation, open_installation
from sightloop.domain import new_id
from sightloop.errors import Refused, Unavailable
from sightloop.events import Events
from sightloop.interfaces.api import build_api
from sightloop.interfaces.sdk.transport import PortalTransport
from sightloop.runs import RunContext, Runs
from sightloop.settings import describe_settings, load_settings
from sightloop.storage import Records
from tests.conformance.conftest import ADMIN, told
from tests.postgres_server import Server

pytestmark = pytest.mark.timeout(170)


def opened(folder: Path, url: str) -> Installation:
    return open_installation(folder, load_settings(folder, {"storage": {"records_url": url}, "decode": {"workers": 1}}))


@pytest.fixture
def http(postgres_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    installation = opened(tmp_path / "plant", postgres_url)
    portal = PortalTransport(build_api(installation))
    with httpx.Client(transport=portal.lend(), base_url="http://localhost") as client:
        client.auth = lambda request: _signed(request, installation.owner_token)
        yield client
    portal.close()
    installation.close()


def _signed(request: httpx.Request, token: str) -> httpx.Request:
    """The request, as a probe or as the owner sends it."""
    if request.url.path.startswith("/api/"):
        request.headers["Authorization"] = f"Bearer {token}"
    return request


def test_requests_are_answered_503_until_the_database_is_back(http: httpx.Client, postgres: Server) -> None:
    assert http.get("/readyz").status_code == 200
    postgres.stop()
    try:
        down = {path: http.get(path) for path in ("/healthz", "/readyz", "/api/v1/status")}
    finally:
        postgres.start()
    assert {path: answer.status_code for path, answer in down.items()} == {
        "/healthz": 200,
        "/readyz": 503,
        "/api/v1/status": 503,
    }
    assert down["/readyz"].headers["retry-after"] == "2"
    assert "secret" not in down["/readyz"].text
    assert [http.get(path).status_code for path in ("/readyz", "/api/v1/status")] == [200, 200]


def test_a_run_that_the_outage_interrupted_goes_on(postgres_url: str, postgres: Server, tmp_path: Path) -> None:
    records = Records(postgres_url, session=new_id("wrk"))
    events = Events(records)
    runs = Runs(records, events, tmp_path / "unused", lease_s=2.0)
    began, go_on, passes = threading.Event(), threading.Event(), []

    def work(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        context.step("first", lambda: passes.append("first"))
        began.set()
        go_on.wait(60.0)
        context.step("second", lambda: told(events, 2, context.caller))
        return {}

    runs.register("work", work)
    runs.launch()
    run = runs.start(ADMIN, "work", {})
    began.wait(60.0)
    postgres.stop()
    try:
        with pytest.raises(Unavailable):
            runs.get(ADMIN, run.id)
        go_on.set()
    finally:
        postgres.start()
    ended = runs.wait(ADMIN, run.id, 120.0)
    runs.close()
    records.close()
    assert (ended.state, passes) == ("succeeded", ["first"])


def test_a_database_belongs_to_one_folder(postgres_url: str, tmp_path: Path) -> None:
    opened(tmp_path / "plant", postgres_url).close()
    with pytest.raises(Refused, match="another installation folder"):
        opened(tmp_path / "another", postgres_url)
    opened(tmp_path / "plant", postgres_url).close()


def test_the_address_is_shown_to_nobody(postgres_url: str) -> None:
    settings = load_settings(None, {"storage": {"records_url": postgres_url}})
    assert postgres_url.split("://")[1] not in repr(settings) + repr(describe_settings(settings))
