"""Masks as run lengths: the "compressed RLE" text of COCO, read without ever making the mask.

Format after cocodataset/cocoapi, common/maskApi.c, rleToString and rleFrString: runs of 0 and 1 in turn, down the
columns; each run from the fourth on as the difference to the one two before it; 5 bits a character from 48 on, bit 6
says "goes on".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.vision.evidence import require

Runs = npt.NDArray[np.int64]
MAX_MASK_TEXT: Final = 1_000_000
_MOST_CHARACTERS: Final = 7  # 35 bits: more pixels than any image has
_HINT: Final = "Give the compressed RLE of COCO: pycocotools.mask.encode(mask) makes it."


def read_runs(counts: str, height: int, width: int) -> Runs:
    """The lengths of the runs, 0 first; they cover the image exactly. Nothing of the image's size is allocated.

    Raises:
        InvalidInput: no such text, longer than 1,000,000 characters, or of another size.
    """
    require(isinstance(counts, str) and 0 < len(counts) <= MAX_MASK_TEXT, "The mask has no counts, or too many.", _HINT)
    require(counts.isascii(), "The counts of the mask are not ASCII.", _HINT)
    codes = np.frombuffer(counts.encode(), np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(codes & 32 == 0)
    require(bool((codes >= 0).all() and (codes < 64).all() and codes[-1] & 32 == 0), "The counts are damaged.", _HINT)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    require(int(lengths.max()) <= _MOST_CHARACTERS, "A run of the mask is longer than an image.", _HINT)
    place = np.arange(len(codes)) - np.repeat(starts, lengths)
    runs = np.add.reduceat((codes & 31) << 5 * place, starts)
    runs -= np.where(codes[ends] & 16, np.int64(1) << 5 * lengths, 0)
    whole = height * width
    if len(runs) > 3:
        runs[1::2], runs[2::2] = np.cumsum(runs[1::2]), np.cumsum(runs[2::2])
    fits = bool((runs >= 0).all() and (runs <= whole).all())
    require(fits and int(runs.sum()) == whole, f"The mask does not cover {width} x {height} pixels.", _HINT)
    return runs


def write_runs(runs: Runs) -> str:
    """The text of the runs."""
    values = runs.astype(np.int64).copy()
    values[3:] -= runs[1:-2]
    text = bytearray()
    for value in values.tolist():
        more = True
        while more:
            code = value & 31
            value >>= 5
            more = value != (-1 if code & 16 else 0)
            text.append((code | 32 if more else code) + 48)
    return text.decode()


def encode_mask(mask: npt.NDArray[Any]) -> str:
    """The text of a mask (H, W)."""
    flat = np.asarray(mask, bool).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [len(flat)]))
    runs = np.diff(edges)
    return write_runs(np.concatenate(([0], runs)) if len(flat) and flat[0] else runs)


def decode_mask(counts: str, height: int, width: int) -> npt.NDArray[np.bool_]:
    """The mask, bool (H, W)."""
    runs = read_runs(counts, height, width)
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape((height, width), order="F")


def fill_rings(rings: Sequence[Sequence[Sequence[float]]], height: int, width: int) -> npt.NDArray[np.bool_]:
    """The mask, bool (H, W), of pixels whose centre lies within an odd number of rings of x, y in pixels."""
    turns = np.zeros((height, width + 1), np.int32)
    for ring in rings:
        points = np.asarray(ring, np.float64)
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            low, high = sorted((y0, y1))
            rows = np.arange(max(0, math.ceil(low - 0.5)), min(height, math.ceil(high - 0.5)))
            crossed = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0) if len(rows) else rows.astype(float)
            np.add.at(turns, (rows, np.clip(np.ceil(crossed - 0.5), 0, width).astype(int)), 1)
    return np.asarray(turns.cumsum(axis=1)[:, :width] % 2 == 1)
