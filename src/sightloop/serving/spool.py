"""The media that were predicted, kept by digest until control has taken in what it wants. Bounded."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Final

from sightloop.storage import faultpoint

KEPT_SHARE: Final = 16


class MediaSpool:
    """Media by workspace and digest, at most `bytes_limit` in all.

    Policy when the bound is passed: of the oldest, one in 16 (those whose digest begins with 0) outlives the
    first sweep, so that a thin sample of the past remains; then the oldest go outright. `dropped` counts them.
    Spooled media are copies: losing one costs no prediction.
    """

    def __init__(self, folder: Path, *, bytes_limit: int) -> None:
        self.dropped = 0
        self._folder = folder
        self._bytes_limit = bytes_limit
        self._lock = threading.Lock()
        found = [(path, path.stat()) for path in folder.glob("*/*") if not path.name.startswith(".")]
        found.sort(key=lambda pair: pair[1].st_mtime_ns)
        self._sizes: OrderedDict[Path, int] = OrderedDict((path, stat.st_size) for path, stat in found)
        self._total = sum(self._sizes.values())

    @property
    def size_bytes(self) -> int:
        """Bytes spooled now."""
        return self._total

    def put(self, workspace: str, digest: str, data: bytes) -> None:
        """Returns once the medium is in the spool, or at once if it is there. A full disk is no error here."""
        path = self._folder / workspace / digest
        with self._lock:
            if path in self._sizes:
                self._sizes.move_to_end(path)
                return
        aside = path.with_name(f".{digest}.{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            aside.write_bytes(data)
            faultpoint("media.unnamed")
            os.replace(aside, path)
        except OSError:
            with suppress(OSError):  # on a read-only disk there is nothing to remove, and no way to
                aside.unlink(missing_ok=True)
            self.dropped += 1
            return
        faultpoint("media.spooled")
        with self._lock:
            if path not in self._sizes:
                self._sizes[path] = len(data)
                self._total += len(data)
            if self._total > self._bytes_limit:
                self._sweep()

    def _sweep(self) -> None:
        target = self._bytes_limit * 9 // 10
        for sampled in (True, False):
            for path in list(self._sizes):
                if self._total <= target:
                    return
                if sampled and int(path.name[0], 16) % KEPT_SHARE == 0:
                    continue
                self._total -= self._sizes.pop(path)
                path.unlink(missing_ok=True)
                self.dropped += 1
