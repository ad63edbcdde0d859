"""Pascal VOC: `Annotations/*.xml`, `JPEGImages/`, `ImageSets/Main/<split>.txt`, `labelmap.txt`.

After the VOC2012 development kit (Everingham et al., section "Annotations"), with corners as decimals from 0 on, as
current tools write them, and `sha256` added to each file. Kept: boxes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sightloop.datasets.formats.rows import (
    Content,
    Drawn,
    ExportItem,
    FormatObject,
    Items,
    LabelRow,
    Losses,
    by_file,
    unpack,
    unreadable,
)
from sightloop.domain import LabelSchema
from sightloop.vision import bounds_of

TITLE: Final = "Pascal VOC"
_HINT: Final = "It needs an annotation with filename and objects, each with name and bndbox, and no document type."
_MAX_XML: Final = 16 << 20
# XML 1.0, section 2.2; a carriage return comes back as a line feed (section 2.11).
_BAD: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COLUMNS: Final = "# label:color_rgb:parts:actions"
_PLACELESS: Final = ("class", "polyline", "cuboid")


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each annotation file in the archive, or for the one bare file; splits come from ImageSets."""
    unpacked = unpack(data, ".xml", ".txt")
    digests = by_file(unpacked.digests)
    split_of: dict[str, str] = {}
    rows = []
    name = ""
    try:
        for name, text in unpacked.texts.items():
            if name.lower().endswith(".txt") and "ImageSets" in PurePosixPath(name).parts:
                stems = (line.split() for line in text.decode().splitlines())
                split_of |= {words[0]: PurePosixPath(name).stem for words in stems if words}
        for name, text in sorted(unpacked.texts.items()):
            if name.lower().endswith(".txt"):
                continue
            if len(text) > _MAX_XML:
                raise ValueError("too long")
            root = fromstring(text, forbid_dtd=True)
            file = PurePosixPath(_text(root, "filename").replace("\\", "/")).name
            objects = [(_text(one, "name"), _corners(one)) for one in root.iter("object")]
            losses["parts of an object are left out"] += sum(1 for one in root.iter("part"))
            stem = PurePosixPath(name).stem or PurePosixPath(file).stem
            digest = root.findtext("sha256") or digests.get(file, "")
            drawn = _maker(objects)
            rows.append(LabelRow("", digest=digest, name=file, split=split_of.get(stem, ""), objects=drawn))
    except (ValueError, ParseError, DefusedXmlException, RecursionError) as error:
        raise unreadable("VOC", name, _HINT, error) from error
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """A file for each image, and a list of them for each split."""
    for item in items:
        losses["the class of an image is left out"] += bool(item.label)
        losses["the metadata of an image are left out"] += bool(item.metadata)
        root = Element("annotation")
        _add(root, folder="JPEGImages", filename=item.file, sha256=item.digest)
        _add(SubElement(root, "size"), width=item.width, height=item.height, depth=3)
        losses["a character that XML cannot hold is replaced"] += sum(bool(_BAD.search(o.label)) for o in item.objects)
        for one in item.objects:
            if one.geometry_type in _PLACELESS:
                losses[f"a {one.geometry_type} is left out: VOC has none"] += 1
                continue
            if one.geometry_type != "box":
                losses[f"a {one.geometry_type} is written as its bounds"] += 1
            losses["the attributes of an object are left out"] += bool(one.attributes)
            x, y, width, height = bounds_of(one.geometry_type, one.geometry)
            found = SubElement(root, "object")
            _add(found, name=one.label, difficult=0)
            _add(SubElement(found, "bndbox"), xmin=x, ymin=y, xmax=x + width, ymax=y + height)
        yield f"Annotations/{item.stem}.xml", tostring(root)
    names = ["background", *schema.classes]
    yield "labelmap.txt", "".join(f"{line}\n" for line in [_COLUMNS, *(f"{name}:::" for name in names)]).encode()
    for split, chosen in items.by_split():
        yield f"ImageSets/Main/{split}.txt", (f"{item.stem}\n".encode() for item in chosen)


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"JPEGImages/{item.file}"


def xml_text(text: str) -> str:
    """The text with a sign in the place of every character that XML cannot hold."""
    return _BAD.sub("\ufffd", text)


def _add(parent: Any, **values: object) -> None:
    for name, value in values.items():
        SubElement(parent, name).text = xml_text(str(value))


def _text(parent: Any, name: str) -> str:
    found = parent.findtext(name)
    if not found:
        raise ValueError(f"no {name}")
    return str(found)


def _corners(one: Any) -> tuple[float, ...]:
    box = one.find("bndbox")
    if box is None:
        raise ValueError("no box")
    corners = tuple(float(_text(box, name)) for name in ("xmin", "ymin", "xmax", "ymax"))
    if not all(math.isfinite(one) for one in corners):
        raise ValueError("not finite")
    return corners


def _maker(objects: Sequence[tuple[str, tuple[float, ...]]]) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for label, (left, top, right, bottom) in objects:
            yield FormatObject(label, "box", {"x": left, "y": top, "width": right - left, "height": bottom - top})

    return draw
