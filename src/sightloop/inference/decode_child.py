"""The decoder that runs inside a child: header first, then pixels, by one defined path for every caller.

The path: format from the content, limits from the header, full decode (JPEG by libjpeg-turbo, the rest by
Pillow), EXIF orientation applied, alpha dropped, 16 bits cut to their upper 8, then RGB or grey.
"""

from __future__ import annotations

import struct
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from zlib import crc32

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from sightloop.errors import InvalidMedia
from sightloop.inference.child_loop import Answer, serve
from sightloop.inference.reasons import refuse
from sightloop.vision import quality

MAX_PIXELS: Final = 100_000_000
MAX_SIDE: Final = 30_000
THUMBNAIL_SIDE: Final = 256
THUMBNAIL_QUALITY: Final = 85
PICTURE_QUALITY: Final = 88
WEBP_MAX_SIDE: Final = 16_383  # RFC 6386, section 9.1: 14 bits a side
GREY_SIDE: Final = 32
MEASURED_SIDE: Final = 1024

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
SIGNATURES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (PNG_SIGNATURE, "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
OTHER_IMAGES: Final = (
    (0, b"8BPS"),
    (0, b"\0\0\1\0"),
    (0, b"\0\0\0\x0cjP  "),
    (0, b"\0\0\0\x0cJXL "),
    (0, b"\xff\x0a"),
    (0, b"v/1\1"),
    (4, b"ftypavif"),
    (4, b"ftypheic"),
    (4, b"ftypmif1"),
    (128, b"DICM"),
)
GREY_MODES: Final = {"1", "L", "LA", "La"}
COLOR_MODES: Final = {"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
ENDED: Final = ("truncated", "premature", "end of", "not enough", "incomplete")

TAG_BITS_PER_SAMPLE: Final = 258
TAG_DATE_TIME: Final = 306
TAG_EXIF: Final = 0x8769
TAG_DATE_TIME_ORIGINAL: Final = 0x9003
TAG_OFFSET_TIME_ORIGINAL: Final = 0x9011

Image.MAX_IMAGE_PIXELS = None  # our own limit is stricter, and is checked before any pixel is decoded


def handle(request: dict[str, Any], payloads: list[bytes]) -> Answer:
    """The parts asked for: facts in the header; grey 32 x 32, then pixels, and a thumbnail or a picture as bytes."""
    data = payloads[0]
    name = sniff(data)
    opened = _open(data, name)
    _check_size(*opened.size)
    facts: dict[str, Any] = {
        "format": name,
        "channels": len(opened.getbands()),
        "bit_depth": _bit_depth(opened, data, name),
        "captured_at": _captured_at(opened),
    }
    image = _upright(_decode(opened, data, name))
    facts["width"], facts["height"] = image.size
    grey = image.convert("L")
    parts = [np.asarray(grey.resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BOX))]
    if request["measures"]:
        measured = quality(np.asarray(_shrunk(grey, MEASURED_SIDE)))
        facts["measures"] = [measured.brightness, measured.contrast, measured.blur]
    if request["pixels"]:
        size = request["size"]
        sized = image if size is None else image.resize(size, Image.Resampling.BILINEAR)
        parts.append(np.asarray(sized if sized.mode == "RGB" else sized.convert("RGB")))
    facts["shapes"] = [part.shape for part in parts]
    encoded: list[bytes] = []
    if request["thumbnail"]:
        small = _shrunk(image, THUMBNAIL_SIDE, exact=False)
        facts["colour"] = _mean_colour(small)
        encoded.append(_thumbnail(small))
    if request["picture_px"]:
        encoded.append(_picture(image, request["picture_px"]))
    return facts, [*parts, *encoded]


def sniff(data: bytes) -> str:
    """The format that the first bytes name, one of six; raises InvalidMedia for all else."""
    if not data:
        raise refuse("empty")
    for signature, name in SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if any(data[at : at + len(signature)] == signature for at, signature in OTHER_IMAGES):
        raise refuse("unsupported_format")
    raise refuse("not_an_image")


def _open(data: bytes, name: str) -> Image.Image:
    if name == "WEBP":
        _check_webp(data)
    if name == "PNG":
        _check_png(data)
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
    try:
        if name == "JPEG" and mode in {"L", "RGB"}:
            return _decode_jpeg(opened, data, mode)
        opened.load()
        if mode.startswith("I;16"):
            upper = (np.asarray(opened).astype(np.uint16) >> 8).astype(np.uint8)
            return Image.fromarray(upper)
        plain = "L" if mode in GREY_MODES else "RGB"
        return opened if mode == plain else opened.convert(plain)
    except MemoryError:
        raise
    except Exception as error:
        raise refuse(_reason(error)) from error


def _decode_jpeg(opened: Image.Image, data: bytes, mode: str) -> Image.Image:
    pixels = simplejpeg.decode_jpeg(data, colorspace="GRAY" if mode == "L" else "RGB")
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


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise refuse("corrupt")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise refuse("too_many_pixels", f"It claims {width} x {height}.")


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
            _check_size(*struct.unpack(">II", data[at + 8 : at + 16]))
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
    _check_size(width, height)
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


def _shrunk(image: Image.Image, side: int, *, exact: bool = True) -> Image.Image:
    """By box filter to at most `side` a side; where not exact, by a whole factor first, which takes half the time."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BOX, reducing_gap=None if exact else 1.0)


def _mean_colour(image: Image.Image) -> int:
    """0xRRGGBB of the mean of all pixels, as they are stored (no gamma is undone)."""
    pixels = np.asarray(image).reshape(image.width * image.height, -1)
    red, green, blue = np.broadcast_to(np.rint(pixels.mean(0)).astype(int), 3).tolist()
    return int(red << 16 | green << 8 | blue)


def _picture(image: Image.Image, longest_px: int) -> bytes:
    """For a browser: as it is in PNG, or reduced to at most `longest_px` a side in WebP."""
    small = _shrunk(image, longest_px, exact=False)
    buffer = BytesIO()
    if small.size == image.size:
        Image.fromarray(np.asarray(image)).save(buffer, "PNG", compress_level=1)
    else:
        small.save(buffer, "WEBP" if max(small.size) <= WEBP_MAX_SIDE else "PNG", quality=PICTURE_QUALITY, method=2)
    return buffer.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    small = np.asarray(image)
    grey = small.ndim == 2
    return bytes(
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(small[..., None] if grey else small),
            quality=THUMBNAIL_QUALITY,
            colorspace="GRAY" if grey else "RGB",
            colorsubsampling="Gray" if grey else "420",
        )
    )


def _answer(request: dict[str, Any], payloads: list[bytes]) -> Answer:
    try:
        return handle(request, payloads)
    except (InvalidMedia, MemoryError):
        raise
    except Exception as error:
        raise refuse("corrupt") from error


if __name__ == "__main__":
    serve(_answer)
