"""What all label formats speak: rows in, items out, archives around them."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from json import JSONDecodeError
from pathlib import PurePosixPath
from typing import IO, Any, Final
from xml.etree.ElementTree import ParseError

from typing_extensions import TypedDict

from sightloop.datasets.archives import members
from sightloop.domain import DatasetVersion, digest_of
from sightloop.errors import InvalidInput

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)

Content = bytes | Iterable[bytes]
"""What a file holds: whole, or piece by piece, to be taken before the next file is asked for."""


@dataclass(frozen=True, slots=True)
class FormatObject:
    """One object as a file states it; geometry in pixels, as annotations have it (sightloop/vision/geometry.py).

    Attributes:
        id, origin: of an object of ours that is written; no reader gives them.
    """

    label: str
    geometry_type: str
    geometry: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    origin: str = ""


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
    """One entry of a version, ready to be written.

    Attributes:
        number: its place in its split, from 1 on.
        address: where in the medium it lies, as text; empty for the whole of it.
        origin: how the class of the image came to be.
    """

    name: str
    digest: str
    split: str
    label: str
    width: int
    height: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    objects: Sequence[FormatObject] = ()
    number: int = 1
    sample: str = ""
    address: str = ""
    origin: str = ""

    @property
    def file(self) -> str:
        """A file name that is safe and unique: 12 digits of the digest, then the plain end of the name."""
        plain = _UNSAFE.sub("_", PurePosixPath(self.name).name)[-100:].lstrip(".")
        part = f"-{sha256(self.address.encode()).hexdigest()[:8]}" if self.address else ""
        return f"{self.digest[:12]}{part}_{plain}"

    @property
    def stem(self) -> str:
        """The file name without its ending: what files beside the image are called."""
        return PurePosixPath(self.file).stem


@dataclass(frozen=True, slots=True)
class Items:
    """The entries of a version, split by split, by name in each; gone through as often as a writer needs to.

    Attributes:
        splits: which there are, sorted.
        make: begins anew, with the entries of one split; no more of them need be held than are being written.
    """

    version: DatasetVersion
    splits: tuple[str, ...]
    make: Callable[[str], Iterator[ExportItem]]

    def __iter__(self) -> Iterator[ExportItem]:
        for split in self.splits:
            yield from self.make(split)

    def by_split(self) -> Iterator[tuple[str, Items]]:
        """Each split and its entries."""
        for split in self.splits:
            yield split, replace(self, splits=(split,))


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
        for name, content, _ in members(data):
            if name.lower().endswith(text_suffixes):
                texts[name] = content
            else:
                digests[name] = digest_of(content)
    except InvalidInput as error:
        if error.facts.get("reason") != "not_an_archive" or not text_suffixes:
            raise
        return Unpacked({"": data}, {})
    return Unpacked(texts, digests)


def by_file(digests: Mapping[str, str]) -> dict[str, str]:
    """The digests of the media in an archive, by file name without its folder, and by that without its ending."""
    plain = {PurePosixPath(name).stem: digest for name, digest in digests.items()}
    return plain | {PurePosixPath(name).name: digest for name, digest in digests.items()}


def unreadable(kind: str, name: str, hint: str, error: BaseException, line: int = 0) -> InvalidInput:
    """An error that names the file, and the line where one is known; the line of an XML or JSON error is found."""
    if isinstance(error, JSONDecodeError):
        line = error.lineno
    elif isinstance(error, ParseError):
        line = error.position[0]
    place = f' "{name[-100:]}"' if name else ""
    at = f" at line {line}" if line else ""
    facts: dict[str, Any] = {"line": line} if line else {}
    return InvalidInput(f"The {kind} file{place} cannot be read{at}.", hint=hint, **facts)


def numbered(text: bytes, most: int = 4000) -> Iterator[tuple[int, str]]:
    """Number and content of each line that is not blank; raises ValueError for one that is longer than `most`."""
    for number, line in enumerate(text.decode("utf-8-sig").splitlines(), start=1):
        if len(line) > most:
            raise ValueError("a line that is too long")
        if line.strip():
            yield number, line


def pieces(file: IO[bytes], size: int = 1 << 20) -> Iterator[bytes]:
    """The whole file from its start, piece by piece; it is closed at the end."""
    with file:
        file.seek(0)
        while piece := file.read(size):
            yield piece


def pack_into(file: IO[bytes], files: Iterable[tuple[str, Content]]) -> None:
    """Writes a zip archive, stored without compression; the same files give the same bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, _EPOCH)
            if isinstance(content, bytes):
                archive.writestr(info, content)
                continue
            with archive.open(info, "w", force_zip64=True) as member:
                for piece in content:
                    member.write(piece)
