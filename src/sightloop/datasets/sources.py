"""Where media come from: a folder, an archive, uploads, the quarantine. Listing is sorted, so that steps repeat."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sightloop.datasets.archives import members
from sightloop.datasets.clips import check_frames
from sightloop.datasets.readings import check_reading
from sightloop.errors import InvalidInput, InvalidMedia, NotFound, SightloopError, not_found
from sightloop.storage import Blobs

MAX_MEDIA_BYTES: Final = 256 << 20
SIDECARS: Final = frozenset({".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".xml", ".txt", ".md"})
EXTENSIONS: Final[Mapping[str, str]] = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP",
    ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF", ".heic": "HEIC", ".heif": "HEIC", ".exr": "EXR", ".dcm": "DICOM",
    ".las": "LAS", ".laz": "LAZ", ".pcd": "PCD", ".bin": "KITTI", ".npy": "NPY", ".wav": "WAV", ".flac": "FLAC",
    ".ogg": "OGG", ".oga": "OGG", ".mp3": "MP3", ".parquet": "PARQUET", ".csv": "CSV", ".tsv": "CSV", ".txt": "TEXT",
    ".md": "TEXT", ".mp4": "MP4", ".m4v": "MP4", ".mov": "MOV", ".webm": "WEBM", ".mkv": "MKV", ".avi": "AVI",
    ".mpg": "MPEG", ".mpeg": "MPEG", ".ts": "TS",
}  # fmt: skip
KINDS: Final = ("folder", "archive", "upload", "quarantine")


@dataclass(frozen=True, slots=True)
class Entry:
    """One medium to look at: `name` within its source, and either the blob's `digest` or the file's `path`."""

    name: str
    digest: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds, sorted by name; `skipped` counts sidecar files such as labels.csv."""

    entries: tuple[Entry, ...]
    skipped: int = 0


def check_source(source: Mapping[str, Any]) -> None:
    """Nothing; raises InvalidInput where the source cannot be read as one, and NotFound for a missing path."""
    kind = source.get("kind")
    if kind not in KINDS:
        raise not_found("kind of source", str(kind), KINDS, hint='Write {"kind": "folder", "path": "..."}.')
    if kind == "folder" and not Path(_text(source, "path")).is_dir():
        raise NotFound("The folder to ingest does not exist.", hint="Give the path of a folder on the server.")
    if kind == "archive" and "upload" not in source and not Path(_text(source, "path")).is_file():
        raise NotFound("The archive to ingest does not exist.", hint="Give its path on the server, or upload it.")
    check_reading(source.get("reading"))
    check_frames(source.get("frames"))
    included = source.get("include", [])
    if not isinstance(included, list) or not set(included) <= SIDECARS:
        raise InvalidInput(
            "A source includes what is no such ending.", hint=f"Give a list of {', '.join(sorted(SIDECARS))}."
        )
    if source.get("identity", "remove") not in ("remove", "keep"):
        raise InvalidInput("The identity of patients is neither removed nor kept.", hint='Say "remove" or "keep".')
    if kind == "upload":
        files = source.get("files")
        good = isinstance(files, list) and all(
            isinstance(one, Mapping) and isinstance(one.get("name"), str) and isinstance(one.get("digest"), str)
            for one in files
        )
        if not good or not files:
            raise InvalidInput("An upload source needs its files.", hint='Write {"files": [{"name", "digest"}]}.')


def list_source(source: Mapping[str, Any], blobs: Blobs) -> Listing:
    """All media of a checked source; the members of an archive are put into blobs on the way."""
    passed_over = SIDECARS - set(source.get("include", ()))
    if source["kind"] == "folder":
        return _list_folder(Path(source["path"]), passed_over)
    if source["kind"] == "archive":
        packed = blobs.get(source["upload"]) if "upload" in source else Path(source["path"])
        entries, skipped = [], 0
        for name, data in members(packed):
            if Path(name).suffix.lower() in passed_over:
                skipped += 1
            else:
                entries.append(Entry(name, digest=blobs.put(data)))
        return Listing(tuple(sorted(entries, key=_order)), skipped)
    entries = [Entry(one["name"], digest=one["digest"]) for one in source["files"]]
    return Listing(tuple(sorted(entries, key=_order)))


def read_entry(entry: Entry, blobs: Blobs) -> bytes:
    """The bytes of an entry; raises InvalidMedia, reason `too_large` or `unreadable`, where there are none to have."""
    if entry.digest:
        try:
            return blobs.get(entry.digest)
        except SightloopError as error:
            raise _unreadable() from error
    return read_file(Path(entry.path))


def read_file(path: Path) -> bytes:
    """The bytes of a regular file; raises InvalidMedia, reason `too_large` or `unreadable`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _unreadable()
            data = file.read(MAX_MEDIA_BYTES + 1)
    except OSError as error:
        raise _unreadable() from error
    if len(data) > MAX_MEDIA_BYTES:
        raise InvalidMedia(
            f"The file has more than {MAX_MEDIA_BYTES} bytes.",
            hint="Compress it, or cut it into tiles.",
            reason="too_large",
        )
    return data


def check_name(name: str, format_found: str) -> None:
    """Nothing; raises InvalidMedia, reason `renamed`, where the extension promises another format than was found."""
    suffix = Path(name).suffix.lower()
    if suffix[1:].isalpha() and EXTENSIONS.get(suffix) != format_found:
        raise InvalidMedia(
            f'The content is {format_found}, but the name ends in "{suffix}".',
            hint='Rename the file, or ingest with "trust_content": true.',
            reason="renamed",
        )


def _list_folder(top: Path, passed_over: Set[str]) -> Listing:
    """All regular files below a folder; hidden ones and links are left out."""
    entries, skipped = [], 0
    for folder, folders, files in os.walk(top, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(folder) / name
            if name.startswith(".") or path.is_symlink():
                continue
            if path.suffix.lower() in passed_over:
                skipped += 1
            else:
                entries.append(Entry(path.relative_to(top).as_posix(), path=str(path.absolute())))
    return Listing(tuple(sorted(entries, key=_order)), skipped)


def _order(entry: Entry) -> tuple[str, str]:
    return entry.name, entry.digest


def _text(source: Mapping[str, Any], key: str) -> str:
    value = source.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f'The source needs "{key}".', hint=f'Write {{"kind": "folder", "{key}": "..."}}.')
    return value


def _unreadable() -> InvalidMedia:
    return InvalidMedia("The file cannot be read.", hint="Check that it exists and may be read.", reason="unreadable")
