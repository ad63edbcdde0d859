from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from sightloop.domain import Role
from sightloop.inference import Bundle
from sightloop.serving.deployment_file import (
    DeploymentFile,
    Served,
    ServingFolder,
    ServingKey,
    write_deployments,
)
from sightloop.serving.supervisor import free_port
from tests.specs.serving.small_model import small_bundle

KEY, VIEWER_KEY, STRANGER_KEY = "sl_mine", "sl_viewer", "sl_stranger"
CAMERA_KEY, OTHER_CAMERA_KEY = "sl_camera", "sl_other_camera"
WORKSPACE, STRANGER = "ws_a", "ws_b"


def key(secret: str, workspace: str, role: Role = Role.ENGINEER, deployment: str = "") -> ServingKey:
    digest = sha256(secret.encode()).hexdigest()
    return ServingKey(digest, workspace, role, f"key_{secret}", deployment=deployment)


KEYS = (
    key(KEY, WORKSPACE),
    key(VIEWER_KEY, WORKSPACE, Role.VIEWER),
    key(STRANGER_KEY, STRANGER),
    key(CAMERA_KEY, WORKSPACE, Role.PREDICTOR, "line"),
    key(OTHER_CAMERA_KEY, WORKSPACE, Role.PREDICTOR, "line-2"),
)


@dataclass
class Server:
    """A serving process of its own on a folder, and a client for it."""

    folder: Path
    process: subprocess.Popen[bytes]
    client: httpx.Client

    @property
    def place(self) -> ServingFolder:
        return ServingFolder(self.folder)

    def predict(self, image: bytes, *, name: str = "line", secret: str = KEY, **headers: str) -> httpx.Response:
        return self.client.post(
            f"/v2/models/{name}/image",
            content=image,
            headers={"authorization": f"Bearer {secret}", **{k.replace("_", "-"): v for k, v in headers.items()}},
        )

    def get(self, path: str, *, secret: str = KEY) -> httpx.Response:
        return self.client.get(path, headers={"authorization": f"Bearer {secret}"})

    def wait_for(self, version: str, name: str = "line") -> None:
        wait_until(lambda: self.get(f"/v2/models/{name}").json()["model_version"] == version)


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def deploy(folder: Path, version: str, bundle: Bundle | None = None, *, digest: str = "", name: str = "line") -> None:
    """Write the deployment file as control does: one deployment of WORKSPACE."""
    place = ServingFolder(folder)
    data = (bundle or small_bundle()).to_archive()
    digest = digest or sha256(data).hexdigest()
    if not place.bundle(digest).exists():
        place.bundle(digest).write_bytes(data)
    served = Served(WORKSPACE, name, "dep_1", "cells", version, "champion", digest)
    write_deployments(place, DeploymentFile((served,), KEYS))


@contextmanager
def running(folder: Path, **serving: Any) -> Iterator[Server]:
    """A serving process; `faults` is the setting of that name, the rest are settings of serving."""
    port = free_port()
    faults = serving.pop("faults", "")
    settings = {"serving": {"threads": 1, **serving}, "decode": {"workers": 1}, "faults": faults}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sightloop.serving.process",
            *("--folder", str(folder), "--host", "127.0.0.1", "--port", str(port), "--settings", json.dumps(settings)),
        ]
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        try:
            wait_until(lambda: answers(client, process))
            yield Server(folder, process, client)
        finally:
            process.terminate()
            process.wait(20)


def answers(client: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the serving process ended"
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("installation")
    deploy(folder, "mdv_1")
    with running(folder) as server:
        yield server
