"""Installations opened in this process, each once: workspaces of one folder share it."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from sightloop.app import Installation, open_installation
from sightloop.interfaces.api import build_api
from sightloop.interfaces.sdk.transport import PortalTransport
from sightloop.settings import load_settings

_open: dict[Path, Shared] = {}
_turn = threading.Lock()


class Shared:
    """An installation with its API in this process; the last one to release it closes it."""

    def __init__(self, folder: Path, installation: Installation) -> None:
        self._folder = folder
        self._installation = installation
        self._portal = PortalTransport(build_api(installation))
        self.users = 0

    @property
    def transport(self) -> httpx.BaseTransport:
        """A transport for one client, which may close it without closing the portal of the others."""
        return self._portal.lend()

    @property
    def owner_token(self) -> str:
        return self._installation.owner_token

    def release(self) -> None:
        with _turn:
            self.users -= 1
            if self.users == 0:
                self.close()

    def close(self) -> None:
        """Returns once the installation is closed, whoever still uses it."""
        if _open.pop(self._folder, None) is not None:
            self._portal.close()
            self._installation.close()


@atexit.register
def _close_all() -> None:
    """A script that ends without closing (on an error, for example) must neither hang nor leave a child behind."""
    for shared in list(_open.values()):
        shared.close()


def open_shared(folder: Path, overrides: Mapping[str, Any] | None) -> Shared:
    """The installation in the folder, opened now or shared with whoever opened it in this process."""
    folder = folder.resolve()
    with _turn:
        if folder not in _open:
            _open[folder] = Shared(folder, open_installation(folder, load_settings(folder, overrides)))
        shared = _open[folder]
        shared.users += 1
        return shared
