"""Small clips of every kind, made on the spot."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any

import av
import numpy as np
import numpy.typing as npt

KINDS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "h264": ("mp4", "libx264", {"bf": "3", "g": "12"}),
    "h264-open-gop": ("matroska", "libx264", {"bf": "3", "g": "12", "x264-params": "open-gop=1:bframes=3"}),
    "mpeg4": ("mp4", "mpeg4", {"bf": "2", "g": "12"}),
    "mpeg4-avi": ("avi", "mpeg4", {"bf": "2", "g": "12"}),
    "vp9": ("webm", "libvpx-vp9", {"g": "12"}),
    "transport": ("mpegts", "libx264", {"bf": "3", "g": "12"}),
}


@cache
def clip(kind: str = "h264", *, frames: int = 40, fps: int = 20, side: int = 64, cuts: int = 0) -> bytes:
    """Noise that moves; with `cuts`, another scene after so many frames each."""
    container, codec, options = KINDS[kind]
    buffer = BytesIO()
    noise = np.random.default_rng(0)
    base = noise.integers(0, 255, (side // 8, side // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(buffer, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.options = side, side, "yuv420p", dict(options)
        for number in range(frames):
            pixels = np.roll(base, number * 3, 1)
            if cuts:
                pixels = np.full_like(base, 40 + 90 * (number // cuts % 3))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels))))
        out.mux(stream.encode())
    return buffer.getvalue()


def decoded(data: bytes) -> dict[int, npt.NDArray[np.uint8]]:
    """Every frame by its pts, by decoding all of them in order."""
    with av.open(BytesIO(data), "r") as container:
        return {int(frame.pts or 0): _rgb(frame) for frame in container.decode(video=0)}


def _rgb(frame: Any) -> npt.NDArray[np.uint8]:
    return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def uneven(times: list[int]) -> bytes:
    """An H.264 clip with a frame at each of these milliseconds."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream: Any = out.add_stream("libx264", rate=1000)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for at in times:
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), at % 251, np.uint8))
            frame.pts = at
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()


def sound_only() -> bytes:
    """An MP4 with a track of sound."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream: Any = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()


def turned(data: bytes) -> bytes:
    """The MP4, to be shown a quarter turn clockwise (matrix of the track header, ISO/IEC 14496-12, 8.3.2)."""
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 64 << 16, 0, 1 << 30)
    track = data.index(b"tkhd")
    at = data.index(upright, track)
    return data[:at] + clockwise + data[at + len(upright) :]


def huge() -> bytes:
    """An AVI of raw pixels whose header claims 16,000 by 16,000 of them."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="avi") as out:
        stream: Any = out.add_stream("rawvideo", rate=1)
        stream.width, stream.height, stream.pix_fmt = 8, 8, "bgr24"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), format="bgr24")))
    data = buffer.getvalue()
    at = data.index(b"strf") + 12  # BITMAPINFOHEADER: size, width, height
    return data[:at] + struct.pack("<ii", 16_000, 16_000) + data[at + 8 :]
