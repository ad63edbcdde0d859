"""The control process: what it serves, to whom, and how others that find the folder held reach it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sightloop.errors import CODES, Forbidden
from sightloop.interfaces.sdk import connect
from tests.journeys.served import Served
from tests.specs.interfaces.house import write_pictures


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    yield running
    running.stop()


def test_the_one_time_link_signs_a_browser_in_once(served: Served) -> None:
    with httpx.Client(base_url=served.address, trust_env=False) as browser:
        assert browser.get("/api/v1/status").status_code == 401
        assert browser.get(served.link).status_code == 200
        assert browser.get("/api/v1/status").json()["workspace"] == "default"
    assert httpx.get(served.link, trust_env=False).status_code == 401


def test_a_folder_that_is_served_is_reached_through_its_server(served: Served, tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    with connect(served.folder) as ws:
        assert ws.ingest(tmp_path).output.ingested == 2


def test_a_remote_client_uploads_its_files_and_may_do_what_its_key_may(served: Served, tmp_path: Path) -> None:
    with connect(served.folder) as ws:
        engineer, viewer = (ws.keys.create(role).secret for role in ("engineer", "viewer"))
    write_pictures(tmp_path, 2, seed=5)
    with connect(served.address, key=engineer) as ws:
        assert ws.ingest(tmp_path).output.ingested == 2
    with connect(served.address, key=viewer) as ws, pytest.raises(Forbidden):
        ws.schemas.create("grades", ["good", "bad"])


def test_a_command_beside_the_server_goes_through_it(served: Served) -> None:
    words = [sys.executable, "-m", "sightloop", "samples", "list", "--folder", str(served.folder), "--json"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.startswith("[")


def test_an_address_beyond_this_machine_needs_the_names_it_is_called_by(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "sightloop", "serve", str(tmp_path), "--host", "0.0.0.0", "--port", "0"]
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert refused.returncode == CODES["invalid_input"].exit_code
    assert "SIGHTLOOP_API__ALLOWED_HOSTS" in refused.stderr


def test_an_ended_server_leaves_the_folder_free(tmp_path: Path) -> None:
    Served(tmp_path).stop()
    with connect(tmp_path) as ws:
        assert ws.samples.count() == 0
