"""What all label formats speak: rows in, items out, archives around them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from sightloop.datasets.archives import members
from sightloop.domain import digest_of
from sightloop.errors import InvalidInput

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label as a file states it; the sample is named by id, by media digest or by file name."""

    label: str
    sample: str = ""
    digest: str = ""
    name: str = ""
    split: str = ""
    geometry_type: str = "class"
    geometry: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportItem:
    """One entry of a version, ready to be written; `geometry` is empty for a plain class."""

    name: str
    digest: str
    split: str
    label: str
    width: int
    height: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    geometry_type: str = "class"
    geometry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """A file name that is safe and unique: 12 digits of the digest, then the plain end of the name."""
        plain = _UNSAFE.sub("_", PurePosixPath(self.name).name)[-100:].lstrip(".")
        return f"{self.digest[:12]}_{plain}"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Files of an archive, or the one bare file under the empty name: bytes of text files, digests of all others."""

    texts: Mapping[str, bytes]
    digests: Mapping[str, str]


def unpack(data: bytes, text_suffix: str = "") -> Unpacked:
    """The files in the data; those that end in `text_suffix` keep their bytes."""
    texts: dict[str, bytes] = {}
    digests: dict[str, str] = {}
    try:
        for name, content in members(data):
            if text_suffix and name.lower().endswith(text_suffix):
                texts[name] = content
            else:
                digests[name] = digest_of(content)
    except InvalidInput as error:
        if error.facts.get("reason") != "not_an_archive" or not text_suffix:
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
