"""`connect`: a folder, a server or the memory becomes a workspace. Heavy rooms load only when a folder is opened."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from sightloop.errors import InvalidInput, Locked
from sightloop.interfaces.sdk.connection import Connection
from sightloop.interfaces.sdk.workspace import Workspace
from sightloop.storage import FolderLock

DEFAULT_FOLDER = "./sightloop-data"
_PREFIX = "/api/v1"
_WORKSPACE_HEADER = "Sightloop-Workspace"
_TIMEOUT = httpx.Timeout(10.0, read=600.0)


def connect(
    url: str | Path = DEFAULT_FOLDER,
    *,
    key: str | None = None,
    workspace: str = "default",
    settings: Mapping[str, Any] | None = None,
) -> Workspace:
    """The workspace at a folder (embedded), at "https://..." (a server, with a key) or at "memory://" (until closed).

    A folder that a server on this machine holds is reached through that server. `settings` count for embedded
    workspaces only.

    Raises:
        Locked: another process holds the folder and serves nobody.
        NotFound: the workspace does not exist in the folder.
    """
    place = str(url)
    if place.startswith(("http://", "https://")):
        if not key:
            raise InvalidInput("A server is asked with an API key.", hint='connect("https://...", key="sl_...")')
        return _over_http(place, {"Authorization": f"Bearer {key}"}, local=False)
    if place == "memory://":
        folder = Path(tempfile.mkdtemp(prefix="sightloop-"))
        return _embedded(folder, workspace, settings, after=lambda: shutil.rmtree(folder, ignore_errors=True))
    if "://" in place:
        raise InvalidInput(f'"{place}" is no place to connect to.', hint='Give a folder, "https://..." or "memory://".')
    folder = Path(place)
    if _is_served(folder):
        return _through_holder(folder, workspace)
    try:
        return _embedded(folder, workspace, settings, after=None)
    except Locked as held:
        if not held.facts.get("address"):
            raise
        return _through_holder(folder, workspace)


def _embedded(
    folder: Path, workspace: str, settings: Mapping[str, Any] | None, *, after: Callable[[], None] | None
) -> Workspace:
    from sightloop.interfaces.sdk.embedded import open_shared

    shared = open_shared(folder, settings)

    def close() -> None:
        shared.release()
        if after is not None:
            after()

    try:
        http = httpx.Client(
            transport=shared.transport,
            base_url=f"http://localhost{_PREFIX}",
            headers={"Authorization": f"Bearer {shared.owner_token}", _WORKSPACE_HEADER: workspace},
            timeout=None,  # noqa: S113  in this process nothing gets lost on a wire
        )
        opened = Workspace(Connection(http, local=True), close)
        opened.status()
    except BaseException:
        close()
        raise
    return opened


def _is_served(folder: Path) -> bool:
    """Whether another process holds the folder and serves it; found out without loading what embedding needs."""
    if not FolderLock.holder(folder).get("address"):
        return False
    try:
        FolderLock.acquire(folder).release()
    except Locked:
        return True
    return False


def _through_holder(folder: Path, workspace: str) -> Workspace:
    holder = FolderLock.holder(folder)
    headers = {"Authorization": f"Bearer {holder.get('token', '')}", _WORKSPACE_HEADER: workspace}
    return _over_http(str(holder["address"]), headers, local=True)


def _over_http(address: str, headers: dict[str, str], *, local: bool) -> Workspace:
    http = httpx.Client(base_url=address.rstrip("/") + _PREFIX, headers=headers, timeout=_TIMEOUT, trust_env=not local)
    return Workspace(Connection(http, local=local))
