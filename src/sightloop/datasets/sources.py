"""Where media come from: a folder, an archive, a bucket, uploads, pushes. Listing is in a fixed order and resumable."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sightloop.datasets import folders
from sightloop.datasets.archives import members
from sightloop.datasets.buckets import Bucket, is_in_bucket, split_location, split_url
from sightloop.datasets.clips import check_frames
from sightloop.datasets.credentials import Credentials
from sightloop.datasets.grouping import check_grouping
from sightloop.datasets.manifests import GIVEN, MOST_BYTES, NAMES, check_metadata, read_manifest
from sightloop.datasets.readings import check_reading
from sightloop.domain import Caller, digest_of
from sightloop.errors import Corrupt, InvalidInput, InvalidMedia, NotFound, SightloopError, TooLarge, not_found
from sightloop.events import EgressGate
from sightloop.storage import Blobs, Stores

MAX_MEDIA_BYTES: Final = 256 << 20
SIDECARS: Final = frozenset({".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".xml", ".txt", ".md", ".ini"})
_TABLES: Final = frozenset({"samples.parquet", "objects.parquet"})  # of an export: labels, no measurements
EXTENSIONS: Final[Mapping[str, str]] = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP",
    ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF", ".heic": "HEIC", ".heif": "HEIC", ".exr": "EXR", ".dcm": "DICOM",
    ".las": "LAS", ".laz": "LAZ", ".pcd": "PCD", ".bin": "KITTI", ".npy": "NPY", ".wav": "WAV", ".flac": "FLAC",
    ".ogg": "OGG", ".oga": "OGG", ".mp3": "MP3", ".parquet": "PARQUET", ".csv": "CSV", ".tsv": "CSV", ".txt": "TEXT",
    ".md": "TEXT", ".mp4": "MP4", ".m4v": "MP4", ".mov": "MOV", ".webm": "WEBM", ".mkv": "MKV", ".avi": "AVI",
    ".mpg": "MPEG", ".mpeg": "MPEG", ".ts": "TS",
}  # fmt: skip
ASKED_AT_ONCE: Final = 16
KINDS: Final = ("folder", "archive", "upload", "bucket", "quarantine")


@dataclass(frozen=True, slots=True)
class Entry:
    """One medium to look at: `name` within its source, and the blob's `digest`, a `path` or a bucket's `key`.

    Attributes:
        etag: changes with the content, where the source has such a tag.
        given: what came with this medium: fields of the sample, and facets.
        source: what the sample says it came from, where that is not the source now looked at.
    """

    name: str
    digest: str = ""
    path: str = ""
    key: str = ""
    etag: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    def packed(self) -> dict[str, Any]:
        """What is not empty, for JSON."""
        return {name: value for name, value in asdict(self).items() if value}


class Sources:
    """Lists and reads what sources hold, each kind by what it can."""

    def __init__(
        self, stores: Stores, credentials: Credentials, gate: EgressGate, nameless: Callable[[Caller, bytes], bytes]
    ) -> None:
        self._stores = stores
        self._nameless = nameless
        self._credentials = credentials
        self._gate = gate

    def check(self, caller: Caller, source: Mapping[str, Any]) -> None:
        """Nothing; raises InvalidInput where it cannot be read as a source, and NotFound for what is not there."""
        kind = source.get("kind")
        if kind not in KINDS:
            raise not_found("kind of source", str(kind), KINDS, hint='Write {"kind": "folder", "path": "..."}.')
        if kind == "folder" and not Path(_text(source, "path")).is_dir():
            raise NotFound("The folder to ingest does not exist.", hint="Give the path of a folder on the server.")
        if kind == "archive" and "upload" not in source and not Path(_text(source, "path")).is_file():
            raise NotFound("The archive to ingest does not exist.", hint="Give its path on the server, or upload it.")
        if kind == "upload":
            _check_files(source.get("files"))
        if kind == "bucket":
            _, _, prefix = split_url(_text(source, "url"))
            next(self._bucket(caller, source).walk(prefix), None)
        check_options(source)

    def walk(self, caller: Caller, source: Mapping[str, Any], after: str = "") -> Iterator[Entry]:
        """The entries of a checked source in a fixed order, sidecar files too, after the one of that name.

        The members of an archive are put into blobs on the way.
        """
        if source["kind"] == "folder":
            top = Path(source["path"])
            if not top.is_dir():
                raise NotFound("The folder of the source is gone.", hint="Put it back, or remove the source.")
            for file in folders.walk(top, after):
                yield Entry(file.name, path=file.path, etag=file.etag)
        elif source["kind"] == "bucket":
            _, _, prefix = split_url(source["url"])
            for one in self._bucket(caller, source).walk(prefix, prefix + after if after else ""):
                if not one.key.endswith("/") and not _is_hidden(one.key.removeprefix(prefix)):
                    yield Entry(one.key.removeprefix(prefix), key=one.key, etag=one.etag)
        elif source["kind"] == "archive":
            yield from self._unpacked(caller, source)
        else:
            files = sorted((one["name"], one["digest"]) for one in source["files"])
            yield from (Entry(name, digest=digest) for name, digest in files)

    def gone(self, caller: Caller, source: Mapping[str, Any], names: Sequence[str]) -> list[str]:
        """Those of the names under which the source holds nothing now; each is asked for."""
        if not names:
            return []
        if source["kind"] == "bucket":
            bucket, (_, _, prefix) = self._bucket(caller, source), split_url(source["url"])
            with ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="gone") as asking:
                there = list(asking.map(lambda name: bucket.holds(prefix + name), names))
        else:
            there = [Path(source["path"], name).is_file() for name in names]
        return [name for name, held in zip(names, there, strict=True) if not held]

    def reader(self, caller: Caller, source: Mapping[str, Any]) -> Reader:
        """Reads the entries of a source."""
        bucket = self._bucket(caller, source) if source["kind"] == "bucket" else None
        stays = not source.get("copy", source["kind"] != "bucket")
        return Reader(self._blobs(caller), bucket, stays)

    def manifest(self, caller: Caller, source: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """What the manifest at the top of a folder or bucket says by file name; nothing where there is none."""
        if source["kind"] == "folder":
            found = [(one, Path(source["path"], one)) for one in NAMES if Path(source["path"], one).is_file()]
            return read_manifest(found[0][0], _small(found[0][0], read_file(found[0][1]))) if found else {}
        if source["kind"] == "bucket":
            bucket, (_, _, prefix) = self._bucket(caller, source), split_url(source["url"])
            for name in NAMES:
                if any(one.key == prefix + name for one in bucket.walk(prefix, prefix + name[:-1])):
                    return read_manifest(name, _small(name, bucket.read(prefix + name, MOST_BYTES)[0]))
        return {}

    def in_place(self, caller: Caller, sample: str, location: str, digest: str) -> bytes:
        """The bytes of media that were left where they were, verified.

        Raises:
            NotFound: they have gone. Corrupt: they were changed. Forbidden, Unavailable: the bucket does not give them.
        """
        if is_in_bucket(location):
            scheme, bucket, key, said = split_location(location)
            opened = Bucket(scheme, bucket, self._credentials.access(caller, said.get("credentials", "")), self._gate)
            return opened.verified(key, said.get("version", ""), digest, MAX_MEDIA_BYTES)
        try:
            data = read_file(Path(location))
        except InvalidMedia as error:
            raise NotFound(
                f"The media of {sample} are gone from the folder where they were left.",
                hint="Put the file back, or ingest it with a copy.",
            ) from error
        if digest_of(data) != digest:
            raise Corrupt(
                f"The media of {sample} were changed in the folder where they were left.",
                hint="Put the old file back, or ingest the new one.",
            )
        return data

    def signed(self, caller: Caller, location: str) -> str:
        """A URL that gives media in a bucket for a few minutes; empty where there is none to give."""
        if not is_in_bucket(location):
            return ""
        scheme, bucket, key, said = split_location(location)
        return Bucket(scheme, bucket, self._credentials.access(caller, said.get("credentials", "")), self._gate).signed(
            key
        )

    def _bucket(self, caller: Caller, source: Mapping[str, Any]) -> Bucket:
        scheme, bucket, _ = split_url(source["url"])
        return Bucket(scheme, bucket, self._credentials.access(caller, str(source.get("credentials", ""))), self._gate)

    def _unpacked(self, caller: Caller, source: Mapping[str, Any]) -> Iterator[Entry]:
        blobs = self._blobs(caller)
        every_s = float((source.get("frames") or {}).get("every_s", 0))
        for name, data, given in members(self._packed(caller, source), every_s=every_s):
            kept = not is_sidecar(name, source) or source.get("layout") or (name in NAMES and _small(name, data))
            yield Entry(name, digest=blobs.put(self._clean(caller, source, data)) if kept else "", given=given)

    def _clean(self, caller: Caller, source: Mapping[str, Any], data: bytes) -> bytes:
        """The bytes, under pseudonyms where they are DICOM; nothing of DICOM that cannot be read."""
        if source.get("identity") == "keep":
            return data
        try:
            return self._nameless(caller, data)
        except InvalidMedia:
            return b""

    def _packed(self, caller: Caller, source: Mapping[str, Any]) -> bytes | Path:
        return self._blobs(caller).get(source["upload"]) if "upload" in source else Path(source["path"])

    def _blobs(self, caller: Caller) -> Blobs:
        return self._stores.workspace(caller.workspace).blobs


def check_options(source: Mapping[str, Any]) -> None:
    """Nothing; raises InvalidInput for what no source of any kind can be told."""
    defaults = source.get("defaults", {})
    if not isinstance(defaults, Mapping):
        raise InvalidInput("The defaults of the source are no mapping.", hint=f"Such as {', '.join(GIVEN)}.")
    check_metadata({"every medium": defaults})
    check_reading(source.get("reading"))
    check_frames(source.get("frames"))
    check_grouping(source.get("group"))
    if source.get("layout", "kitti") != "kitti":
        raise InvalidInput("The source has a layout that is not known.", hint='Say "kitti", or nothing.')
    included = source.get("include", [])
    if not isinstance(included, list) or not set(included) <= SIDECARS:
        raise InvalidInput(
            "A source includes what is no such ending.", hint=f"Give a list of {', '.join(sorted(SIDECARS))}."
        )
    if source.get("identity", "remove") not in ("remove", "keep"):
        raise InvalidInput("The identity of patients is neither removed nor kept.", hint='Say "remove" or "keep".')


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads entries of one source; `stays` where its media are left in place."""

    blobs: Blobs
    bucket: Bucket | None = None
    stays: bool = False
    make: Callable[[Entry], bytes] | None = None

    def read(self, entry: Entry) -> tuple[bytes, str]:
        """The bytes of an entry, and their location where they stay there.

        Raises:
            InvalidMedia: reason `too_large`, `unreadable` or `forbidden`, where there are none to have.
            Unavailable: the bucket does not answer.
        """
        if self.make is not None:
            return self.make(entry), ""
        if entry.digest:
            try:
                return self.blobs.get(entry.digest), ""
            except SightloopError as error:
                raise _unreadable() from error
        if entry.key:
            assert self.bucket is not None
            data, location = self.bucket.read(entry.key, MAX_MEDIA_BYTES)
        else:
            data, location = read_file(Path(entry.path)), entry.path
        return data, location if self.stays else ""


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


def source_name(source: Mapping[str, Any]) -> str:
    """What samples say of where they come from."""
    return str(source.get("name", source["kind"]))


def check_name(name: str, format_found: str) -> None:
    """Nothing; raises InvalidMedia, reason `renamed`, where the extension promises another format than was found."""
    suffix = Path(name).suffix.lower()
    if suffix[1:].isalpha() and EXTENSIONS.get(suffix) != format_found:
        raise InvalidMedia(
            f'The content is {format_found}, but the name ends in "{suffix}".',
            hint='Rename the file, or ingest with "trust_content": true.',
            reason="renamed",
        )


def is_sidecar(name: str, source: Mapping[str, Any]) -> bool:
    """Whether a file of this name tells about media and is none; a source may include such endings as media."""
    ending = Path(name).suffix.lower()
    return (
        name in NAMES or Path(name).name in _TABLES or (ending in SIDECARS and ending not in source.get("include", ()))
    )


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _check_files(files: Any) -> None:
    good = isinstance(files, list) and all(
        isinstance(one, Mapping) and isinstance(one.get("name"), str) and isinstance(one.get("digest"), str)
        for one in files
    )
    if not good or not files:
        raise InvalidInput("An upload source needs its files.", hint='Write {"files": [{"name", "digest"}]}.')


def _text(source: Mapping[str, Any], key: str) -> str:
    value = source.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f'The source needs "{key}".', hint=f'Write {{"kind": "folder", "{key}": "..."}}.')
    return value


def _small(name: str, data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise TooLarge(f'The manifest "{name}" has more than {MOST_BYTES} bytes.', hint="Split the source.")
    return data


def _unreadable() -> InvalidMedia:
    return InvalidMedia("The file cannot be read.", hint="Check that it exists and may be read.", reason="unreadable")
