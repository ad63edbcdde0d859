"""Cameras over REST."""

from __future__ import annotations

from collections.abc import Sequence

from sightloop.interfaces.sdk.connection import Noun, part
from sightloop.interfaces.sdk.records import Record


class Cameras(Noun):
    """Streams whose sampled frames are predicted and become samples."""

    def add(
        self,
        name: str,
        url: str,
        *,
        deployment: str | None = None,
        every_s: float = 1.0,
        keep: str = "none",
        uncertain_below: float = 0.8,
        queue: int = 8,
        drop: str = "oldest",
        stall_s: float = 10.0,
        user: str = "",
        password: str = "",
        start: bool = True,
        key: str | None = None,
    ) -> Record:
        """The camera, which runs from now on.

        Args:
            url: "rtsp://host:port/path" without credentials; of the server's own "file:PATH", played over and over,
                or "device:0".
            every_s: a frame is due so often.
            keep: which frames become samples: "all", "uncertain" (a score below `uncertain_below`) or "none".
            queue, drop: so many frames wait at most; then the "oldest" goes, the "newest" goes, or "never" any.
            stall_s: a stream that gives nothing for so long is connected again.
        """
        body = {
            "name": name,
            "url": url,
            "user": user,
            "password": password,
            "every_s": every_s,
            "policy": {"queue": queue, "drop": drop},
            "deployment": deployment,
            "keep": keep,
            "uncertain_below": uncertain_below,
            "stall_s": stall_s,
            "start": start,
        }
        return self._connection.post("/cameras", body, key=key)

    def list(self) -> Sequence[Record]:
        """The cameras, as they stand at this moment."""
        return self._connection.items("/cameras")

    def get(self, name: str) -> Record:
        return self._connection.get(f"/cameras/{part(name)}")

    def frame(self, name: str) -> bytes:
        """The newest sampled frame, JPEG."""
        return self._connection.read(f"/cameras/{part(name)}/frame")

    def start(self, name: str, *, key: str | None = None) -> Record:
        return self._connection.post(f"/cameras/{part(name)}/start", key=key)

    def stop(self, name: str, *, key: str | None = None) -> Record:
        """The camera, which has sent what waited and stands still."""
        return self._connection.post(f"/cameras/{part(name)}/stop", key=key)

    def remove(self, name: str) -> Record:
        """What is gone; its predictions and samples stay."""
        return self._connection.delete(f"/cameras/{part(name)}")
