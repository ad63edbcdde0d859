"""Which reader takes a medium: by its first bytes, or by its name where a format has no signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sightloop.inference.modalities import audio, dicom, documents, measured, points, series, video
from sightloop.inference.modalities.containers import HEAD_BYTES, container_of
from sightloop.inference.modalities.images import PNG_SIGNATURE, open_image
from sightloop.inference.modalities.opened import Opened
from sightloop.inference.reasons import refuse

IMAGES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (PNG_SIGNATURE, "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
DICOM_AT: Final = 128
HEIC_BRANDS: Final = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1")
UNREAD_IMAGES: Final = (
    (0, b"8BPS"),
    (0, b"\0\0\1\0"),
    (0, b"\0\0\0\x0cjP  "),
    (0, b"\0\0\0\x0cJXL "),
    (0, b"\xff\x0a"),
    (4, b"ftypavif"),
)
Reader = Callable[[bytes, str], Opened]
OTHERS: Final[tuple[tuple[int, bytes, Reader], ...]] = (
    (0, b"v/1\1", measured.open_exr),
    (DICOM_AT, b"DICM", dicom.open_dicom),
    (0, b"LASF", points.open_las),
    (0, b"# .PCD", points.open_pcd),
    (0, b"VERSION .7", points.open_pcd),
    (0, b"VERSION 0.7", points.open_pcd),
    (0, b"\x93NUMPY", points.open_numpy),
    (0, b"RF64", audio.open_audio),
    (0, b"fLaC", audio.open_audio),
    (0, b"OggS", audio.open_audio),
    (0, b"ID3", audio.open_audio),
    (0, b"\xff\xfb", audio.open_audio),
    (0, b"\xff\xf3", audio.open_audio),
    (0, b"PAR1", series.open_parquet),
)
BY_NAME: Final[Mapping[str, Reader]] = {
    ".bin": points.open_kitti,
    ".csv": series.open_csv,
    ".tsv": series.open_csv,
    ".txt": documents.open_text,
    ".md": documents.open_text,
}


def open_medium(data: bytes, suffix: str, anything: bool, declared: Mapping[str, Any] | None) -> Opened:
    """The medium, opened.

    Args:
        suffix: of its name, in lower case with the dot; only for formats without a signature.
        anything: also what is no image; else it is refused, reason `unsupported_format`.
        declared: what the numbers of an image mean, see `measured.as_measured`.
    """
    image = _image_format(data)
    if image and data[DICOM_AT : DICOM_AT + 4] != b"DICM":  # which may begin like a TIFF (PS3.10, 7.1)
        return open_image(data, image, declared)
    reader = _reader(data, suffix)
    if reader is None:
        raise refuse("not_an_image")
    if not anything:
        raise refuse("unsupported_format")
    return reader(data, suffix)


def _image_format(data: bytes) -> str:
    """The image format that the first bytes name, empty for other content; raises InvalidMedia for known others."""
    if not data:
        raise refuse("empty")
    for signature, name in IMAGES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:12] in HEIC_BRANDS:
        return "HEIC"
    if any(data[at : at + len(signature)] == signature for at, signature in UNREAD_IMAGES):
        raise refuse("unsupported_format")
    return ""


def _reader(data: bytes, suffix: str) -> Reader | None:
    for at, signature, reader in OTHERS:
        if data[at : at + len(signature)] == signature:
            return reader
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return audio.open_audio
    if container_of(data[:HEAD_BYTES])[0]:
        return video.open_video
    return BY_NAME.get(suffix)
