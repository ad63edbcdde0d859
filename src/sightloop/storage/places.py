"""Where objects lie: in a folder of this machine, or under a prefix of a bucket (`s3.py`)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import obstore
from obstore.store import LocalStore, ObjectStore

from sightloop.domain import new_id
from sightloop.storage.durability import full_disk_translated, require_room, sync
from sightloop.storage.faults import faultpoint

_INCOMING = "incoming"


class Place(Protocol):
    """Objects under paths. Blobs and tables read and list `objects` themselves; what writes goes through the place.

    What a method has written or removed is durable when it returns, and an object has its path only once it is whole.
    Errors are ours: StorageFull, Unavailable.
    """

    @property
    def objects(self) -> ObjectStore:
        """The same objects for obstore."""

    @property
    def lance_options(self) -> dict[str, str] | None:
        """What Lance needs besides the address."""

    def below(self, name: str) -> Place:
        """The place under that name, made if need be."""

    def uri(self, path: str) -> str:
        """The address by which Lance finds the path."""

    def write(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Returns once each path holds its bytes and is young. Of one that is taken the old bytes may stay."""

    def changing(self, path: str, size_bytes: int | None) -> AbstractContextManager[None]:
        """A block in which Lance writes below the path; None lets it begin on a full disk too."""

    def delete(self, path: str) -> None:
        """Returns once the object is gone, or never was."""

    def drop(self, path: str) -> None:
        """Returns once everything below the path is gone."""

    def sweep(self, older_than_s: float) -> int:
        """The number of unfinished writes that were thrown away. Nobody may be at such an old one meanwhile."""


class LocalPlace:
    """A folder.

    obstore and Lance sync neither a file nor the folder that names it, so both happen here. An object is written under
    `incoming/`, synced and renamed, and then its folder is synced.
    """

    lance_options: dict[str, str] | None = None

    def __init__(self, folder: Path, free_bytes_floor: int = 0) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._floor = free_bytes_floor
        self.objects: ObjectStore = LocalStore(folder)

    def below(self, name: str) -> Place:
        return LocalPlace(self._folder / name, self._floor)

    def uri(self, path: str) -> str:
        return str(self._folder / path)

    def write(self, items: Sequence[tuple[str, bytes]]) -> None:
        require_room(self._folder, self._floor, sum(len(data) for _, data in items))
        touched: set[Path] = set()
        with full_disk_translated():
            for path, data in items:
                final = self._folder / path
                touched.add(final.parent)
                if final.is_file():
                    os.utime(final)
                else:
                    self._write(path, data)
            for folder in {*touched, self._folder} if touched else ():
                sync(folder)

    @contextmanager
    def changing(self, path: str, size_bytes: int | None) -> Iterator[None]:
        if size_bytes is not None:
            require_room(self._folder, self._floor, size_bytes)
        began_ns = time.time_ns()
        with full_disk_translated():
            yield
            faultpoint("table.unsynced")
            _sync_since(self._folder / path, began_ns)
            sync(self._folder)

    def delete(self, path: str) -> None:
        file = self._folder / path
        if file.is_file():
            file.unlink()
            sync(file.parent)

    def drop(self, path: str) -> None:
        if (self._folder / path).exists():
            shutil.rmtree(self._folder / path)
            sync(self._folder)

    def sweep(self, older_than_s: float) -> int:
        old = time.time() - older_than_s
        leftovers = [path for path in (self._folder / _INCOMING).glob("*") if path.stat().st_mtime <= old]
        for path in leftovers:
            path.unlink()
        return len(leftovers)

    def _write(self, path: str, data: bytes) -> None:
        incoming = f"{_INCOMING}/{new_id('put')}"
        obstore.put(self.objects, incoming, data)
        faultpoint("blob.unsynced")
        sync(self._folder / incoming)
        faultpoint("blob.unnamed")
        obstore.rename(self.objects, incoming, path)
        faultpoint("blob.named")


def _sync_since(path: Path, began_ns: int) -> None:
    """Returns once the table's files and folders that changed since then are on the disk.

    File times come from the kernel's coarse clock, which lags by up to a tick: hence one second of slack.
    """
    folders = {path}
    for file in path.rglob("*"):
        if file.is_file() and file.stat().st_mtime_ns >= began_ns - 1_000_000_000:
            sync(file)
            folders.add(file.parent)
    for folder in folders:
        sync(folder)
