"""What all label formats speak: rows in, items out, archives around them."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from typing_extensions import TypedDict

from sightloop.datasets.archives import members
from sightloop.domain import digest_of
from sightloop.errors import InvalidInput

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class FormatObject:
    """One object as a file states it; geometry in pixels, as annotations have it (sightloop/vision/geometry.py)."""

    label: str
    geometry_type: str
    geometry: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)


Drawn = Callable[[int, int], Iterable[FormatObject]]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What a file states of one sample, which is named by id, by media digest or by file name.

    Attributes:
        label: the class of the whole image; empty for none.
        objects: makes the objects from the image's width and height, as many formats tell shares of them.
    """

    label: str
    sample: str = ""
    digest: str = ""
    name: str = ""
    split: str = ""
    objects: Drawn | None = None


@dataclass(frozen=True, slots=True)
class ExportItem:
    """One entry of a version, ready to be written."""

    name: str
    digest: str
    split: str
    label: str
    width: int
    height: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    objects: Sequence[FormatObject] = ()

    @property
    def file(self) -> str:
        """A file name that is safe and unique: 12 digits of the digest, then the plain end of the name."""
        plain = _UNSAFE.sub("_", PurePosixPath(self.name).name)[-100:].lstrip(".")
        return f"{self.digest[:12]}_{plain}"

    @property
    def stem(self) -> str:
        """The file name without its ending: what files beside the image are called."""
        return PurePosixPath(self.file).stem


class Loss(TypedDict):
    """What could not be kept, as a sentence, and how often."""

    what: str
    count: int


class Losses(Counter[str]):
    """What a file could not keep, or what of it could not be taken: how often, by a sentence that says what."""

    def report(self) -> list[Loss]:
        """Each loss, the most frequent first."""
        return [{"what": what, "count": count} for what, count in self.most_common(100) if count]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Files of an archive, or the one bare file under the empty name: bytes of text files, digests of all others."""

    texts: Mapping[str, bytes]
    digests: Mapping[str, str]


def unpack(data: bytes, *text_suffixes: str) -> Unpacked:
    """The files in the data; those that end in one of `text_suffixes` keep their bytes.

    Raises:
        TooLarge: such a file is longer than 256 MB.
    """
    texts: dict[str, bytes] = {}
    digests: dict[str, str] = {}
    try:
        for name, content in members(data):
            if name.lower().endswith(text_suffixes):
                texts[name] = content
            else:
                digests[name] = digest_of(content)
    except InvalidInput as error:
        if error.facts.get("reason") != "not_an_archive" or not text_suffixes:
            raise
        return Unpacked({"": data}, {})
    return Unpacked(texts, digests)


def pack(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip archive, stored without compression; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()
