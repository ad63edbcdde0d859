"""An installation with its API, opened in the test's own process, and small pictures to feed it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI
from PIL import Image

from sightloop.app import Installation, open_installation
from sightloop.interfaces.api import build_api
from sightloop.interfaces.sdk.connection import Connection
from sightloop.interfaces.sdk.transport import PortalTransport
from sightloop.interfaces.sdk.workspace import Workspace
from sightloop.settings import load_settings


class House:
    """An opened installation; clients come with any token."""

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.installation: Installation = open_installation(folder, load_settings(folder, settings))
        self.app: FastAPI = build_api(self.installation)
        self._transport = PortalTransport(self.app)

    def client(self, token: str = "", **headers: str) -> httpx.Client:
        """A plain HTTP client, anonymous without a token."""
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            transport=self._transport.lend(), base_url="http://localhost", headers={**authorization, **headers}
        )

    def owner(self, workspace: str = "default") -> httpx.Client:
        """A client of the owner in a workspace."""
        return self.client(self.installation.owner_token, **{"Sightloop-Workspace": workspace})

    def workspace(self, name: str = "default") -> Workspace:
        """The SDK's workspace, as the owner."""
        http = self.owner(name)
        http.base_url = httpx.URL("http://localhost/api/v1")
        return Workspace(Connection(http, local=True))

    def close(self) -> None:
        self._transport.close()
        self.installation.close()


def write_pictures(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Small noisy pictures, each different."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        path = folder / f"{seed}-{number:03d}.png"
        path.write_bytes(picture(noise))
        paths.append(path)
    return paths


def picture(noise: np.random.Generator) -> bytes:
    """The bytes of one PNG of 48 x 48 pixels."""
    buffer = BytesIO()
    Image.fromarray(noise.integers(0, 255, (48, 48, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
