"""Streams for cameras: a real RTSP server, a clip made on the spot, and one that plays a script."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np

from sightloop.domain import now
from sightloop.errors import SightloopError
from sightloop.inference import Look
from tests.conformance.servers import missing

SYSTEM_PYTHON = "/usr/bin/python3"
OPEN: dict[str, Any] = {"events": {"egress_allow": ["127.0.0.0/8"]}}
PACKAGES = "gstreamer (Debian: python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-ugly)"
SCRIPT = Path(__file__).with_name("rtsp_server.py")


@contextmanager
def rtsp_server(*credentials: str) -> Iterator[str]:
    """The URL of a camera with 20 pictures a second; skips where GStreamer's RTSP server is missing."""
    process = subprocess.Popen([SYSTEM_PYTHON, SCRIPT, *credentials], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port:
            missing("GStreamer's RTSP server", PACKAGES)
        yield f"rtsp://127.0.0.1:{port}/line"
    finally:
        process.kill()
        process.wait()


def write_clip(path: Path, *, frames: int = 40, fps: int = 20, level: int | None = None) -> Path:
    """A small H.264 clip; all of one grey where a level is given."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            pixels = np.full((48, 64, 3), number * 5 % 256 if level is None else level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode())
    return path


class Scripted:
    """A stream that gives these looks, then ends with an error."""

    facts: dict[str, Any] = {"fps": 20.0}  # noqa: RUF012

    def __init__(self, looks: Sequence[Look], end: SightloopError) -> None:
        self._looks = iter(looks)
        self._end = end

    def look(self) -> Look:
        found = next(self._looks, None)
        if found is None:
            raise self._end
        return found


def frames(count: int) -> list[Look]:
    """So many looks with a frame each, and one frame between any two."""
    return [Look(2, b"jpeg %d" % number, now()) for number in range(count)]


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)
