"""Prediction segments: append-only files of framed records that survive a kill at any byte.

On disk, frame after frame: uint32 length, uint32 CRC-32 of the payload (both little-endian), payload (JSON).
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from sightloop.domain import new_id
from sightloop.errors import StorageFull
from sightloop.storage import faultpoint

FRAME: Final = struct.Struct("<II")
MAX_FRAME_BYTES: Final = 16 << 20
ROTATE_ROWS: Final = 4096
ROTATE_BYTES: Final = 16 << 20
SUFFIX: Final = ".log"


def frame(record: Mapping[str, Any]) -> bytes:
    """The record as one frame."""
    payload = orjson.dumps(record)
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def read_frames(path: Path, offset: int = 0, limit: int | None = None) -> Iterator[tuple[dict[str, Any], int]]:
    """Each whole record from the offset on, with the offset behind it. Ends at a torn or damaged frame."""
    with open(path, "rb") as file:
        file.seek(offset)
        count = 0
        while limit is None or count < limit:
            head = file.read(FRAME.size)
            if len(head) < FRAME.size:
                return
            length, checksum = FRAME.unpack(head)
            payload = file.read(length) if length <= MAX_FRAME_BYTES else b""
            if len(payload) < length or length > MAX_FRAME_BYTES or zlib.crc32(payload) != checksum:
                return
            offset += FRAME.size + length
            count += 1
            yield orjson.loads(payload), offset


def damaged_at(path: Path, offset: int = 0) -> int | None:
    """The offset of a frame that is whole and wrong, which hides all behind it; None where there is none.

    A frame that is cut off at the end of the file is no damage: a kill left it, and nobody was told of it.
    """
    for _, behind in read_frames(path, offset):
        offset = behind
    with open(path, "rb") as file:
        file.seek(offset)
        head = file.read(FRAME.size)
        length = FRAME.unpack(head)[0] if len(head) == FRAME.size else 0
        whole = len(head) == FRAME.size and (length > MAX_FRAME_BYTES or len(file.read(length)) == length)
    return offset if whole else None


class SegmentWriter:
    """The segments of one process, one file at a time for each workspace.

    `append` returns when the record has left the process (it survives kill -9); `sync` puts it on the disk, and
    runs once a second: that is the window that a power cut can take. Old segments go when `bytes_limit` is passed.
    """

    def __init__(
        self, folder: Path, *, bytes_limit: int, rotate_rows: int = ROTATE_ROWS, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        self.dropped = 0
        self._folder = folder
        self._bytes_limit = bytes_limit
        self._rotate_rows = rotate_rows
        self._rotate_bytes = rotate_bytes
        self._process = new_id("seg")
        self._opened = 0
        self._open: dict[str, _Segment] = {}
        self._lock = threading.Lock()

    def append(self, workspace: str, record: Mapping[str, Any]) -> None:
        """Returns once the record is in its segment; raises StorageFull, and then the segment is as before."""
        data = frame(record)
        with self._lock:
            segment = self._open.get(workspace)
            if segment and (segment.rows >= self._rotate_rows or segment.size >= self._rotate_bytes):
                self._open.pop(workspace).close()
                segment = None
            try:
                if segment is None:
                    segment = self._open[workspace] = self._next(workspace)
                segment.append(data)
            except OSError as error:
                raise StorageFull(
                    "The prediction log cannot be written; nothing was predicted.",
                    hint="Free some disk space, or make it writable.",
                    retry_after_s=30,
                ) from error

    def sync(self) -> None:
        """Returns once all that was appended is on the disk, and the segments are within their bound."""
        with self._lock:
            dirty = [segment.unsynced() for segment in self._open.values() if segment.dirty]
            self._drop_oldest()
        for descriptor in dirty:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Sync and close the open segments."""
        with self._lock:
            for segment in self._open.values():
                segment.close()
            self._open.clear()

    def _next(self, workspace: str) -> _Segment:
        folder = self._folder / workspace
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._opened += 1
        return _Segment(folder / f"{self._process}-{self._opened:06d}{SUFFIX}")

    def _drop_oldest(self) -> None:
        files = sorted(self._folder.glob(f"*/*{SUFFIX}"), key=lambda path: path.name)
        sizes = {path: path.stat().st_size for path in files if path.exists()}
        total = sum(sizes.values())
        in_use = {segment.path for segment in self._open.values()}
        for path, size in sizes.items():
            if total <= self._bytes_limit:
                return
            if path in in_use:
                continue
            self.dropped += sum(1 for _ in read_frames(path))
            path.unlink(missing_ok=True)
            total -= size


class _Segment:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.size = 0
        self.dirty = False
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._sync_folder()
        faultpoint("segment.opened")

    def append(self, data: bytes) -> None:
        try:
            written = os.write(self._file, data)
            if written < len(data):
                raise OSError("short write")
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)
        self.rows += 1
        self.dirty = True

    def unsynced(self) -> int:
        """A descriptor of its own for the file, so that it can be synced while appends go on; the caller closes it."""
        self.dirty = False
        return os.dup(self._file)

    def close(self) -> None:
        os.fsync(self._file)
        os.close(self._file)

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
