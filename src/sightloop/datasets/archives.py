"""Files inside archives and logs from strangers, read within limits and never written to disk by their names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, cast

from sightloop.datasets.robot_logs import MAGIC, media_of
from sightloop.errors import InvalidInput, TooLarge

SUFFIXES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".mcap")
_JUNK: Final = ("__MACOSX",)
_DAMAGED: Final = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    OSError,
)  # fmt: skip

_TAR_OVERHEAD: Final = 128 << 20  # headers and padding, 1 KB for each of 100,000 members


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold: members, bytes of one member, bytes in all, and how far it may unpack (ratio)."""

    entries: int = 100_000
    member_bytes: int = 256 << 20
    total_bytes: int = 64 << 30
    ratio: int = 100
    free_bytes: int = 64 << 20


@dataclass(slots=True)
class _Budget:
    """What may still be unpacked."""

    limits: ArchiveLimits
    left_bytes: int
    entries: int = 0

    def count(self) -> None:
        """One more member."""
        self.entries += 1
        if self.entries > self.limits.entries:
            raise TooLarge(f"The archive holds more than {self.limits.entries} files.", hint="Split it.")

    def read(self, member: IO[bytes], name: str) -> bytes:
        """The whole member."""
        self.count()
        most = min(self.limits.member_bytes, self.left_bytes)
        data = member.read(most + 1)
        if len(data) > most:
            raise TooLarge(
                f'The archive unpacks to more than is allowed, at "{name[:80]}".',
                hint="Split it, or leave large files out.",
            )
        self.left_bytes -= len(data)
        return data


Member = tuple[str, bytes, Mapping[str, Any]]


def members(archive: bytes | Path, limits: ArchiveLimits | None = None, every_s: float = 0.0) -> Iterator[Member]:
    """Name, bytes and what is said of each file, in the archive's order; hidden files are left out.

    The messages of a robot's log are its files; of each topic at most one in `every_s` seconds.

    An archive inside is yielded as bytes, never opened.

    Raises:
        InvalidInput: not a zip or tar; damaged, encrypted; a name that leads outside; a link or a device.
        TooLarge: over a limit. `ratio` counts only beyond `free_bytes`, as small archives of flat images pack well.
    """
    limits = limits or ArchiveLimits()
    size = len(archive) if isinstance(archive, bytes) else archive.stat().st_size
    budget = _Budget(limits, min(limits.total_bytes, max(limits.free_bytes, size * limits.ratio)))
    try:
        for name, data, said in _walk(archive, budget, every_s):
            if not _hidden(name):
                yield name, data, said
    except _DAMAGED as error:
        raise InvalidInput(
            "The archive is damaged or encrypted.", hint="Pack it again, without a password.", reason="damaged"
        ) from error


def _walk(archive: bytes | Path, budget: _Budget, every_s: float) -> Iterator[Member]:
    with _opened(archive) as stream:
        if stream.read(len(MAGIC)) == MAGIC:
            stream.seek(0)
            for name, data, said in media_of(stream, every_s):
                _check_name(name)
                budget.count()
                yield name, data, said
            return
        stream.seek(0)
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as packed:
                yield from _zip_members(packed, budget)
            return
        stream.seek(0)
        plain = _Bounded(_unpacked(stream), budget.left_bytes + _TAR_OVERHEAD)
        try:
            tar = tarfile.open(fileobj=cast(IO[bytes], plain), mode="r|")  # noqa: SIM115
        except tarfile.ReadError as error:
            raise InvalidInput(
                "This is neither a zip nor a tar archive, nor an MCAP log.",
                hint=f"Use {', '.join(SUFFIXES)}.",
                reason="not_an_archive",
            ) from error
        with tar:
            yield from _tar_members(tar, budget)


def _zip_members(packed: zipfile.ZipFile, budget: _Budget) -> Iterator[Member]:
    for info in packed.infolist():
        _check_name(info.filename)
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            raise _refused(info.filename, "is a link")
        if not info.is_dir():
            with packed.open(info) as member:
                yield info.filename, budget.read(member, info.filename), {}


def _tar_members(tar: tarfile.TarFile, budget: _Budget) -> Iterator[Member]:
    for info in tar:
        _check_name(info.name)
        if info.isdir():
            continue
        if not info.isfile():
            raise _refused(info.name, "is a link or a device")
        member = tar.extractfile(info)
        if member is not None:
            yield info.name.removeprefix("./"), budget.read(member, info.name), {}


def _check_name(name: str) -> None:
    parts = PurePosixPath(name).parts
    outside = name.startswith(("/", "\\")) or ".." in parts or "\\" in name or ":" in name.split("/")[0]
    if outside or "\0" in name or len(name) > 1024:
        raise _refused(name, "leads outside the archive")


def _refused(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"The archive entry {name[:80]!r} {why}.", hint="Pack plain files with relative names.", reason="unsafe_entry"
    )


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part in _JUNK for part in parts if part != ".")


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    start = stream.read(6)
    stream.seek(0)
    if start[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    if start[:3] == b"BZh":
        return cast(IO[bytes], bz2.BZ2File(stream))
    if start == b"\xfd7zXZ\0":
        return cast(IO[bytes], lzma.LZMAFile(stream))
    return stream


class _Bounded:
    """A stream that refuses to unpack beyond its limit, whatever the headers inside ask for."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge("The archive unpacks to more than is allowed.", hint="Split it.")
        return data


def _opened(archive: bytes | Path) -> IO[bytes]:
    return BytesIO(archive) if isinstance(archive, bytes) else archive.open("rb")
