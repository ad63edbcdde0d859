"""A proxy on this machine, for clients that open their connections themselves: it connects to checked addresses only.

The clients of object stores resolve names and follow redirects on their own, so that a check of the address they are
given would hold for nothing that comes after it. They are told to go through this gate, which asks the egress client
about every connection and then connects to the address that was checked.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import socket
import socketserver
import threading
from contextlib import closing, suppress
from typing import Final
from urllib.parse import urlsplit

from sightloop.errors import SightloopError
from sightloop.events.egress import Egress

HEAD_BYTES: Final = 64 << 10
CONNECT_S: Final = 10.0
IDLE_S: Final = 120.0
_PIECE: Final = 256 << 10
_DROPPED: Final = (b"proxy-authorization:", b"proxy-connection:", b"connection:")


class EgressGate:
    """Listens on a port of this machine from the first use on, for those who know its password."""

    def __init__(self, egress: Egress) -> None:
        self.egress = egress
        self._password = secrets.token_urlsafe(24)
        self._server: _Server | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """What a client names as its proxy."""
        with self._lock:
            if self._server is None:
                self._server = _Server(self.egress, self._password)
                threading.Thread(target=self._server.serve_forever, name="egress-gate", daemon=True).start()
            return f"http://gate:{self._password}@127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Returns once nobody listens any more; connections under way end by themselves."""
        with self._lock:
            if self._server is not None:
                self._server.shutdown()
                self._server.server_close()
                self._server = None


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, egress: Egress, password: str) -> None:
        self.egress = egress
        self.expected = b"Basic " + base64.b64encode(f"gate:{password}".encode())
        super().__init__(("127.0.0.1", 0), _Passage)


class _Passage(socketserver.BaseRequestHandler):
    """One connection: CONNECT for https, or one request in absolute form for http (RFC 9110 9.3.6, RFC 9112 3.2.2)."""

    server: _Server
    request: socket.socket

    def handle(self) -> None:
        with suppress(OSError):
            self.request.settimeout(IDLE_S)
            head, body = _read_head(self.request)
            lines = head.split(b"\r\n")
            parts = lines[0].split(b" ")
            if len(parts) != 3 or not self._knows_password(lines[1:]):
                self._answer(b"407 Proxy Authentication Required")
                return
            method, target, _ = parts
            tunnel = method == b"CONNECT"
            url = f"https://{target.decode('ascii', 'replace')}" if tunnel else target.decode("ascii", "replace")
            try:
                checked = urlsplit(self.server.egress.resolve(url.partition("?")[0]).url)
                ahead = socket.create_connection((checked.hostname, checked.port), CONNECT_S)
            except SightloopError as error:
                self._answer(b"403 Forbidden" if error.code in ("refused", "invalid_input") else b"502 Bad Gateway")
                return
            except OSError:
                self._answer(b"502 Bad Gateway")
                return
            with closing(ahead):
                ahead.settimeout(IDLE_S)
                if tunnel:
                    self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    # One request a connection: the next one may lead elsewhere.
                    asked = urlsplit(target)
                    path = (asked.path or b"/") + (b"?" + asked.query if asked.query else b"")
                    kept = [line for line in lines[1:] if not line.lower().startswith(_DROPPED)]
                    ahead.sendall(
                        b"\r\n".join([b"%s %s HTTP/1.1" % (method, path), *kept, b"connection: close\r\n\r\n"])
                    )
                ahead.sendall(body)
                back = threading.Thread(target=_pour, args=(ahead, self.request), daemon=True)
                back.start()
                _pour(self.request, ahead)
                back.join(IDLE_S)

    def _knows_password(self, lines: list[bytes]) -> bool:
        given = [line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(_DROPPED[0])]
        return len(given) == 1 and hmac.compare_digest(given[0], self.server.expected)

    def _answer(self, status: bytes) -> None:
        self.request.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    """The head of a request without its blank line, and what came after it; raises OSError for what is none."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = client.recv(HEAD_BYTES)
        got += piece
        if not piece or len(got) > HEAD_BYTES:
            raise OSError("no request")
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def _pour(source: socket.socket, into: socket.socket) -> None:
    """Returns once the source has no more to say, or nobody takes it; the other side is told that it ends."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            into.sendall(piece)
    with suppress(OSError):
        into.shutdown(socket.SHUT_WR)
