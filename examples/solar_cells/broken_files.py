"""Forty broken files, made the same way every time: what a plant's share really holds beside its images."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from examples.solar_cells import claims


def write_broken_files(folder: Path, good: list[Path]) -> list[str]:
    """The names of the forty files now in `folder`, made from six good images."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    png = [path.read_bytes() for path in good[:6]]
    jpeg = [_jpeg(path) for path in good[:6]]
    for i, share in enumerate((0.02, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.98)):
        files[f"truncated-{i}.png"] = png[i % 6][: int(len(png[i % 6]) * share)]
    for i, share in enumerate((0.05, 0.2, 0.4, 0.6, 0.8, 0.95)):
        files[f"truncated-{i}.jpg"] = jpeg[i][: int(len(jpeg[i]) * share)]
    for i, ending in enumerate(("png", "jpg", "png", "bmp", "webp")):
        files[f"empty-{i}.{ending}"] = b""
    files["notes.png"] = b"shift report: line 3 stopped at 04:10\n" * 20
    files["page.jpg"] = b"<!doctype html><title>not an image</title><p>404"
    files["archive.png"] = b"PK\x03\x04" + bytes(200)
    files["paper.png"] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"
    files["script.jpg"] = b"#!/bin/sh\necho broken\n"
    files["drawing.png"] = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'
    for i in range(3):
        files[f"renamed-{i}.jpg"] = _changed(good[i], "PNG", i)
        files[f"renamed-{i}.png"] = _changed(good[i], "JPEG", i)
    files["bomb-header.png"] = claims.png(40_000, 40_000, 8, claims.GREY, b"")
    files["bomb-wide.png"] = claims.png(2_000_000, 2, 8, claims.GREY, b"")
    files["bomb-zeros.png"] = claims.png_of_zeros(20_000, 20_000, 1, claims.GREY)  # some 50 kB
    files["bomb.webp"] = claims.webp_header(16_383, 16_383)
    rng = np.random.default_rng(40)
    for i in range(5):
        scrambled = bytearray(png[i])
        for place in rng.integers(60, len(scrambled) - 20, size=40):
            scrambled[place] ^= 0xFF
        files[f"scrambled-{i}.png"] = bytes(scrambled)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return sorted(files)


def _jpeg(path: Path) -> bytes:
    out = BytesIO()
    Image.open(path).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def _changed(path: Path, image_format: str, seed: int) -> bytes:
    """A whole image of other content, so that only its name is wrong."""
    pixels = np.asarray(Image.open(path).convert("L")).astype(np.int16)
    out = BytesIO()
    Image.fromarray(np.clip(255 - pixels + seed, 0, 255).astype(np.uint8)).save(out, image_format)
    return out.getvalue()
