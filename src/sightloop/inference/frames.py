"""Messages between a process and its children: a JSON header and any number of byte strings, over pipes.

On the wire: uint32 little-endian length of the header, the header as JSON, then the byte strings, whose
lengths stand in the header under `sizes`. The first `shared` of them lie one after another in memory that
both sides map, where there is such a room and they fit: a decoded image is not pushed through a pipe.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from mmap import mmap
from typing import IO, Any

import numpy as np
import numpy.typing as npt

MAX_HEADER_BYTES = 4 << 20
MAX_PAYLOAD_BYTES = 1 << 30

_LENGTH = struct.Struct("<I")

Message = tuple[dict[str, Any], list[bytes]]
Payload = bytes | npt.NDArray[Any]


def write_message(
    stream: IO[bytes], header: dict[str, Any], payloads: Sequence[Payload] = (), room: mmap | None = None
) -> None:
    """Send one message and flush it."""
    views = [memoryview(part if isinstance(part, bytes) else np.ascontiguousarray(part).data) for part in payloads]
    views = [view.cast("B") for view in views]
    shared = 0 if room is None else _share(room, views)
    body = json.dumps({**header, "sizes": [view.nbytes for view in views], "shared": shared}).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    for view in views[shared:]:
        stream.write(view)
    stream.flush()


def read_message(stream: IO[bytes], room: mmap | None = None) -> Message:
    """The next message; what is shared is copied out of the room.

    Raises:
        EOFError: the other side is gone, or breaks the limits of this protocol.
    """
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    if length > MAX_HEADER_BYTES:
        raise EOFError("header too long")
    header = json.loads(_read(stream, length))
    if not isinstance(header, dict):
        raise EOFError("header is not an object")
    sizes, shared = header.pop("sizes"), header.pop("shared")
    if sum(sizes) > MAX_PAYLOAD_BYTES or min(sizes, default=0) < 0:
        raise EOFError("payload too long")
    taken = _taken(room, sizes[:shared]) if shared else []
    return header, [*taken, *(_read(stream, size) for size in sizes[shared:])]


def _share(room: mmap, views: Sequence[memoryview]) -> int:
    """How many of the first views lie in the room now."""
    at = 0
    for number, view in enumerate(views):
        if at + view.nbytes > len(room):
            return number
        room[at : at + view.nbytes] = view
        at += view.nbytes
    return len(views)


def _taken(room: mmap | None, sizes: Sequence[int]) -> list[bytes]:
    if room is None or sum(sizes) > len(room):
        raise EOFError("more is shared than there is room")
    ends = np.cumsum(sizes).tolist()
    return [room[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("the stream ended")
    return data
