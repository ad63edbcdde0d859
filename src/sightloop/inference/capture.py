"""A camera, read in a child that may be killed: a stream is bytes from strangers that never end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from sightloop.errors import Unavailable
from sightloop.inference.children import Child, ChildLost, Limits

SPARE_S: Final = 5.0
CPU_S: Final = 20
_LOST: Final = {
    "timeout": "The stream stands still.",
    "out_of_memory": "The stream needs more memory than the limit.",
    "crashed": "The stream crashed its decoder.",
}


@dataclass(frozen=True, slots=True)
class Look:
    """How many frames passed since the look before, and the one that was due among them.

    Attributes:
        jpeg: with its moment in EXIF; empty where none was due. at: when it was received, None without one.
    """

    seen: int
    jpeg: bytes = b""
    at: datetime | None = None


class Capture:
    """An opened stream; close it, or leave its block.

    Args:
        url: "rtsp://...", of an address that was checked; "file:PATH", played over and over; "device:0", of V4L2.
        every_s: a frame is due so often, by the clock of the stream.
        stall_s: a stream that gives nothing for so long is given up.

    Attributes:
        facts: codec, width, height and fps, as the stream claims them.

    Raises:
        InvalidMedia: it holds no video. Unavailable: nobody answers there.
    """

    def __init__(self, url: str, *, every_s: float, stall_s: float, memory_bytes: int) -> None:
        limits = Limits(memory_bytes=memory_bytes, cpu_s=CPU_S, wall_s=stall_s + SPARE_S)
        self._child = Child("sightloop.inference.capture_child", limits)
        try:
            self.facts = self._ask({"url": url, "every_s": every_s, "stall_s": stall_s})[0]
        except BaseException:
            self.close()
            raise

    def look(self) -> Look:
        """What came within about a second; raises InvalidMedia where the stream ends, Unavailable where it stalls."""
        found, parts = self._ask({})
        if not parts:
            return Look(found["seen"])
        return Look(found["seen"], parts[0], datetime.fromisoformat(found["at"]))

    def close(self) -> None:
        """Returns once the child has ended."""
        self._child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        try:
            return self._child.ask(request)
        except ChildLost as lost:
            raise Unavailable(_LOST[lost.reason], hint="Check the camera and the network.") from lost
