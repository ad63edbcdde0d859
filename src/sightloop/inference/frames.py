"""Messages between a process and its children: a JSON header and any number of byte strings, over pipes.

On the wire: uint32 little-endian length of the header, the header as JSON, then the byte strings, whose
lengths stand in the header under `sizes`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt

MAX_HEADER_BYTES = 4 << 20
MAX_PAYLOAD_BYTES = 1 << 30

_LENGTH = struct.Struct("<I")

Message = tuple[dict[str, Any], list[bytes]]
Payload = bytes | npt.NDArray[Any]


def write_message(stream: IO[bytes], header: dict[str, Any], payloads: Sequence[Payload] = ()) -> None:
    """Send one message and flush it."""
    views = [part if isinstance(part, bytes) else np.ascontiguousarray(part).data for part in payloads]
    body = json.dumps({**header, "sizes": [memoryview(view).nbytes for view in views]}).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    for view in views:
        stream.write(view)
    stream.flush()


def read_message(stream: IO[bytes]) -> Message:
    """The next message.

    Raises:
        EOFError: the other side is gone, or breaks the limits of this protocol.
    """
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    if length > MAX_HEADER_BYTES:
        raise EOFError("header too long")
    header = json.loads(_read(stream, length))
    if not isinstance(header, dict):
        raise EOFError("header is not an object")
    sizes = header.pop("sizes")
    if sum(sizes) > MAX_PAYLOAD_BYTES or min(sizes, default=0) < 0:
        raise EOFError("payload too long")
    return header, [_read(stream, size) for size in sizes]


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("the stream ended")
    return data
