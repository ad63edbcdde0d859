"""The run lengths of Label Studio's brush: bits of an RGBA image, row by row, whose alpha is the mask.

Layout after label-studio-sdk, converter/brush.py (decode_rle), which follows thi.ng/rle-pack: 32 bits number of values,
5 bits word size - 1, four times 4 bits run size - 1; then blocks: 1 bit "repeated", 2 bits which run size, so many bits
length - 1, and one value or as many as the length says.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.errors import InvalidInput

_WORD: Final = 8
_SIZES: Final = (4, 8, 12, 16)
_CHANNELS: Final = 4
_MAX_BYTES: Final = 4 << 20


def pack_brush(mask: npt.NDArray[np.bool_]) -> list[int]:
    """The bytes of a mask (H, W)."""
    flat = mask.ravel()
    edges = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]))
    parts = [f"{flat.size * _CHANNELS:032b}{_WORD - 1:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        left = (end - start) * _CHANNELS
        while left:
            length = min(left, 1 << _SIZES[-1])
            which = next(i for i, size in enumerate(_SIZES) if length <= 1 << size)
            parts.append(f"1{which:02b}{length - 1:0{_SIZES[which]}b}{255 * int(flat[start]):08b}")
            left -= length
    bits = "".join(parts)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def unpack_brush(packed: Any, width: int, height: int) -> npt.NDArray[np.bool_]:
    """The mask (H, W): where alpha is not 0. Raises InvalidInput, before anything of the image's size is made."""
    good = isinstance(packed, list) and 8 <= len(packed) <= _MAX_BYTES
    if not good or not all(type(one) is int and 0 <= one < 256 for one in packed):
        raise InvalidInput("The brush is no list of bytes.", hint='Export it with "format": "rle".')
    bits = "".join(f"{one:08b}" for one in packed)
    many, word = int(bits[:32], 2), int(bits[32:37], 2) + 1
    sizes = [int(bits[at : at + 4], 2) + 1 for at in range(37, 53, 4)]
    if many != width * height * _CHANNELS or word != _WORD:
        raise InvalidInput(f"The brush is not of {width} x {height} pixels.", hint="Give that of the same image.")
    values = np.zeros(many, np.uint8)
    at, filled = 53, 0
    while filled < many:
        repeated, size = bits[at : at + 1] == "1", sizes[int(bits[at + 1 : at + 3] or "0", 2)]
        length = int(bits[at + 3 : at + 3 + size] or "0", 2) + 1
        at += 3 + size
        need = word if repeated else word * length
        if at + need > len(bits) or filled + length > many:
            raise InvalidInput("The brush ends too early, or too late.", hint="Export it again.")
        if repeated:
            values[filled : filled + length] = int(bits[at : at + word], 2)
        else:
            words = bits[at : at + need]
            values[filled : filled + length] = [int(words[i : i + word], 2) for i in range(0, need, word)]
        filled += length
        at += need
    return values.reshape(height, width, _CHANNELS)[..., 3] > 0
