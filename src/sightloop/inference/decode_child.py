"""The decoder that runs inside a child: a reader opens the medium, then the parts that were asked for are made."""

from __future__ import annotations

import time
from io import BytesIO
from typing import Any, Final

import numpy as np
import simplejpeg
from PIL import Image

from sightloop.errors import InvalidMedia
from sightloop.inference.child_loop import Answer, serve
from sightloop.inference.frames import Payload
from sightloop.inference.modalities.dicom import under_pseudonyms
from sightloop.inference.modalities.kinds import open_medium
from sightloop.inference.modalities.opened import Opened, shown
from sightloop.inference.modalities.video import open_frames, pick_times
from sightloop.inference.reasons import refuse
from sightloop.vision import quality

THUMBNAIL_SIDE: Final = 256
THUMBNAIL_QUALITY: Final = 85
PICTURE_QUALITY: Final = 88
WEBP_MAX_SIDE: Final = 16_383  # RFC 6386, section 9.1: 14 bits a side
GREY_SIDE: Final = 32
MEASURED_SIDE: Final = 1024
BUDGET_S: Final = 3.0


def handle(request: dict[str, Any], payloads: list[bytes]) -> Answer:
    """The parts asked for: facts in the header; grey 32 x 32, then pixels, and what is bytes."""
    data = payloads[0]
    if request["pseudonyms"]:
        return {}, [under_pseudonyms(data, bytes.fromhex(request["pseudonyms"]))]
    if request["plan"]:
        return {"times": pick_times(data, request["plan"])}, []
    if request["pts"]:
        return _frames(data, request)
    return _made(open_medium(data, request["suffix"], request["anything"], request["declared"]), request)


def _frames(data: bytes, request: dict[str, Any]) -> Answer:
    """An answer for each frame that is made within BUDGET_S, at least one; empty where there is no such frame."""
    until = time.monotonic() + BUDGET_S
    many: list[dict[str, Any]] = []
    parts: list[Payload] = []
    for opened in open_frames(data, request["pts"]):
        facts, made = ({}, []) if opened is None else _made(opened, request)
        many.append({**facts, "parts": len(made)})
        parts += made
        if time.monotonic() > until:
            break
    return {"many": many}, parts


def _made(opened: Opened, request: dict[str, Any]) -> Answer:
    image = opened.picture
    if request["view"] and opened.values is not None:
        image = shown(opened.values, {**opened.reading, **request["view"]})
    facts: dict[str, Any] = {
        "format": opened.format,
        "kind": opened.kind,
        "channels": opened.channels,
        "bit_depth": opened.bit_depth,
        "captured_at": opened.captured_at,
        "facts": dict(opened.facts),
        "reading": dict(opened.reading),
    }
    facts["width"], facts["height"] = image.size
    grey = image.convert("L")
    parts: list[Payload] = [np.asarray(grey.resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BOX))]
    if request["measures"]:
        measured = quality(np.asarray(_shrunk(grey, MEASURED_SIDE)))
        facts["measures"] = [measured.brightness, measured.contrast, measured.blur]
    if request["pixels"]:
        size = request["size"]
        sized = image if size is None else image.resize(size, Image.Resampling.BILINEAR)
        parts.append(np.asarray(sized if sized.mode == "RGB" else sized.convert("RGB")))
    facts["shapes"] = [np.shape(part) for part in parts]
    encoded: dict[str, bytes] = {}
    if request["thumbnail"]:
        small = _shrunk(image, THUMBNAIL_SIDE, exact=False)
        facts["colour"] = _mean_colour(small)
        encoded["thumbnail"] = _thumbnail(small)
    if request["picture_px"]:
        encoded["picture"] = _picture(image, request["picture_px"])
    encoded |= _contents(opened, request)
    facts["encoded"] = list(encoded)
    return facts, [*parts, *encoded.values()]


def _contents(opened: Opened, request: dict[str, Any]) -> dict[str, bytes]:
    """What the medium holds beside its picture, little-endian float32 or UTF-8."""
    made: dict[str, bytes] = {}
    if request["values"] and opened.values is not None:
        made["values"] = opened.values.astype("<f4").tobytes()
    if request["points"] and opened.points is not None:
        chosen = np.linspace(0, len(opened.points) - 1, min(len(opened.points), request["points"])).astype(int)
        made["points"] = opened.points[chosen].astype("<f4").tobytes()
    if request["text"] and opened.text:
        made["text"] = opened.text.encode()
    return made


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
