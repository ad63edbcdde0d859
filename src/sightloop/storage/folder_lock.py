"""One process per installation folder: an exclusive lock that carries the holder's address."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from sightloop.errors import Locked


class FolderLock:
    """The exclusive flock(2) on FOLDER/lock; the kernel frees it when the holder dies.

    The file is readable by its owner only, because a token in it opens the holder's API.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, folder: Path) -> FolderLock:
        """The lock, held. Raises Locked with the facts `pid` and `address` of the holder."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            held_by = cls.holder(folder)
            raise Locked(
                "Another process holds this installation folder.",
                hint="Go through its address, or end that process first.",
                pid=held_by.get("pid", 0),
                address=held_by.get("address", ""),
            ) from None
        lock = cls(descriptor)
        lock.publish("")
        return lock

    @staticmethod
    def holder(folder: Path) -> dict[str, Any]:
        """What the holder published: "pid", "address" and perhaps "token"; empty where nothing can be read."""
        try:
            content = json.loads((folder / "lock").read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def publish(self, address: str, token: str = "") -> None:
        """Returns once others that find the folder held can read the address."""
        if self._descriptor is None:
            return
        content = {"pid": os.getpid(), "address": address, **({"token": token} if token else {})}
        data = json.dumps(content).encode()
        os.pwrite(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))

    def release(self) -> None:
        """Returns once the folder is free."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
