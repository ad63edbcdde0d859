"""Video containers, told by their first bytes: FFmpeg is never left to guess, as some formats name other files."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 256
_TS_PACKET: Final = 188  # ISO/IEC 13818-1, 2.4.3.2
_ATOMS: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide"})
CODECS: Final = "h264,hevc,av1,libdav1d,vp8,vp9,mpeg4,mpeg2video,mpeg1video,mjpeg,h263,prores,rawvideo,png"
"""The decoders that strangers' streams may reach."""


def container_of(head: bytes) -> tuple[str, str]:
    """The name of the format and FFmpeg's name of its demuxer; both empty where it is no video container."""
    if head[4:8] in _ATOMS:
        return ("MOV" if head[8:10] == b"qt" or head[4:8] != b"ftyp" else "MP4"), "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":  # RFC 8794, 11.2.1
        return ("WEBM" if b"webm" in head[:64] else "MKV"), "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI", "avi"
    if head[:4] == b"\0\0\1\xba":
        return "MPEG", "mpeg"
    if head[:1] == b"\x47" and head[_TS_PACKET : _TS_PACKET + 1] == b"\x47":
        return "TS", "mpegts"
    return "", ""
