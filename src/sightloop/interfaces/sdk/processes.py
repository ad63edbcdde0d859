"""The two long-lived processes: control (the API with the loop's clock) and serving."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from sightloop.app import open_installation, restore_installation
from sightloop.errors import InvalidInput, Unavailable
from sightloop.interfaces.api import build_api
from sightloop.logs import configure_logs
from sightloop.serving import listening_options, serve_deployments
from sightloop.settings import load_settings

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def serve(
    folder: Path, host: str | None = None, port: int | None = None, *, announce: Callable[[str, str], None]
) -> None:
    """Returns when the server is told to end. `announce` gets its address and the owner's one-time link.

    Raises:
        Locked: another process holds the folder.
        InvalidInput: an address beyond this machine without any host named in `api.allowed_hosts`.
    """
    configure_logs()
    settings = load_settings(folder)
    host, port = host or settings.api.host, settings.api.port if port is None else port
    if host not in _LOCAL and not set(settings.api.allowed_hosts) - _LOCAL - {"[::1]"}:
        raise InvalidInput(
            f"To be reached at {host}, the server must know the names it is called by.",
            hint="Set SIGHTLOOP_API__ALLOWED_HOSTS='[\"sightloop.example.com\"]'.",
        )
    with contextlib.closing(_listen(host, port)) as listening:
        bound = listening.getsockname()[1]
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        with contextlib.closing(open_installation(folder, settings, ticking=True)) as installation:
            config = uvicorn.Config(build_api(installation), **listening_options(settings.api))
            reach = address if host in _LOCAL else f"http://127.0.0.1:{bound}"
            installation.publish(reach)
            _leave_on_signals()
            announce(address, f"{address}/owner/{installation.identity.owner_link()}")
            uvicorn.Server(config).run(sockets=[listening])


def run_serving(folder: Path, host: str | None = None, port: int | None = None) -> None:
    """Returns when the serving process is told to end; it needs no database, only FOLDER/serving."""
    settings = load_settings(folder)
    serve_deployments(folder, host or settings.serving.host, settings.serving.port if port is None else port, settings)


def restore(backup: Path, folder: Path) -> dict[str, Any]:
    """What the backup held, which the empty folder now holds; `sightloop.toml` may lie there already."""
    return restore_installation(backup, folder, load_settings(folder))


def _leave_on_signals() -> None:
    """uvicorn raises the signal that ended it once more when it is done; then everything is closed in order."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's algorithm off only then; with it a request waits 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
        return listening
    except OSError as error:
        listening.close()
        raise Unavailable(f"Port {port} of {host} cannot be used.", hint="Choose another one with --port.") from error
