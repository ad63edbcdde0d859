"""Folder per class: `<split>/<class>/<file>`, as ImageFolder of torchvision reads it.

A class name is percent-encoded where a folder cannot bear it. Kept: the class of the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote

from sightloop.datasets.formats.rows import Content, ExportItem, Items, LabelRow, Losses, unpack
from sightloop.domain import LabelSchema

TITLE: Final = "Folders by class"
UNLABELLED: Final = "_unlabelled"


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each file in the archive; the folder that holds it names the class, the one above it the split."""
    return [row for name, digest in unpack(data).digests.items() if (row := row_of(name, digest)) is not None]


def row_of(name: str, digest: str = "") -> LabelRow | None:
    """The row that a path stands for, or None for a file in no folder."""
    parts = PurePosixPath(name).parts
    if len(parts) < 2:
        return None
    label = "" if parts[-2] == UNLABELLED else unquote(parts[-2])
    return LabelRow(label, digest=digest, name=name, split=parts[-3] if len(parts) > 2 else "")


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """No file of its own: the paths of the media carry the labels."""
    losses.update(f"a {one.geometry_type}: folders hold classes of images" for item in items for one in item.objects)
    losses.update("the metadata of an image" for item in items if item.metadata)
    yield from ()


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    label = quote(item.label, safe=" ").replace(".", "%2E") if item.label else UNLABELLED
    return f"{item.split}/{label}/{item.file}"
