"""Video: a clip is probed whole and shown by its first frame; any frame is read again, exactly, by its timestamp.

A frame is named by its pts, in units of its stream's time base (ISO/IEC 14496-12, 8.6.1). It is found by decoding from
the keyframe before it. Where a container's timestamps are not its own (AVI) or its index is a guess (MPEG), that is the
first one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from sightloop.inference.modalities.containers import CODECS, HEAD_BYTES, container_of
from sightloop.inference.modalities.opened import Opened, Scalar, check_size, needs
from sightloop.inference.reasons import refuse

MAX_FRAMES: Final = 5_000_000
SEEKABLE: Final = frozenset({"mov", "matroska"})
UNEVEN: Final = 1.5  # longest over shortest time between two frames
LOOKED_AT: Final = (64, 36)
BINS: Final = 32


@dataclass(slots=True)
class Video:
    """An opened video stream with its index.

    Attributes:
        times: pts of all frames, rising; from the packets, or by decoding where they have none.
        keys: pts of the keyframes, rising; empty where they cannot be sought.
    """

    format: str
    demuxer: str
    container: Any
    stream: Any
    times: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)

    def seconds(self, pts: int) -> float:
        """From the first frame."""
        return float((pts - self.times[0]) * self.stream.time_base)


def open_video(data: bytes, _suffix: str = "") -> Opened:
    """A clip: its picture is its first frame that can be decoded, upright."""
    video = _indexed(data)
    first = next(_decoded(video), None)
    if first is None:
        raise refuse("truncated", "It holds no frame that can be decoded.")
    return _as_opened(video, first, "clip", _facts(video, first))


def open_frames(data: bytes, wanted: Sequence[int]) -> Iterator[Opened | None]:
    """The frames with these pts, in that order (rising ones are read in one go); None for one that there is not."""
    video = _indexed(data)
    frames: Iterator[Any] = iter(())
    reached, key = 0, -1
    for pts in wanted:
        before = bisect_right(video.keys, pts) - 1
        if not video.times or reached >= pts or before > key or key < 0:
            frames, key = _from(data, video, before), before
        found = None
        for frame in frames:
            reached = frame.pts
            if frame.pts >= pts:
                found = frame if frame.pts == pts else None
                break
        yield None if found is None else _as_opened(video, found, "frame", {"time_s": round(video.seconds(pts), 6)})


def pick_times(data: bytes, plan: dict[str, Any]) -> list[int]:
    """The pts of the frames that a plan asks for: {"every_s"}, {"keyframes": true} or {"scenes": distance}; `most`."""
    video = _indexed(data)
    if plan.get("every_s"):
        picked, due = [], 0.0
        for pts in video.times:
            at = video.seconds(pts)
            if at >= due - 1e-9:
                picked.append(pts)
                due = (at // plan["every_s"] + 1) * plan["every_s"]
    elif plan.get("keyframes"):
        picked = video.keys or [frame.pts for frame in _decoded(video) if frame.key_frame]
    else:
        picked = list(_scenes(video, float(plan["scenes"])))
    return picked[: int(plan["most"])]


def _scenes(video: Video, distance: float) -> Iterator[int]:
    """The first frame, and each whose grey histogram differs from the one before by more than the distance.

    Half the sum of absolute differences of shares, 0 to 1: the total variation distance.
    """
    before: npt.NDArray[np.float64] | None = None
    for frame in _decoded(video):
        grey = frame.reformat(*LOOKED_AT, format="gray").to_ndarray()
        shares = np.bincount(grey.ravel() // (256 // BINS), minlength=BINS) / grey.size
        if before is None or np.abs(shares - before).sum() / 2 > distance:
            yield frame.pts
        before = shares


def _indexed(data: bytes) -> Video:
    video = _opened(data)
    known = True
    count = 0
    for packet in video.container.demux(video.stream):
        if packet.size == 0 or packet.is_discard:
            continue
        count += 1
        if count > MAX_FRAMES:
            raise refuse("too_large", f"It has more than {MAX_FRAMES} frames.")
        if packet.pts is None:
            known = False
            break
        video.times.append(packet.pts)
        if packet.is_keyframe:
            video.keys.append(packet.pts)
    if known and count and video.demuxer in SEEKABLE:
        video.times.sort()
        video.keys.sort()
    else:
        video.keys = []
        video.times = sorted(frame.pts for frame in _decoded(_opened(data)))
    video.container.close()
    fresh = _opened(data)
    video.container, video.stream = fresh.container, fresh.stream
    return video


def _opened(data: bytes) -> Video:
    av: Any = needs("av", "video")
    format, demuxer = container_of(data[:HEAD_BYTES])
    options = {"codec_whitelist": CODECS, "protocol_whitelist": "none"}
    try:
        container = av.open(BytesIO(data), format=demuxer, options=options)
    except (av.FFmpegError, ValueError) as error:
        raise refuse("truncated" if isinstance(error, av.EOFError) else "corrupt") from error
    if not container.streams.video:
        raise refuse("no_video")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise refuse("unsupported_format")
    context.thread_count = 1
    check_size(max(1, context.width), max(1, context.height))
    return Video(format, demuxer, container, stream)


def _from(data: bytes, video: Video, key: int) -> Iterator[Any]:
    """The frames from a keyframe on; from the first one where it cannot be sought."""
    fresh = _opened(data)
    if key > 0:
        fresh.container.seek(video.keys[key], stream=fresh.stream, backward=True, any_frame=False)
        landed = next((one.pts for one in fresh.container.demux(fresh.stream) if one.size), None)
        fresh = _opened(data)
        if landed is not None and landed <= video.keys[key]:
            fresh.container.seek(video.keys[key], stream=fresh.stream, backward=True, any_frame=False)
    return _decoded(fresh)


def _decoded(video: Video) -> Iterator[Any]:
    """The frames that can be decoded, in the order of their pts; what is damaged is left out."""
    av: Any = needs("av", "video")
    packets = video.container.demux(video.stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.EOFError:
            return
        except av.FFmpegError:
            continue
        for frame in frames:
            if frame.pts is not None:
                check_size(frame.width, frame.height)
                yield frame


def _as_opened(video: Video, frame: Any, kind: str, facts: dict[str, Scalar]) -> Opened:
    grey = len(frame.format.components) == 1
    picture = Image.fromarray(frame.to_ndarray(format="gray" if grey else "rgb24"))
    if frame.rotation:
        picture = picture.rotate(frame.rotation, expand=True)
    written = video.container.metadata.get("creation_time") if kind == "clip" else None
    return Opened(
        video.format,
        picture,
        kind,
        len(frame.format.components),
        max(part.bits for part in frame.format.components),
        str(written)[:40] if _is_moment(written) else None,
        facts,
    )


def _facts(video: Video, first: Any) -> dict[str, Scalar]:
    times = video.times
    gaps = np.diff(np.asarray(times[:100_000], np.int64))
    rate = video.stream.average_rate
    last = float(np.median(gaps)) * float(video.stream.time_base) if len(gaps) else 0.0
    facts: dict[str, Scalar] = {
        "codec": str(video.stream.codec_context.name),
        "frames": len(times),
        "duration_s": round(video.seconds(times[-1]) + last, 6) if times else 0.0,
        "fps": round(float(rate), 3) if rate else 0.0,
        "sound": bool(video.container.streams.audio),
    }
    if video.keys:
        facts["keyframes"] = len(video.keys)
    if first.rotation:
        facts["rotation"] = int(first.rotation)
    if len(gaps) and gaps.max() > UNEVEN * max(1, gaps.min()):
        facts["uneven"] = True
    return facts


def _is_moment(text: Any) -> bool:
    try:
        return datetime.fromisoformat(str(text)).year > 1970
    except ValueError:
        return False
