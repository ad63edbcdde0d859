"""Images and point clouds in MCAP logs of robots, each message a medium with its time and topic.

Taken are sensor_msgs CompressedImage, Image and PointCloud2 of ROS 2 (CDR), and foxglove.CompressedImage (protobuf,
JSON). They are read by their published layouts and never by the schemas that a log brings along. Formats: the MCAP
specification (mcap.dev/spec), OMG DDSI-RTPS 2.3 section 10 (CDR), and the message definitions of ROS 2 and Foxglove.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from sightloop.errors import InvalidInput, TooLarge, Unavailable

MAGIC: Final = b"\x89MCAP0\r\n"
MOST_RECORD_BYTES: Final = 256 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FRONT: Final[Mapping[bytes, str]] = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp"}
_RAW: Final[Mapping[str, tuple[str, int]]] = {  # channels as Pillow orders them after the rest is turned round
    "rgb8": ("RGB", 3), "8UC3": ("RGB", 3), "bgr8": ("BGR", 3), "rgba8": ("RGBA", 4), "bgra8": ("BGRA", 4),
    "mono8": ("L", 1), "8UC1": ("L", 1), "mono16": ("I;16", 2), "16UC1": ("I;16", 2), "32FC1": ("F", 4),
}  # fmt: skip
_POINT_TYPES: Final = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}


@dataclass(frozen=True, slots=True)
class Medium:
    """A file as a camera or a lidar would have written it; `at_ns` since 1970 UTC, 0 where the message tells none."""

    suffix: str
    data: bytes
    at_ns: int
    frame: str


def media_of(log: IO[bytes], every_s: float = 0.0) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, bytes and what is said of each medium, in the order of the log; every topic of another kind once, empty.

    A name is TOPIC/NANOSECONDS.ending, so that samples group by the time in it.

    Args:
        every_s: of each topic at most one in so many seconds.

    Raises:
        InvalidInput: damaged. TooLarge: a record unpacks to more than MOST_RECORD_BYTES.
        Unavailable: the package that reads MCAP is not installed.
    """
    taken: Counter[str] = Counter()
    last: dict[str, int] = {}
    told: set[str] = set()
    for topic, kind, data, logged_ns in _messages(log):
        place, read = topic.strip("/") or "topic", _READERS.get(kind)
        if logged_ns - last.get(place, -(1 << 62)) < every_s * 1e9:
            continue
        try:
            medium = read(data) if read else None
        except (struct.error, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise _damaged(f'a message of "{topic[:80]}" is not what its type says') from error
        if medium is None:
            if place not in told:
                told.add(place)
                yield f"{place}.json", b"", {}
            continue
        last[place] = logged_ns
        at_ns = medium.at_ns or logged_ns
        name = f"{place}/{at_ns:019d}"
        taken[name] += 1
        again = f"-{taken[name]}" if taken[name] > 1 else ""
        said = {"captured_at": (_EPOCH + timedelta(microseconds=at_ns // 1000)).isoformat(), "topic": topic}
        yield (
            f"{name}{again}{medium.suffix}",
            medium.data,
            {**said, **({"frame": medium.frame} if medium.frame else {})},
        )


def _messages(log: IO[bytes]) -> Iterator[tuple[str, tuple[str, str], bytes, int]]:
    """Topic, (encoding, name of the type), bytes and time of each message."""
    try:
        from mcap.exceptions import McapError, RecordLengthLimitExceeded
        from mcap.records import Channel, Chunk, Message, Schema
        from mcap.stream_reader import StreamReader, breakup_chunk
    except ImportError as error:
        raise Unavailable("MCAP logs need one more package.", hint="pip install 'sightloop[mcap]'") from error
    schemas: dict[int, str] = {}
    channels: dict[int, tuple[str, tuple[str, str]]] = {}
    try:
        for record in StreamReader(log, emit_chunks=True, record_size_limit=MOST_RECORD_BYTES).records:
            parts = breakup_chunk(_plain(record)) if isinstance(record, Chunk) else [record]
            for part in parts:
                if isinstance(part, Schema):
                    schemas[part.id] = part.name
                elif isinstance(part, Channel):
                    channels[part.id] = (part.topic, (part.message_encoding, schemas.get(part.schema_id, "")))
                elif isinstance(part, Message):
                    yield *channels[part.channel_id], part.data, part.log_time
    except RecordLengthLimitExceeded as error:
        raise _too_large() from error
    except (McapError, struct.error, KeyError, UnicodeDecodeError) as error:
        raise _damaged("it ends early, or its records contradict one another") from error


def _plain(chunk: Any) -> Any:
    """The chunk unpacked, within the limit whatever its headers promise."""
    import lz4.frame
    import zstandard

    if chunk.uncompressed_size > MOST_RECORD_BYTES:
        raise _too_large()
    try:
        if chunk.compression == "zstd":
            with zstandard.ZstdDecompressor().stream_reader(chunk.data) as stream:
                data = stream.read(MOST_RECORD_BYTES + 1)
        elif chunk.compression == "lz4":
            data = lz4.frame.LZ4FrameDecompressor().decompress(chunk.data, MOST_RECORD_BYTES + 1)
        elif not chunk.compression:
            data = chunk.data
        else:
            raise _damaged(f'its compression "{chunk.compression[:20]}" is unknown')
    except (zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise _damaged("a chunk cannot be unpacked") from error
    if len(data) > MOST_RECORD_BYTES:
        raise _too_large()
    return replace(chunk, compression="", data=data)


class _Cdr:
    """Reads values of plain CDR one after the other; alignment counts from behind the four bytes of the header."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 4 or data[1] not in (0, 1):
            raise ValueError("not plain CDR")
        self._data = data
        self._order = "<" if data[1] else ">"
        self._at = 4

    def number(self, code: str) -> int:
        size = struct.calcsize(code)
        self._at += -(self._at - 4) % size
        (value,) = struct.unpack_from(self._order + code, self._data, self._at)
        self._at += size
        return int(value)

    def take(self, length: int) -> bytes:
        if not 0 <= length <= len(self._data) - self._at:
            raise ValueError("a length leads behind the end")
        self._at += length
        return self._data[self._at - length : self._at]

    def text(self) -> str:
        return self.take(self.number("I")).rstrip(b"\0").decode()

    def header(self) -> tuple[int, str]:
        """Nanoseconds and frame of a std_msgs Header."""
        seconds, nanoseconds = self.number("i"), self.number("I")
        return seconds * 10**9 + nanoseconds, self.text()


def _ros_compressed(data: bytes) -> Medium | None:
    cdr = _Cdr(data)
    at_ns, frame = cdr.header()
    cdr.text()
    return _compressed(cdr.take(cdr.number("I")), at_ns, frame)


def _ros_image(data: bytes) -> Medium | None:
    cdr = _Cdr(data)
    at_ns, frame = cdr.header()
    height, width, encoding = cdr.number("I"), cdr.number("I"), cdr.text()
    big, step = cdr.number("B"), cdr.number("I")
    rows = cdr.take(cdr.number("I"))
    if encoding not in _RAW:
        return None
    mode, size = _RAW[encoding]
    if step < width * size or len(rows) < height * step or not height or not width:
        raise ValueError("rows are shorter than the image is wide")
    flat = np.frombuffer(rows, np.uint8, height * step).reshape(height, step)[:, : width * size]
    buffer = io.BytesIO()
    suffix = ".tif" if mode == "F" else ".png"
    _raw_image(np.ascontiguousarray(flat), width, height, mode, bool(big)).save(
        buffer, "TIFF" if mode == "F" else "PNG"
    )
    return Medium(suffix, buffer.getvalue(), at_ns, frame)


def _raw_image(flat: npt.NDArray[np.uint8], width: int, height: int, mode: str, big: bool) -> Image.Image:
    if mode in ("I;16", "F"):
        code = ("u2" if mode == "I;16" else "f4", np.uint16 if mode == "I;16" else np.float32)
        return Image.fromarray(flat.view((">" if big else "<") + code[0]).astype(code[1]))
    if mode == "L":
        return Image.fromarray(flat)
    pixels = flat.reshape(height, width, -1)
    return Image.fromarray(
        np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] if mode[0] == "B" else pixels)
    )


def _ros_points(data: bytes) -> Medium | None:
    cdr = _Cdr(data)
    at_ns, frame = cdr.header()
    height, width = cdr.number("I"), cdr.number("I")
    fields = {}
    for _ in range(cdr.number("I")):
        name, offset, kind = cdr.text(), cdr.number("I"), cdr.number("B")
        cdr.number("I")
        fields[name] = (offset, _POINT_TYPES[kind])
    big, step, row_step = cdr.number("B"), cdr.number("I"), cdr.number("I")
    packed = cdr.take(cdr.number("I"))
    named = [name for name in ("x", "y", "z", "intensity") if name in fields]
    if named[:3] != ["x", "y", "z"]:
        return None
    order = ">" if big else "<"
    layout: Any = {
        "names": named,
        "formats": [order + fields[name][1] for name in named],
        "offsets": [fields[name][0] for name in named],
        "itemsize": step,
    }
    rows = [np.frombuffer(packed, np.dtype(layout), width, row * row_step) for row in range(height)]
    points: Any = np.concatenate(rows)
    table = np.stack([points[name].astype("<f4") for name in named], axis=1)
    table = table[np.isfinite(table[:, :3]).all(1)]
    return Medium(".pcd", _pcd(named, table), at_ns, frame)


def _pcd(names: Sequence[str], table: npt.NDArray[np.float32]) -> bytes:
    """Binary PCD 0.7 (the format's description at pointclouds.org)."""
    ones = " ".join("1" for _ in names)
    head = (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS {' '.join(names)}\nSIZE {ones.replace('1', '4')}\n"
        f"TYPE {ones.replace('1', 'F')}\nCOUNT {ones}\nWIDTH {len(table)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {len(table)}\nDATA binary\n"
    )
    return head.encode() + np.ascontiguousarray(table, "<f4").tobytes()


def _foxglove_json(data: bytes) -> Medium | None:
    said = json.loads(data)
    stamp = said.get("timestamp") or {}
    at_ns = int(stamp.get("sec", 0)) * 10**9 + int(stamp.get("nsec", 0))
    try:
        packed = base64.b64decode(said["data"], validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    return _compressed(packed, at_ns, str(said.get("frame_id", "")))


def _foxglove_protobuf(data: bytes) -> Medium | None:
    fields = dict(_protobuf(data))
    stamp = dict(_protobuf(bytes(fields.get(1, b""))))
    at_ns = int(stamp.get(1, 0)) * 10**9 + int(stamp.get(2, 0))
    return _compressed(bytes(fields.get(2, b"")), at_ns, bytes(fields.get(4, b"")).decode())


def _protobuf(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field (protobuf.dev, encoding); of repeated ones all."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = {1: (8, at), 5: (4, at)}.get(wire) or (_varint(data, at) if wire == 2 else (-1, at))
        if not 0 <= length <= len(data) - at:
            raise ValueError("a length leads behind the end")
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise ValueError("a number has no end")


def _compressed(data: bytes, at_ns: int, frame: str) -> Medium:
    return Medium(next((one for start, one in _FRONT.items() if data.startswith(start)), ".bin"), data, at_ns, frame)


_READERS: Final[Mapping[tuple[str, str], Callable[[bytes], Medium | None]]] = {
    ("cdr", "sensor_msgs/msg/CompressedImage"): _ros_compressed,
    ("cdr", "sensor_msgs/msg/Image"): _ros_image,
    ("cdr", "sensor_msgs/msg/PointCloud2"): _ros_points,
    ("json", "foxglove.CompressedImage"): _foxglove_json,
    ("protobuf", "foxglove.CompressedImage"): _foxglove_protobuf,
}


def _damaged(why: str) -> InvalidInput:
    return InvalidInput(f"The log is damaged: {why}.", hint="Try `mcap recover` on it.", reason="damaged")


def _too_large() -> TooLarge:
    return TooLarge(
        f"A record of the log unpacks to more than {MOST_RECORD_BYTES} bytes.", hint="Write smaller chunks."
    )
