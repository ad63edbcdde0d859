"""Small images for the specifications of inference, good and broken, made here byte by byte."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def noise(height: int = 60, width: int = 80, seed: int = 0) -> Pixels:
    """Random colour pixels (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(kind: str, pixels: npt.NDArray[Any] | None = None, **options: Any) -> bytes:
    """The bytes of an image file of this kind."""
    buffer = BytesIO()
    Image.fromarray(noise() if pixels is None else pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """69 bytes: a PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0").ljust(12, b"\0"))
        + _chunk(b"IEND")
    )


def webp_header(width: int, height: int) -> bytes:
    """34 bytes: a lossless WebP that claims a size."""
    bits = (width - 1) | (height - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<IB", 14, 0x2F) + struct.pack("<I", bits) + bytes(9)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff_header(width: int, height: int) -> bytes:
    """A little-endian TIFF whose directory claims a size."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (279, 4, 1)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def gif_header(width: int, height: int) -> bytes:
    """A GIF whose one frame claims a size."""
    size = struct.pack("<HH", width, height)
    return b"GIF89a" + size + bytes(3) + b"," + bytes(4) + size + bytes(1) + b"\x02\x01\x00\x00;"


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
