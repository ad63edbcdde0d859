"""Small files that claim, or unpack to, far more than they weigh: headers, streams, profiles, frames and archives."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from PIL import Image, PngImagePlugin

from examples.solar_cells import claims
from examples.solar_cells.claims import GREY, PNG, RGB, RGBA, png

SIDES = ((30_000, 3_333), (30_001, 10), (10, 30_001), (40_000, 40_000), (65_535, 65_535), (2_000_000_000, 1))


def bombs() -> dict[str, bytes]:
    """Their bytes by name, the same every time."""
    return {f"bomb-{name}": data for name, data in (*_headers(), *_streams(), *_chunks(), *_frames(), *_archives())}


def _headers() -> Iterator[tuple[str, bytes]]:
    """Sizes that are claimed and followed by nothing."""
    for width, height in SIDES:
        name = f"header-{width}x{height}"
        yield f"{name}.png", png(width, height, 8, RGB, b"")
        yield f"{name}.bmp", claims.bmp_header(width, height)
        yield f"{name}.tif", claims.tiff_header(width, height)
        if max(width, height) <= 65_535:
            yield f"{name}.jpg", claims.jpeg_header(width, height)
            yield f"{name}.gif", claims.gif_header(width, height)
            yield f"{name}.webp", claims.webp_canvas(width, height)


def _streams() -> Iterator[tuple[str, bytes]]:
    """Whole images of zeros, from just allowed (100 megapixels) to 16 bits of four channels and far too large."""
    yield "allowed-grey.png", claims.png_of_zeros(10_000, 10_000, 8, GREY)
    yield "allowed-rgb.png", claims.png_of_zeros(10_000, 10_000, 8, RGB)
    yield "allowed-rgba16.png", claims.png_of_zeros(10_000, 10_000, 16, RGBA)
    yield "allowed-wide.png", claims.png_of_zeros(30_000, 3_333, 8, RGB)
    yield "too-large.png", claims.png_of_zeros(10_001, 10_001, 1, GREY)
    yield "longer-than-it-says.png", png(10, 10, 8, GREY, zlib.compress(bytes(200 << 20), 9))


def _chunks() -> Iterator[tuple[str, bytes]]:
    """Notes and profiles of a small image that unpack to 200 MiB; a chunk that says that it has 2 GiB."""
    packed = zlib.compress(bytes(200 << 20), 9)
    body = zlib.compress(bytes(10 * 11))
    for kind, start in ((b"zTXt", b"note\0\0"), (b"iCCP", b"profile\0\0"), (b"iTXt", b"note\0\1\0\0\0")):
        yield f"{kind.decode()}.png", png(10, 10, 8, GREY, body, (kind, start + packed))
    yield "chunk-of-2-gib.png", PNG + struct.pack(">I", 0x7FFFFFFF) + b"IDAT" + bytes(100)
    info = PngImagePlugin.PngInfo()
    for n in range(20_000):
        info.add_text(f"note {n}", "x")
    out = BytesIO()
    Image.new("L", (10, 10)).save(out, "PNG", pnginfo=info)
    yield "20000-notes.png", out.getvalue()


def _frames() -> Iterator[tuple[str, bytes]]:
    """Thousands of frames, of which only the first is wanted."""
    frame = b"," + struct.pack("<4H", 0, 0, 2_000, 2_000) + b"\0\x02\x02\x4c\x01\0"
    start = b"GIF89a" + struct.pack("<HH", 2_000, 2_000) + b"\x80\0\0" + bytes(6)
    yield "20000-frames.gif", start + frame * 20_000 + b";"
    yield "endless-directories.tif", b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8)
    yield "65535-tags.tif", b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + struct.pack("<HHII", 256, 4, 1, 1) * 65_535


def _archives() -> Iterator[tuple[str, bytes]]:
    yield "gzip-of-1-gib.png", gzip.compress(bytes(1 << 30), 9, mtime=0)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.png"), bytes(200 << 20), compress_type=zipfile.ZIP_DEFLATED)
    yield "zip-of-200-mib.jpg", out.getvalue()
