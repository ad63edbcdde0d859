"""Image files of a few bytes that claim any size, byte by byte, and PNGs of zeros that do hold what they claim."""

from __future__ import annotations

import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
GREY, RGB, RGBA = 0, 2, 6


def png(width: int, height: int, bits: int, colour: int, body: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG of this header and these compressed rows, with extra chunks between."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), *extra, (b"IDAT", body), (b"IEND", b"")]
    return PNG + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def png_of_zeros(width: int, height: int, bits: int, colour: int) -> bytes:
    """A valid PNG in which every sample is zero."""
    channels = {GREY: 1, RGB: 3, RGBA: 4}[colour]
    row, packer = bytes(1 + (width * bits * channels + 7) // 8), zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, bits, colour, body)


def bmp_header(width: int, height: int) -> bytes:
    """A BMP of 24 bits."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG; sides up to 65,535."""
    frame = b"\x08" + struct.pack(">HH", height, width) + b"\x03\x01\x11\0\x02\x11\0\x03\x11\0"
    return b"\xff\xd8\xff\xc0\0\x11" + frame + b"\xff\xd9"


def gif_header(width: int, height: int) -> bytes:
    """A GIF of one frame; sides up to 65,535."""
    size = struct.pack("<HH", width, height)
    return b"GIF89a" + size + bytes(3) + b"," + bytes(4) + size + bytes(1) + b"\x02\x01\x00\x00;"


def tiff_header(width: int, height: int) -> bytes:
    """A little-endian TIFF, the claim in its directory."""
    tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 1))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


def webp_header(width: int, height: int) -> bytes:
    """A lossless WebP; sides up to 16,384."""
    bits = (width - 1) | (height - 1) << 14
    return _riff(b"VP8L", b"\x2f" + struct.pack("<I", bits) + bytes(9))


def webp_canvas(width: int, height: int) -> bytes:
    """A WebP that claims a canvas and holds no image; sides up to 16,777,216."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return _riff(b"VP8X", bytes(4) + size)


def _riff(kind: bytes, data: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
