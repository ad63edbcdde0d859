"""Images from strangers, decoded in children that may be killed: a bad file costs its own item and no more."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import repeat
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sightloop.errors import InvalidMedia, Unavailable
from sightloop.inference.children import Child, ChildLost, Limits
from sightloop.inference.frames import Message
from sightloop.inference.reasons import refuse
from sightloop.vision import Quality

MAX_FILE_BYTES: Final = 256 << 20
AT_ONCE: Final = 16
DECODE_PATH: Final = "full-decode/luma/box32@1"

_LOST = {"timeout": "timeout", "out_of_memory": "out_of_memory", "crashed": "decoder_crashed"}


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """Which parts of an image are wanted.

    Attributes:
        size: (width, height) of the pixels; None keeps the image's own.
        picture_px: longest side of a picture that a browser can show; 0 for none.
        anything: whether what is no image is opened too: point clouds, sound, series, texts, DICOM.
        suffix: of the medium's name, ".bin", which formats without a signature are told by.
        declared: what the numbers of an image mean: {"quantity", "unit", "scale", "offset", "nothing", "low", "high",
            "palette"}, value = scale * number + offset; None where they are colours.
        view: {"low", "high", "palette"} that the picture of measurements is to have instead.
        values, text: whether these are wanted; points: how many at most.
        pts: of the frame of a video that is meant; None for the whole medium.
    """

    pixels: bool = True
    size: tuple[int, int] | None = None
    thumbnail: bool = False
    measures: bool = False
    picture_px: int = 0
    anything: bool = False
    suffix: str = ""
    declared: Mapping[str, Any] | None = None
    view: Mapping[str, Any] | None = None
    values: bool = False
    points: int = 0
    text: bool = False
    pts: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """One decoded medium; parts that were not asked for, or that it does not have, are None.

    Attributes:
        format: JPEG, PNG, LAS and so on, found from the content.
        width, height: of its picture, after the EXIF orientation was applied.
        channels, bit_depth: of the file, before anything was converted.
        gray32: uint8 (32, 32) luma by box filter, for the perceptual hash; the path to it is DECODE_PATH.
        pixels: uint8 (H, W, 3) RGB, read-only.
        measures: of the luma, reduced by box filter to at most 1,024 px a side so that images compare.
        thumbnail: JPEG, longest side at most 256 px; `colour` comes with it: the mean of all pixels, 0xRRGGBB.
        picture: PNG with the image's own pixels, or WebP where it was reduced to `picture_px`.
        captured_at: from EXIF or its like; naive where the device names no time zone.
        kind: a value of SampleKind; facts: what the medium says of itself, as facets.
        reading: what its numbers mean, empty where they are colours.
        values: float32 (H, W) in the reading's unit, NaN where nothing was measured.
        points: float32 (N, 4): x, y, z in metres from the least of each, and intensity from 0 to 1.
        text: of a document.
    """

    format: str
    width: int
    height: int
    channels: int
    bit_depth: int
    gray32: npt.NDArray[np.uint8]
    pixels: npt.NDArray[np.uint8] | None
    thumbnail: bytes | None
    measures: Quality | None
    captured_at: datetime | None
    colour: int | None = None
    picture: bytes | None = None
    kind: str = "image"
    facts: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    values: npt.NDArray[np.float32] | None = None
    points: npt.NDArray[np.float32] | None = None
    text: str | None = None


class DecodePool:
    """At most `workers` children that decode, each started when it is first needed; safe to use from many threads.

    A child that crashes, hangs or asks for too much memory is replaced, and only its item fails. A child is
    also replaced after `recycle_after` items, so that leaks in codecs do not add up.
    """

    def __init__(
        self,
        workers: int = 2,
        memory_bytes: int = 2 << 30,
        wall_s: float = 15.0,
        cpu_s: int = 10,
        recycle_after: int = 4000,
        *,
        module: str = "sightloop.inference.decode_child",
    ) -> None:
        self.limits = {"memory_bytes": memory_bytes, "wall_s": wall_s, "cpu_s": cpu_s}
        self._limits = Limits(memory_bytes=memory_bytes, cpu_s=cpu_s, wall_s=wall_s)
        self._recycle_after = recycle_after
        self._module = module
        self._workers = workers
        self._closed = False
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)

    def start_one(self) -> None:
        """Returns once a child is being started, so that the first image does not wait for that."""
        child = self._take()
        self._idle.put(child)

    def decode(self, data: bytes, want: DecodeRequest | None = None) -> Decoded:
        """The image in `data`; waits for a free child.

        Raises:
            InvalidMedia: with `facts["reason"]`, a code of sightloop.inference.reasons.
            Unavailable: the pool is closed, or no child can be started.
        """
        want = want or DecodeRequest()
        if want.pts is not None:
            found = next(self.frames(data, [want.pts], want))
            if found is None:
                raise refuse("no_frame")
            return found
        reply, parts = self._ask(data, _header(want))
        return _decoded(reply, parts, want)

    def frames(self, data: bytes, pts: Sequence[int], want: DecodeRequest) -> Iterator[Decoded | None]:
        """The frames of a video with these timestamps, exactly, in that order; None for one that there is not.

        Raises:
            InvalidMedia: with `facts["reason"]`; what came before it stands.
        """
        at = 0
        while at < len(pts):
            reply, parts = self._ask(data, _header(want, pts=list(pts[at : at + AT_ONCE])))
            taken = 0
            for facts in reply["many"]:
                count = facts.pop("parts")
                yield _decoded(facts, parts[taken : taken + count], want) if count else None
                taken += count
            at += len(reply["many"])

    def pick_times(self, data: bytes, plan: Mapping[str, Any]) -> Sequence[int]:
        """The timestamps of frames of a video: {"every_s": 1.0} | {"keyframes": true} | {"scenes": 0.3}, and "most".

        Raises:
            InvalidMedia: with `facts["reason"]`.
        """
        found: list[int] = self._ask(data, _header(DecodeRequest(pixels=False), plan=dict(plan)))[0]["times"]
        return found

    def under_pseudonyms(self, data: bytes, key: bytes) -> bytes:
        """The DICOM file without what names a person; the same file under the same key gives the same bytes.

        Raises:
            InvalidMedia: with `facts["reason"]`.
            Unavailable: the pool is closed, or no child can be started.
        """
        return self._ask(data, _header(DecodeRequest(pixels=False), pseudonyms=key.hex()))[1][0]

    def map(
        self, media: Iterable[bytes], want: DecodeRequest | Sequence[DecodeRequest] | None = None
    ) -> Iterator[Decoded | InvalidMedia]:
        """One result per medium, in order; a refused one yields its error. Reads ahead by twice the workers.

        Args:
            want: of all media, or of each.
        """
        wants = want if isinstance(want, Sequence) else repeat(want or DecodeRequest())
        ahead: deque[Future[Decoded | InvalidMedia]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="decode") as threads:
            for data, wanted in zip(media, wants, strict=False):
                ahead.append(threads.submit(self._attempt, data, wanted))
                if len(ahead) >= 2 * self._workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def close(self) -> None:
        """End all children, after the items that are being decoded."""
        if self._closed:
            return
        self._closed = True
        children = [self._idle.get() for _ in range(self._workers)]
        for child in children:
            if child is not None:
                child.kill()
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, data: bytes, header: dict[str, Any]) -> Message:
        if not data:
            raise refuse("empty")
        if len(data) > MAX_FILE_BYTES:
            raise refuse("too_large", f"It has {len(data)} bytes; the limit is {MAX_FILE_BYTES}.")
        child = self._take()
        healthy = False
        try:
            answer = child.ask(header, [data])
            healthy = True
        except InvalidMedia:
            healthy = True
            raise
        except ChildLost as lost:
            raise refuse(_LOST[lost.reason]) from lost
        finally:
            if healthy and child.asked < self._recycle_after:
                self._idle.put(child)
            else:
                child.kill()
                self._idle.put(self._successor())
        return answer

    def _attempt(self, data: bytes, want: DecodeRequest) -> Decoded | InvalidMedia:
        try:
            return self.decode(data, want)
        except InvalidMedia as refused:
            return refused

    def _take(self) -> Child:
        child = self._idle.get()
        try:
            if self._closed:
                raise Unavailable("The decode pool is closed.", hint="Open a new one.")
            return child or self._spawn()
        except Unavailable:
            self._idle.put(None)
            raise

    def _successor(self) -> Child | None:
        """A fresh child, or None where none can be started now: the next item will try again."""
        try:
            return self._spawn()
        except Unavailable:
            return None

    def _spawn(self) -> Child:
        return Child(self._module, self._limits)


def _header(want: DecodeRequest, **more: Any) -> dict[str, Any]:
    return {**asdict(want), "pts": [], "plan": None, "pseudonyms": "", **more}


def _decoded(reply: dict[str, Any], parts: list[bytes], want: DecodeRequest) -> Decoded:
    shapes = reply["shapes"]
    arrays = [np.frombuffer(part, np.uint8).reshape(shape) for part, shape in zip(parts, shapes, strict=False)]
    gray32, *rest = arrays
    encoded = dict(zip(reply["encoded"], parts[len(shapes) :], strict=True))
    captured_at = reply["captured_at"]
    width, height = reply["width"], reply["height"]
    values, points, text = (encoded.get(name) for name in ("values", "points", "text"))
    return Decoded(
        format=reply["format"],
        width=width,
        height=height,
        channels=reply["channels"],
        bit_depth=reply["bit_depth"],
        gray32=gray32,
        measures=Quality(*map(float, reply["measures"])) if want.measures else None,
        pixels=rest[-1] if want.pixels else None,
        thumbnail=encoded.get("thumbnail"),
        captured_at=datetime.fromisoformat(captured_at) if captured_at else None,
        colour=reply.get("colour"),
        picture=encoded.get("picture"),
        kind=reply["kind"],
        facts=reply["facts"],
        reading=reply["reading"],
        values=None if values is None else np.frombuffer(values, "<f4").reshape(height, width),
        points=None if points is None else np.frombuffer(points, "<f4").reshape(-1, 4),
        text=None if text is None else text.decode(),
    )
