"""Small images for the specifications of inference, good and broken, made here byte by byte."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from examples.solar_cells.claims import GREY, png

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
    return png(width, height, 8, GREY, zlib.compress(b"\0").ljust(12, b"\0"))
