"""What it takes until bytes survive a power cut, and how much room there is left for them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sightloop.errors import StorageFull

_HINT = "Free some disk space. Reads and deletes go on."


def sync(path: Path) -> None:
    """Returns once the file's bytes, or the folder's names, are on the disk (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(path: Path, data: bytes) -> None:
    """Returns once the file holds the data, whole, and survives a power cut."""
    incoming = path.with_name(f"{path.name}.incoming")
    incoming.write_bytes(data)
    sync(incoming)
    incoming.rename(path)
    sync(path.parent)


def require_room(folder: Path, floor_bytes: int, size_bytes: int = 0) -> None:
    """Returns silently while the write leaves at least the floor free; raises StorageFull otherwise."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free - size_bytes < floor_bytes:
        raise StorageFull("There is no room left to write.", hint=_HINT, free_bytes=free, retry_after_s=30)


@contextmanager
def full_disk_translated() -> Iterator[None]:
    """A block in which a full disk, as any library says it, is raised as StorageFull."""
    try:
        yield
    except StorageFull:
        raise
    except Exception as error:
        said = str(error).lower()
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(
            words in said for words in ("no space left on device", "disk is full", "quota exceeded")
        ):
            raise StorageFull("There is no room left to write.", hint=_HINT, retry_after_s=30) from error
        raise
