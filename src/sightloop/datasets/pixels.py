"""Pixels of a size that an embedder takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.inference import Decoded, DecodePool, DecodeRequest

MOST_PIXELS: Final = 1 << 24  # what a graph of the inference room takes


def embeddable(
    decoder: DecodePool, data: bytes, found: Decoded, side: int, declared: Mapping[str, Any] | None = None
) -> npt.NDArray[np.uint8]:
    """uint8 (H, W, 3): the decoded pixels, or the image reduced to `side` by `side` where it has too many."""
    pixels = found.pixels
    if pixels is None or found.width * found.height > MOST_PIXELS:
        pixels = decoder.decode(data, DecodeRequest(size=(side, side), declared=declared)).pixels
    return np.empty((0, 0, 3), np.uint8) if pixels is None else pixels


def is_shown_as_it_is(format: str, data: bytes) -> bool:
    """Whether browsers show these bytes upright: they turn a JPEG as its EXIF says, but not all turn PNG and WebP."""
    return format == "JPEG" or (format in ("PNG", "WEBP") and b"eXIf" not in data and b"EXIF" not in data)
