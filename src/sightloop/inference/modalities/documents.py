"""Text: reports and tickets become a page to look at, and words to search."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageFont

from sightloop.inference.modalities.opened import Opened
from sightloop.inference.reasons import refuse

MAX_BYTES: Final = 8 << 20
WIDTH, HEIGHT, MARGIN, SIZE = 480, 640, 24, 13
LINES, LETTERS = 36, 68


def open_text(data: bytes, _suffix: str) -> Opened:
    """A text in UTF-8; its picture is its first page."""
    if len(data) > MAX_BYTES:
        raise refuse("too_large", f"A text may have {MAX_BYTES} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("not_text") from error
    if "\0" in text or not text.strip():
        raise refuse("not_text")
    return Opened("TEXT", _page(text), "document", 1, 8, facts={"words": len(text.split())}, text=text)


def _page(text: str) -> Image.Image:
    image = Image.new("L", (WIDTH, HEIGHT), 250)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(SIZE)
    lines = [line[at : at + LETTERS] for line in text.splitlines() for at in range(0, max(1, len(line)), LETTERS)]
    for number, line in enumerate(lines[:LINES]):
        pen.text((MARGIN, MARGIN + number * (SIZE + 3)), line.expandtabs(4), fill=30, font=font)
    return image
