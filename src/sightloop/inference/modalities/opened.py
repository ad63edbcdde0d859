"""What a reader finds in a medium, and how values become a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from sightloop.inference.reasons import refuse

Scalar = str | int | float | bool
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

MAX_PIXELS: Final = 100_000_000
MAX_SIDE: Final = 30_000
LOW_SHARE, HIGH_SHARE = 1.0, 99.0  # percentiles shown where nobody says from where to where

PALETTES: Final[Mapping[str, tuple[int, ...]]] = {
    "grey": (0x000000, 0xFFFFFF),
    "iron": (0x00000A, 0x2B0A6B, 0x8B0A8C, 0xD62F4B, 0xF5811E, 0xFCC936, 0xFFFFF0),
    "rainbow": (0x30123B, 0x4675ED, 0x1BCFD4, 0x61FC6C, 0xD1E834, 0xFE9B2D, 0xD93806, 0x7A0403),
}
"""Colours at equal distances, dark to light; between them it is linear in sRGB."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One medium, opened.

    Attributes:
        format: the name of the format, found from the content.
        picture: mode L or RGB, upright: what people, hashes and embedders look at.
        kind: a value of SampleKind.
        channels, bit_depth: as stored in the medium.
        captured_at: ISO 8601; without a zone where the medium names none.
        facts: facets of the sample, such as {"points": 22600}.
        reading: {"quantity", "unit", "scale", "offset"} where pixels are measurements; see `values`.
        values: float32 (H, W) in the reading's unit, NaN where nothing was measured; as the picture lies.
        points: float32 (N, 4): x, y, z in metres from the `origin` in `facts`, and intensity from 0 to 1.
        text: what is written in a document.
    """

    format: str
    picture: Image.Image
    kind: str = "image"
    channels: int = 1
    bit_depth: int = 8
    captured_at: str | None = None
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    values: Floats | None = None
    points: Floats | None = None
    text: str = ""


def check_size(width: int, height: int) -> None:
    """Nothing; raises InvalidMedia where a picture has no pixels or more than the limit."""
    if width < 1 or height < 1:
        raise refuse("corrupt")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise refuse("too_many_pixels", f"It claims {width} x {height}.")


def shown(values: Floats, reading: Mapping[str, Any]) -> Image.Image:
    """The picture of measured values: `low` to `high` of the reading over its palette.

    Where the reading names no range, the 1st to 99th percentile of these values; what was not measured is black.
    """
    known = np.isfinite(values)
    low, high = reading.get("low"), reading.get("high")
    if low is None or high is None:
        ends = np.percentile(values[known], [LOW_SHARE, HIGH_SHARE]) if known.any() else (0.0, 1.0)
        low, high = (ends[0] if low is None else low), (ends[1] if high is None else high)
    with np.errstate(over="ignore", invalid="ignore"):
        share = (values.astype(np.float64) - float(low)) / max(float(high) - float(low), 1e-12)
    level = np.rint(np.clip(np.where(known, share, 0.0), 0.0, 1.0) * 255).astype(np.uint8)
    palette = str(reading.get("palette") or "grey")
    if palette == "grey":
        return Image.fromarray(level)
    return Image.fromarray(np.where(known[..., None], _table(palette)[level], np.uint8(0)))


def needs(module: str, extra: str) -> Any:
    """The module; raises InvalidMedia, reason `needs_extra`, where the extra that brings it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise refuse("needs_extra", f"Install it: pip install 'sightloop[{extra}]'") from error


def _table(palette: str) -> Pixels:
    """uint8 (256, 3)."""
    anchors = np.array([[colour >> 16, colour >> 8 & 255, colour & 255] for colour in PALETTES[palette]], float)
    at = np.linspace(0, len(anchors) - 1, 256)
    return np.stack([np.interp(at, range(len(anchors)), anchors[:, i]) for i in range(3)], 1).round().astype(np.uint8)
