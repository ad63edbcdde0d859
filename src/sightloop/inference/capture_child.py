"""What reads a camera, inside a child: one due frame a request, as JPEG with its time, and how many passed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from PIL import Image

from sightloop.domain import now
from sightloop.errors import InvalidMedia
from sightloop.inference.child_loop import Answer, serve
from sightloop.inference.modalities.containers import CODECS, HEAD_BYTES, container_of
from sightloop.inference.modalities.opened import check_size, needs
from sightloop.inference.reasons import refuse

LOOK_S: Final = 1.0
QUALITY: Final = 90
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL, SUB_SECONDS = 36867, 36881, 37521  # EXIF 2.32, 4.6.5
TAG_EXIF: Final = 0x8769


class Camera:
    """One stream. Its first request opens it, each further one reads on until a frame is due or LOOK_S are over."""

    def __init__(self) -> None:
        self._frames: Iterator[Any] = iter(())
        self._every_s = 1.0
        self._due_s = 0.0
        self._loops = False
        self._url = ""
        self._began = 0.0
        self._stall_s = 10.0

    def answer(self, request: dict[str, Any], _payloads: list[bytes]) -> Answer:
        """Facts of the stream; or `seen` frames, and the one that is due with `at`."""
        try:
            return self._open(request) if "url" in request else self._look()
        except (InvalidMedia, MemoryError):
            raise
        except Exception as error:
            raise refuse("stream_ended", type(error).__name__) from error

    def _open(self, request: dict[str, Any]) -> Answer:
        self._url, self._every_s, self._stall_s = request["url"], request["every_s"], request["stall_s"]
        self._loops = self._url.startswith("file:")
        stream = self._connect()
        width, height = stream.codec_context.width, stream.codec_context.height
        check_size(max(1, width), max(1, height))
        rate = stream.average_rate
        return {"codec": stream.codec_context.name, "width": width, "height": height, "fps": float(rate or 0)}, []

    def _connect(self) -> Any:
        av: Any = needs("av", "video")
        options = {"codec_whitelist": CODECS}
        kind, _, place = self._url.partition(":")
        if kind == "file":
            file = open(place, "rb")  # noqa: SIM115  the container reads on
            _, demuxer = container_of(file.read(HEAD_BYTES))
            if not demuxer:
                raise refuse("no_video")
            file.seek(0)
            container = av.open(file, format=demuxer, options={**options, "protocol_whitelist": "none"})
        elif kind == "device":
            container = av.open(f"/dev/video{int(place)}", format="video4linux2", options=options)
        else:
            options |= {
                "rtsp_transport": "tcp",
                "allowed_media_types": "video",
                "protocol_whitelist": "rtsp,tcp,rtp,udp",
                "timeout": str(int(self._stall_s * 1e6)),
            }
            container = av.open(self._url, format="rtsp", options=options, timeout=self._stall_s)
        if not container.streams.video:
            raise refuse("no_video")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        self._frames = container.decode(stream)
        self._began, self._due_s = time.monotonic(), 0.0
        return stream

    def _look(self) -> Answer:
        until = time.monotonic() + LOOK_S
        seen = 0
        while time.monotonic() < until:
            frame = next(self._frames, None)
            if frame is None:
                if not self._loops:
                    raise refuse("stream_ended")
                if not seen and not self._due_s:
                    raise refuse("truncated", "It holds no frames.")
                self._connect()
                continue
            seen += 1
            passed = time.monotonic() - self._began
            at = float(frame.time) if frame.time is not None else passed
            if self._loops and at > passed:
                time.sleep(min(at - passed, self._stall_s / 2))
            if at < self._due_s - self._every_s:  # a clock that was set back
                self._due_s = at
            if at >= self._due_s:
                self._due_s = max(self._due_s + self._every_s, at + self._every_s / 2)
                return self._sampled(frame, seen)
        return {"seen": seen}, []

    def _sampled(self, frame: Any, seen: int) -> Answer:
        check_size(frame.width, frame.height)
        image = frame.to_image()
        moment = now()
        facts = {"seen": seen, "at": moment.isoformat(), "width": image.width, "height": image.height}
        return facts, [_jpeg(image, moment)]


def _jpeg(image: Image.Image, moment: datetime) -> bytes:
    """The picture with the moment in its EXIF, so that it tells when it was taken wherever it goes."""
    exif = Image.Exif()
    exif.get_ifd(TAG_EXIF).update(
        {
            DATE_TIME_ORIGINAL: moment.strftime("%Y:%m:%d %H:%M:%S"),
            OFFSET_TIME_ORIGINAL: "+00:00",
            SUB_SECONDS: f"{moment.microsecond:06d}",
        }
    )
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, exif=exif.tobytes())
    return buffer.getvalue()


if __name__ == "__main__":
    serve(Camera().answer)
