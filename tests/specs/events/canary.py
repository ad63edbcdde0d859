"""A listener that nobody may reach, and the spellings under which one would try to."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Ways to write an address inside: of this machine, of its network, of a cloud's metadata service.
HOSTS = (
    "127.0.0.1", "127.1", "127.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "0", "2130706433", "0x7f000001",
    "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "017700000001", "0177.1", "127.0.0.1.", "localhost", "LOCALHOST",
    "localhost.", "ip6-localhost", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "100.64.0.1", "100.100.100.200", "169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.170.2", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[64:ff9b:1::a9fe:a9fe]", "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2001:db8::1]", "[fe80::1]", "[fe80::1%25lo]",
    "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[100::1]", "[3fff::1]", "[5f00::1]",
    "１２７.0.0.1", "127。0。0。1", "⑫7.0.0.1", "user@127.0.0.1", "8.8.8.8@127.0.0.1", "8.8.8.8\\@127.0.0.1",
    "127.0.0.1\t", "127.0.0.1\r\nX: y",
)  # fmt: skip


def targets(port: int) -> list[str]:
    """Every host as a URL at the port, and some URLs that are no place to call at all."""
    urls = [f"{scheme}://{host}:{port}/in" for host in HOSTS for scheme in ("http", "https")]
    others = ("gopher", "ftp", "file", "dict", "HTTP+UNIX")
    return [*urls, *(f"{scheme}://127.0.0.1:{port}/in" for scheme in others), f"//127.0.0.1:{port}/in"]


class Canary:
    """Counts connections: those that arrive at its port, and those that this process starts towards that port."""

    def __init__(self) -> None:
        self.arrived = 0
        self.started: list[tuple[str, int]] = []
        self._listeners = [socket.create_server(("0.0.0.0", 0))]
        self.port: int = self._listeners[0].getsockname()[1]
        if socket.has_ipv6:
            self._listeners.append(socket.create_server(("::", self.port), family=socket.AF_INET6))
        for listener in self._listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    @property
    def touched(self) -> bool:
        return bool(self.arrived or self.started)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.arrived += 1
            connection.close()

    def close(self) -> None:
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


_watched: list[Canary] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        for canary in _watched:
            if arguments[1][1] == canary.port:
                canary.started.append((arguments[1][0], arguments[1][1]))


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[Canary]:
    """A block with a canary that also hears of every connection that this process starts."""
    canary = Canary()
    _watched.append(canary)
    try:
        yield canary
    finally:
        _watched.remove(canary)
        canary.close()
