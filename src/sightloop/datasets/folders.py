"""The files below a folder by name, from any name on, with no more than a block of names in memory."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BLOCK: Final = 65_536


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: its name relative to the folder with slashes, its path, and a tag that changes with it."""

    name: str
    path: str
    etag: str
    size: int


def walk(top: Path, after: str = "") -> Iterator[File]:
    """The regular files below a folder in the order of their relative names, those after a name only.

    Hidden ones, links, and names that are no text are left out. A folder is read again for each BLOCK of its names.
    """
    return _walk(str(top.absolute()), "", after)


def _walk(folder: str, prefix: str, after: str) -> Iterator[File]:
    low = after.removeprefix(prefix) if after.startswith(prefix) else ""
    while block := heapq.nsmallest(BLOCK, _names(folder, low)):
        for name in block:
            if name.endswith("/"):
                yield from _walk(f"{folder}/{name[:-1]}", prefix + name, after)
            elif found := _file(f"{folder}/{name}"):
                yield File(prefix + name, f"{folder}/{name}", *found)
        # The end of a folder's subtree, so that the folder itself does not come again.
        low = block[-1] + chr(0x10FFFF) if block[-1].endswith("/") else block[-1]


def _names(folder: str, low: str) -> Iterator[str]:
    """Names after `low`, folders with a slash: so sorted, a walk in order is in the order of whole names."""
    with suppress(OSError), os.scandir(folder) as found:
        for one in found:
            if one.name.startswith(".") or one.is_symlink() or not _is_text(one.name):
                continue
            name = f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name
            if name > low or (name.endswith("/") and low.startswith(name) and not low.endswith(chr(0x10FFFF))):
                yield name


def _file(path: str) -> tuple[str, int] | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return (
        (f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}", found.st_size)
        if stat.S_ISREG(found.st_mode)
        else None
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
