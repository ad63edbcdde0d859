"""Blobs: bytes under the SHA-256 of their content, in one workspace."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import obstore
from obstore.store import LocalStore

from sightloop.domain import digest_of, new_id
from sightloop.errors import Corrupt, InvalidInput, NotFound
from sightloop.storage.durability import full_disk_translated, require_room, sync
from sightloop.storage.encryption import Cipher
from sightloop.storage.faults import faultpoint

_INCOMING = "incoming"
_SEALED = ".sealed"


class Blobs:
    """Content-addressed files. A blob has its name only once it is whole and on the disk.

    obstore neither syncs a file nor the folder that names it, so both happen here: write under `incoming/`, sync,
    rename to `ab/<digest>`, sync the folder. Where the workspace has a key, the file is `ab/<digest>.sealed`.
    """

    def __init__(self, folder: Path, cipher: Cipher | None = None, free_bytes_floor: int = 0) -> None:
        self._folder = folder
        self._cipher = cipher
        self._floor = free_bytes_floor
        (folder / _INCOMING).mkdir(parents=True, exist_ok=True)
        self._store = LocalStore(folder)
        self._collecting = threading.Lock()

    def put(self, data: bytes) -> str:
        """The digest of the data, which is durable when this returns."""
        return self.put_many([data])[0]

    def put_many(self, items: Sequence[bytes]) -> list[str]:
        """The digests, in order; cheaper than single puts because a folder is synced once."""
        require_room(self._folder, self._floor, sum(map(len, items)))
        digests = [digest_of(data) for data in items]
        touched: set[Path] = set()
        with full_disk_translated():
            for digest, data in zip(digests, items, strict=True):
                touched.add(self._folder / digest[:2])
                if not self._renew(digest):
                    self._write(digest, data)
            if touched:
                touched.add(self._folder)
            for folder in touched:
                sync(folder)
        faultpoint("blob.written")
        return digests

    def get(self, digest: str) -> bytes:
        """The data, verified. Raises NotFound, or Corrupt where the bytes are not what was put."""
        path = self._find(digest)
        if path is None:
            raise NotFound(f"There is no blob {digest[:12]}.", hint="Run: sightloop fsck", digest=digest)
        data = bytes(obstore.get(self._store, path).bytes())
        if path.endswith(_SEALED):
            if self._cipher is None:
                raise Corrupt(f"The blob {digest[:12]} is encrypted and its key is gone.", digest=digest)
            data = self._cipher.open(data, digest)
        if digest_of(data) != digest:
            raise Corrupt(
                f"The blob {digest[:12]} is not what was written.",
                hint="Restore it from a backup, or ingest the file again.",
                digest=digest,
            )
        return data

    def exists(self, digest: str) -> bool:
        """Whether the blob is there."""
        return self._find(digest) is not None

    def delete(self, digest: str) -> bool:
        """Whether there was a blob to delete."""
        path = self._find(digest)
        if path is None:
            return False
        obstore.delete(self._store, path)
        sync(self._folder / digest[:2])
        return True

    def collect(self, digest: str, older_than_s: float) -> bool:
        """Whether there was a blob that nobody has put for so long, and which is gone now."""
        with self._collecting:
            path = self._find(digest)
            if path is None or time.time() - (self._folder / path).stat().st_mtime < older_than_s:
                return False
            return self.delete(digest)

    def digests(self) -> Iterator[str]:
        """Every digest, sorted within each shard."""
        for shard in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(path.name.removesuffix(_SEALED) for path in shard.iterdir())

    def size_bytes(self) -> int:
        """The room that all blobs take on the disk."""
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())

    def sweep(self, older_than_s: float = 0.0) -> int:
        """The number of unfinished writes that were thrown away. Nobody may be at such an old one meanwhile."""
        old = time.time() - older_than_s
        leftovers = [path for path in (self._folder / _INCOMING).iterdir() if path.stat().st_mtime <= old]
        for path in leftovers:
            path.unlink()
        return len(leftovers)

    def _renew(self, digest: str) -> bool:
        """Whether the blob is there; its age begins anew, so that `collect` leaves it to whoever puts it now."""
        with self._collecting:
            path = self._find(digest)
            if path is not None:
                os.utime(self._folder / path)
            return path is not None

    def _write(self, digest: str, data: bytes) -> None:
        incoming = f"{_INCOMING}/{new_id('put')}"
        final = f"{digest[:2]}/{digest}" + (_SEALED if self._cipher else "")
        obstore.put(self._store, incoming, self._cipher.seal(data, digest) if self._cipher else data)
        faultpoint("blob.unsynced")
        sync(self._folder / incoming)
        faultpoint("blob.unnamed")
        obstore.rename(self._store, incoming, final)
        faultpoint("blob.named")

    def _find(self, digest: str) -> str | None:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise InvalidInput("A blob is named by 64 hexadecimal digits.", hint="Give the SHA-256 of its content.")
        for path in (f"{digest[:2]}/{digest}", f"{digest[:2]}/{digest}{_SEALED}"):
            if (self._folder / path).is_file():
                return path
        return None
