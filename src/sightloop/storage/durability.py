"""What it takes until bytes survive a power cut, and what a disk that is full or read-only does to a write."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sightloop.errors import StorageFull, Unavailable

_HINT = "Free some disk space. Reads and deletes go on."
_FULL = ("no space left on device", "disk is full", "quota exceeded")
_READ_ONLY = ("read-only file system", "readonly database")
RETRY_S = 30


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
        raise StorageFull("There is no room left to write.", hint=_HINT, free_bytes=free, retry_after_s=RETRY_S)


def disk_state(folder: Path, floor_bytes: int) -> str:
    """What the folder's disk lets one do: "ok", "full" (below the floor) or "read-only" (statvfs(3))."""
    status = os.statvfs(folder)
    if status.f_flag & os.ST_RDONLY:
        return "read-only"
    return "full" if status.f_bavail * status.f_frsize < max(floor_bytes, 1) else "ok"


@contextmanager
def full_disk_translated() -> Iterator[None]:
    """A block in which a full disk, as any library says it, is StorageFull, and a read-only one Unavailable."""
    try:
        yield
    except (StorageFull, Unavailable):
        raise
    except Exception as error:
        number, said = getattr(error, "errno", None), str(error).lower()
        if number in (errno.ENOSPC, errno.EDQUOT) or any(words in said for words in _FULL):
            raise StorageFull("There is no room left to write.", hint=_HINT, retry_after_s=RETRY_S) from error
        if number == errno.EROFS or any(words in said for words in _READ_ONLY):
            raise Unavailable(
                "The storage is read-only.", hint="Make it writable. Reads go on.", retry_after_s=RETRY_S
            ) from error
        raise
