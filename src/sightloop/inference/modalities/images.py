"""Images: format from the content, limits from the header, full decode by one defined path for every caller.

The path: JPEG by libjpeg-turbo, the rest by Pillow, EXIF orientation applied, alpha dropped, 16 bits cut to their
upper 8, then RGB or grey. Numbers of 32 bits, and those that a source declares to be measurements, are kept as values.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from zlib import crc32

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from sightloop.inference.modalities.geo import footprint
from sightloop.inference.modalities.measured import as_measured
from sightloop.inference.modalities.opened import Opened, Scalar, check_size, needs
from sightloop.inference.reasons import refuse

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY_MODES: Final = {"1", "L", "LA", "La"}
COLOR_MODES: Final = {"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
WIDE_MODES: Final = {"I", "F"}  # 32 bits a pixel
ENDED: Final = ("truncated", "premature", "end of", "not enough", "incomplete")

TAG_BITS_PER_SAMPLE: Final = 258
TAG_MAKE, TAG_MODEL, TAG_DATE_TIME = 271, 272, 306
TAG_EXIF, TAG_GPS = 0x8769, 0x8825
TAG_DATE_TIME_ORIGINAL, TAG_OFFSET_TIME_ORIGINAL = 0x9003, 0x9011

Image.MAX_IMAGE_PIXELS = None  # our own limit is stricter, and is checked before any pixel is decoded


def open_image(data: bytes, name: str, declared: Mapping[str, Any] | None) -> Opened:
    """The first frame of an image; `declared` says what its numbers mean where they are measurements."""
    opened = _open(data, name)
    check_size(*opened.size)
    found = Opened(
        format=name,
        picture=opened,
        channels=len(opened.getbands()),
        bit_depth=_bit_depth(opened, data, name),
        captured_at=_captured_at(opened),
        facts=_facts(opened, name),
    )
    wide = opened.mode in WIDE_MODES or opened.mode.startswith("I;16")
    if declared or opened.mode in WIDE_MODES:
        raw = _upright(_loaded(opened) if wide else _decode(opened, data, name))
        return as_measured(found, raw, declared or {"quantity": "value", "unit": ""})
    return _with(found, _upright(_decode(opened, data, name)))


def _with(found: Opened, picture: Image.Image) -> Opened:
    return Opened(found.format, picture, found.kind, found.channels, found.bit_depth, found.captured_at, found.facts)


def _open(data: bytes, name: str) -> Image.Image:
    if name == "WEBP":
        _check_webp(data)
    if name == "PNG":
        _check_png(data)
    if name == "HEIC":
        needs("pi_heif", "heic").register_heif_opener(thumbnails=False)
        name = "HEIF"
    try:
        return Image.open(BytesIO(data), formats=[name])
    except MemoryError:
        raise
    except Exception as error:
        raise refuse("truncated" if len(data) < 64 else _reason(error)) from error


def _decode(opened: Image.Image, data: bytes, name: str) -> Image.Image:
    """The first frame as an L or RGB image that still carries its EXIF orientation."""
    mode = opened.mode
    if mode not in GREY_MODES | COLOR_MODES and not mode.startswith("I;16"):
        raise refuse("unsupported_format", f"Its pixels are of mode {mode}.")
    if name == "JPEG" and mode in {"L", "RGB"}:
        return _decode_jpeg(opened, data, mode)
    _loaded(opened)
    if mode.startswith("I;16"):
        upper = (np.asarray(opened).astype(np.uint16) >> 8).astype(np.uint8)
        return Image.fromarray(upper)
    plain = "L" if mode in GREY_MODES else "RGB"
    return opened if mode == plain else opened.convert(plain)


def _loaded(opened: Image.Image) -> Image.Image:
    try:
        opened.load()
    except MemoryError:
        raise
    except Exception as error:
        raise refuse(_reason(error)) from error
    return opened


def _decode_jpeg(opened: Image.Image, data: bytes, mode: str) -> Image.Image:
    try:
        pixels = simplejpeg.decode_jpeg(data, colorspace="GRAY" if mode == "L" else "RGB")
    except ValueError as error:
        raise refuse(_reason(error)) from error
    image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels)
    image.info["exif"] = opened.info.get("exif", b"")
    return image


def _upright(image: Image.Image) -> Image.Image:
    """The same image, turned in place where it says so: a copy of every image would be made otherwise."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # an unreadable orientation is no orientation
        return image
    return image


def _reason(error: Exception) -> str:
    ended = isinstance(error, EOFError | struct.error) or any(word in str(error).lower() for word in ENDED)
    return "truncated" if ended else "corrupt"


def _check_png(data: bytes) -> None:
    """Size, end and checksums of the critical chunks (PNG, third edition, section 5.3): Pillow checks few of them."""
    at = len(PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise refuse("truncated")
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 8 + length
        if kind == b"IHDR":
            check_size(*struct.unpack(">II", data[at + 8 : at + 16]))
        if end + 4 > len(data):
            raise refuse("truncated")
        if kind[:1].isupper() and crc32(memoryview(data)[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise refuse("corrupt")
        at = end + 4


def _check_webp(data: bytes) -> None:
    """Size and length from the RIFF header, as Pillow allocates the canvas on opening (RFC 9649, section 2)."""
    if len(data) < 30:
        raise refuse("truncated")
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        raise refuse("corrupt")
    check_size(width, height)
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise refuse("truncated")


def _bit_depth(opened: Image.Image, data: bytes, name: str) -> int:
    """Bits per channel as the file states them; Pillow's mode hides 16-bit colour."""
    if name == "PNG":
        return data[24]
    if name == "TIFF":
        stated = opened.getexif().get(TAG_BITS_PER_SAMPLE, 1)
        return int(stated[0] if isinstance(stated, tuple) else stated)
    return 1 if opened.mode == "1" else 8


def _captured_at(opened: Image.Image) -> str | None:
    """When the camera says that it took the picture (EXIF 2.32, tags 0x9003, 0x9011, 306), in ISO 8601."""
    try:
        exif = opened.getexif()
        details = exif.get_ifd(TAG_EXIF)
        written = str(details.get(TAG_DATE_TIME_ORIGINAL) or exif.get(TAG_DATE_TIME)).strip("\0 ")
        taken = datetime.strptime(written, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
        zone = str(details.get(TAG_OFFSET_TIME_ORIGINAL, "")).strip("\0 ")
        return datetime.fromisoformat(f"{taken.isoformat()}{zone}").isoformat()
    except MemoryError:
        raise
    except Exception:  # a broken note about a picture does not make the picture unusable
        return None


def _facts(opened: Image.Image, name: str) -> dict[str, Scalar]:
    """Camera and place from EXIF (2.32, GPS tags 1 to 4), and the footprint of a GeoTIFF."""
    try:
        exif = opened.getexif()
        camera = " ".join(str(exif.get(tag) or "").strip("\0 ") for tag in (TAG_MAKE, TAG_MODEL)).strip()
        place = exif.get_ifd(TAG_GPS)
        facts: dict[str, Scalar] = {"camera_model": camera[:200]} if camera else {}
        if {1, 2, 3, 4} <= set(place):
            facts["latitude"] = _degrees(place[2], place[1] in ("S", b"S"))
            facts["longitude"] = _degrees(place[4], place[3] in ("W", b"W"))
        return facts | (footprint(opened) if name == "TIFF" else {})
    except MemoryError:
        raise
    except Exception:  # a broken note about a picture does not make the picture unusable
        return {}


def _degrees(parts: Any, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if not -180 <= value <= 180:
        raise ValueError
    return round(-value if negative else value, 7)
