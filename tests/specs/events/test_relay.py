"""A reader of streams reaches the address that was checked, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from sightloop.errors import Refused
from sightloop.events import Egress, Relay


@pytest.fixture
def camera() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def answers(camera: socket.socket, content: bytes) -> bytes:
    """What a reader behind a relay hears of a camera that says this."""
    egress = Egress(["127.0.0.0/8"])

    def serve() -> None:
        taken, _ = camera.accept()
        with taken:
            taken.recv(1000)
            taken.sendall(content)

    threading.Thread(target=serve, daemon=True).start()
    with Relay(egress, f"rtsp://127.0.0.1:{camera.getsockname()[1]}/line") as relay:
        port = int(relay.url().split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), 10) as reader:
            reader.sendall(b"DESCRIBE rtsp://x RTSP/1.0\r\n\r\n")
            heard = b""
            while piece := reader.recv(1000):
                heard += piece
    return heard


def test_what_a_camera_says_arrives(camera: socket.socket) -> None:
    said = b"RTSP/1.0 200 OK\r\nContent-Location: rtsp://elsewhere/\r\n\r\n" + bytes(range(256)) * 1000
    assert answers(camera, said) == said


@pytest.mark.parametrize(
    "head", [b"\r\nLocation: rtsp://10.0.0.1/", b"\nLOCATION : rtsp://10.0.0.1/", b"\r\nLo\rcation: rtsp://10.0.0.1/"]
)
def test_a_camera_that_redirects_is_cut_off(camera: socket.socket, head: bytes) -> None:
    assert b"10.0.0.1" not in answers(camera, b"RTSP/1.0 302 Moved" + head + b"\r\n\r\n")


def test_a_private_address_is_refused_before_anything_listens() -> None:
    with pytest.raises(Refused, match="private network"):
        Relay(Egress(), "rtsp://127.0.0.1:554/line")


def test_credentials_are_escaped_in_the_address_for_the_reader() -> None:
    with Relay(Egress(["127.0.0.0/8"]), "rtsp://127.0.0.1:554/line") as relay:
        assert relay.url("a@b", "p/w:?").startswith("rtsp://a%40b:p%2Fw%3A%3F@127.0.0.1:")
