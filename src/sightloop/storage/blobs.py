"""Blobs: bytes under the SHA-256 of their content, in one workspace."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING

import obstore

from sightloop.domain import digest_of
from sightloop.errors import Corrupt, InvalidInput, NotFound
from sightloop.storage.encryption import Cipher
from sightloop.storage.faults import faultpoint
from sightloop.storage.places import Place
from sightloop.storage.s3 import objects_translated

if TYPE_CHECKING:
    from obstore import ObjectMeta

_SEALED = ".sealed"
_BLOB = re.compile(rf"[0-9a-f]{{2}}/([0-9a-f]{{64}})({re.escape(_SEALED)})?")


class Blobs:
    """Content-addressed objects: `ab/<digest>`, or `ab/<digest>.sealed` where the workspace has a key."""

    def __init__(self, place: Place, cipher: Cipher | None = None) -> None:
        self._place = place
        self._cipher = cipher
        self._collecting = threading.Lock()
        self._putting: Counter[str] = Counter()

    def put(self, data: bytes) -> str:
        """The digest of the data, which is durable when this returns."""
        return self.put_many([data])[0]

    def put_many(self, items: Sequence[bytes]) -> list[str]:
        """The digests, in order; cheaper than single puts: a folder is synced once, a bucket is written in parallel."""
        digests = [digest_of(data) for data in items]
        cipher = self._cipher
        distinct = dict(zip(digests, items, strict=True))
        with self._kept_meanwhile(distinct.keys()):
            self._place.write(
                [
                    (_paths(digest)[1], cipher.seal(data, digest)) if cipher else (_paths(digest)[0], data)
                    for digest, data in distinct.items()
                ]
            )
        faultpoint("blob.written")
        return digests

    def get(self, digest: str) -> bytes:
        """The data, verified. Raises NotFound, or Corrupt where the bytes are not what was put."""
        found = self._read(digest)
        if found is None:
            raise NotFound(f"There is no blob {digest[:12]}.", hint="Run: sightloop fsck", digest=digest)
        path, data = found
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

    def find(self, digest: str) -> bytes | None:
        """The data, verified, or None where there is no such blob, or its bytes are not what was put."""
        try:
            return self.get(digest)
        except (NotFound, Corrupt):
            return None

    def exists(self, digest: str) -> bool:
        """Whether the blob is there."""
        return any(self._there(path) for path in self._tried(digest))

    def delete(self, digest: str) -> bool:
        """Whether there was a blob to delete."""
        there = [path for path in _paths(digest) if self._there(path)]
        for path in there:
            self._place.delete(path)
        return bool(there)

    def collect(self, digest: str, older_than_s: float) -> bool:
        """Whether there was a blob that nobody has put for so long, and which is gone now."""
        with self._collecting:
            there = [found for path in _paths(digest) if (found := self._head(path)) is not None]
            young = any(time.time() - one["last_modified"].timestamp() < older_than_s for one in there)
            if young or self._putting[digest]:
                return False
            return self.delete(digest)

    def digests(self) -> Iterator[str]:
        """Every digest, sorted."""
        yield from sorted({match[1] for path, _ in self._all() if (match := _BLOB.fullmatch(path))})

    def size_bytes(self) -> int:
        """The room that all blobs take."""
        return sum(size for _, size in self._all())

    def sweep(self, older_than_s: float = 0.0) -> int:
        """The number of unfinished writes that were thrown away. Nobody may be at such an old one meanwhile."""
        return self._place.sweep(older_than_s)

    @contextmanager
    def _kept_meanwhile(self, digests: Set[str]) -> Iterator[None]:
        """A block that puts the blobs, in which `collect` leaves them alone."""
        with self._collecting:
            self._putting.update(digests)
        try:
            yield
        finally:
            with self._collecting:
                self._putting -= Counter(digests)

    def _tried(self, digest: str) -> Sequence[str]:
        """Where the blob may lie, the likelier path first."""
        paths = _paths(digest)
        return paths[::-1] if self._cipher else paths

    def _read(self, digest: str) -> tuple[str, bytes] | None:
        for path in self._tried(digest):
            try:
                with objects_translated():
                    return path, bytes(obstore.get(self._place.objects, path).bytes())
            except FileNotFoundError:
                continue
        return None

    def _there(self, path: str) -> bool:
        return self._head(path) is not None

    def _head(self, path: str) -> ObjectMeta | None:
        try:
            with objects_translated():
                return obstore.head(self._place.objects, path)
        except FileNotFoundError:
            return None

    def _all(self) -> Iterator[tuple[str, int]]:
        with objects_translated():
            for page in obstore.list(self._place.objects):
                yield from ((one["path"], one["size"]) for one in page)


def _paths(digest: str) -> tuple[str, str]:
    """The plain and the sealed path of the blob."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise InvalidInput("A blob is named by 64 hexadecimal digits.", hint="Give the SHA-256 of its content.")
    return f"{digest[:2]}/{digest}", f"{digest[:2]}/{digest}{_SEALED}"
