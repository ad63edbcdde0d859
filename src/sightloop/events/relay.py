"""A port of this machine that leads to one checked address, for a reader that opens its connections itself.

A library for streams resolves names on its own, and follows where a camera redirects it. It is given this port instead:
behind it stands the address that was checked, and an answer that redirects ends the connection.
"""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, urlsplit

from sightloop.events.egress import Egress

WAIT_S: Final = 10.0
IDLE_S: Final = 120.0
_PIECE: Final = 64 << 10
_REDIRECT: Final = re.compile(rb"\n[ \t]*location[ \t]*:", re.IGNORECASE)  # RFC 2326, 12.25: only where a stream moved
_OVERLAP: Final = 64


class Relay:
    """Takes one connection; close it, or leave its block.

    Raises:
        InvalidInput: this is no URL of a camera.
        Refused: it leads where requests may not go.
        Unavailable: the name has no address.
    """

    def __init__(self, egress: Egress, url: str) -> None:
        self._target = urlsplit(egress.resolve(url, ("rtsp",)).url)
        self._server = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._server.settimeout(WAIT_S)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._lead, name="camera-relay", daemon=True).start()

    def url(self, user: str = "", password: str = "") -> str:
        """Where the camera answers on this machine; with credentials, it is a secret."""
        port = self._server.getsockname()[1]
        known = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        return self._target._replace(netloc=f"{known}127.0.0.1:{port}").geturl()

    def close(self) -> None:
        """Returns once nobody listens; a connection under way is cut."""
        for one in [self._server, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lead(self) -> None:
        with suppress(OSError):
            here, _ = self._server.accept()
            self._open.append(here)
            self._server.close()
            with here, socket.create_connection((self._target.hostname, self._target.port), WAIT_S) as there:
                self._open.append(there)
                for one in (here, there):
                    one.settimeout(IDLE_S)
                threading.Thread(target=_pour, args=(here, there), daemon=True).start()
                _pour(there, here, watched=True)


def _pour(source: socket.socket, into: socket.socket, *, watched: bool = False) -> None:
    """Returns once one side has ended, or a watched source redirects; then both end."""
    tail = b""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            if watched:
                tail = (tail + piece).replace(b"\r", b"")  # as the reader passes over them, wherever they stand
                if _REDIRECT.search(tail):
                    break
                tail = tail[-_OVERLAP:]
            into.sendall(piece)
    for one in (source, into):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
