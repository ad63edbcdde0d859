from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from examples.solar_cells.claims import gif_header, tiff_header, webp_header
from sightloop.errors import InvalidMedia
from sightloop.inference import DecodePool

from .images import encoded, noise, png_header


def _zip() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("image.png", encoded("PNG"))
    return buffer.getvalue()


def _damaged_png() -> bytes:
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


BROKEN = {
    "an empty file": (b"", "empty"),
    "text": (b"not a picture at all", "not_an_image"),
    "a web page": (b"<!DOCTYPE html><html></html>", "not_an_image"),
    "an archive": (_zip(), "not_an_image"),
    "a signature alone": (b"\x89PNG\r\n\x1a\n", "truncated"),
    "half a PNG": (encoded("PNG")[:4000], "truncated"),
    "a PNG without its end": (encoded("PNG")[:-12], "truncated"),
    "half a JPEG": (encoded("JPEG")[:1500], "truncated"),
    "a JPEG without its end": (encoded("JPEG")[:-40], "truncated"),
    "half a WebP": (encoded("WEBP")[:1000], "truncated"),
    "half a BMP": (encoded("BMP")[:5000], "truncated"),
    "half a GIF": (encoded("GIF")[:2000], "truncated"),
    "a PNG with a flipped byte": (_damaged_png(), "corrupt"),
    "a PNG bomb of 69 bytes": (png_header(40_000, 40_000), "too_many_pixels"),
    "a PNG with a long side": (png_header(30_001, 1), "too_many_pixels"),
    "a WebP bomb of 34 bytes": (webp_header(16_384, 16_384), "too_many_pixels"),
    "a TIFF bomb": (tiff_header(60_000, 60_000), "too_many_pixels"),
    "a GIF bomb": (gif_header(65_535, 65_535), "too_many_pixels"),
    "an AVIF": (b"\0\0\0\x20ftypavif" + bytes(100), "unsupported_format"),
    "a PSD": (b"8BPS" + bytes(100), "unsupported_format"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_its_reason(pool: DecodePool, case: str) -> None:
    data, reason = BROKEN[case]
    with pytest.raises(InvalidMedia) as refused:
        pool.decode(data)
    assert refused.value.facts["reason"] == reason
    assert refused.value.hint


def test_a_gif_that_is_also_a_script_is_refused(pool: DecodePool) -> None:
    with pytest.raises(InvalidMedia) as refused:
        pool.decode(b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//")
    assert refused.value.facts["reason"] in {"truncated", "corrupt"}


def test_the_bombs_are_as_small_as_they_say() -> None:
    assert (len(png_header(40_000, 40_000)), len(webp_header(16_384, 16_384))) == (69, 34)


def test_the_format_is_found_from_the_content(pool: DecodePool) -> None:
    assert pool.decode(encoded("GIF", noise(4, 4))).format == "GIF"
