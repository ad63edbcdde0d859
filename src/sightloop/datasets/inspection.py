"""What is in a medium: known content, a fresh sample, or a refusal with its reason. Decoding runs ahead in children."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from sightloop.datasets.catalogue import Catalogue, sample_id
from sightloop.datasets.clips import FORMATS, frame_name, plan_of
from sightloop.datasets.looking import Looking
from sightloop.datasets.pseudonyms import Pseudonyms, is_dicom
from sightloop.datasets.rows import SAMPLE_FIELDS
from sightloop.datasets.sources import Entry, Reader, Sources, check_name, source_name
from sightloop.datasets.transforms import KIND, Transforms
from sightloop.domain import Address, Caller, Sample, SampleKind, digest_of
from sightloop.errors import InvalidMedia
from sightloop.inference import Batch, Decoded, DecodePool, DecodeRequest, Seen
from sightloop.storage import Blobs, Stores
from sightloop.vision import HASH_VERSION, perceptual_hash

BATCH: Final = 16
FETCHERS: Final = 8  # a store answers a request in tens of milliseconds, and many at once
AT_ONCE: Final = 64
PHASH_VERSION: Final = f"dct8@{HASH_VERSION}/full-decode/luma/box32@1"
_WANTED: Final = DecodeRequest(pixels=True, thumbnail=True, measures=True, anything=True, text=True)
_HASHED: Final = frozenset({"image", "frame", "sweep"})  # what looks alike is alike; two spectrograms are not
_STAYS: Final = "The file names a person and stays where it is."


@dataclass(frozen=True, slots=True)
class Known:
    """Content that is a sample already; `by_this_run` where this very entry made it, in a step that runs again."""

    entry: Entry
    sample: str
    by_this_run: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that go to quarantine; `digest` names their blob, empty where they could not be read."""

    entry: Entry
    digest: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Fresh:
    """A new sample whose blobs are put.

    Attributes:
        location: set where media stay in place.
        seen: to be embedded, or with its vector.
    """

    entry: Entry
    sample: Sample
    location: str
    seen: Seen

    @property
    def text(self) -> str:
        """What a document says."""
        return (isinstance(self.seen.found, Decoded) and self.seen.found.text) or ""

    def without_pixels(self) -> Fresh:
        return replace(self, seen=self.seen.without_pixels())


Outcome = Known | Refused | Fresh
Completed = Callable[[Entry, Sample], Sample]
"""The sample with all that is said of it; raises InvalidMedia where it is not as expected."""


class Inspector:
    """Looks at entries in batches of BATCH at fixed boundaries."""

    def __init__(
        self,
        stores: Stores,
        decoder: DecodePool,
        catalogue: Catalogue,
        sources: Sources,
        pseudonyms: Pseudonyms,
        looking: Looking,
        transforms: Transforms,
    ) -> None:
        self._stores = stores
        self._sources = sources
        self._decoder = decoder
        self._catalogue = catalogue
        self._pseudonyms = pseudonyms
        self._looking = looking
        self._transforms = transforms
        self._fetch = ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch")

    @property
    def cores(self) -> int:
        """How many batches are looked at together."""
        return self._looking.cores

    def inspect(
        self, caller: Caller, entries: Sequence[Entry], source: Mapping[str, Any], run: str, completed: Completed
    ) -> Iterator[list[Outcome]]:
        """One outcome for each entry, batch by batch; the next batch is decoded while the caller uses this one."""
        reader = self._sources.reader(caller, source)
        if source["kind"] == KIND:
            reader = replace(reader, make=partial(self._transforms.read, caller, source))
        work = _Work(caller, source, run, self._stores.workspace(caller.workspace).blobs, reader, completed)
        settled = self._settled(work, entries)
        with closing(settled), ThreadPoolExecutor(1, thread_name_prefix="inspect") as ahead:
            upcoming = ahead.submit(next, settled, None)
            while (batch := upcoming.result()) is not None:
                upcoming = ahead.submit(next, settled, None)
                outcomes, clips = batch
                yield outcomes
                for clip in clips:
                    yield from self._frames(work, clip)

    def _settled(self, work: _Work, entries: Sequence[Entry]) -> Generator[_Settled, None, None]:
        """Batch by batch."""
        begun: deque[_Begun] = deque()

        def batches() -> Iterator[Batch]:
            for at in range(0, len(entries), BATCH):
                begun.append(self._begin(work, entries[at : at + BATCH]))
                yield begun[-1].unseen(work)

        for seen in self._looking.map(batches()):
            one = begun.popleft()
            yield self._settle(work, one, dict(zip(one.looked_at, seen, strict=True)))

    def _begin(self, work: _Work, entries: Sequence[Entry]) -> _Begun:
        media = [self._nameless(work, one) for one in self._fetch.map(partial(_read, work.reader), entries)]
        ids = {one.digest: sample_id(work.caller, one.digest) for one in media if one.problem is None}
        stored = self._catalogue.stored(work.caller, sorted(set(ids.values())), ["format", "run", "name"])
        rows = {digest: stored[ids[digest]] for digest in ids if ids[digest] in stored}
        return _Begun(media, ids, rows)

    def _settle(self, work: _Work, begun: _Begun, seen: Mapping[str, Seen]) -> _Settled:
        media, ids, rows = begun.media, begun.ids, begun.rows
        outcomes: list[Outcome] = []
        thumbnails: list[bytes] = []
        clips: dict[str, _Medium] = {}
        for one in media:
            looked = seen.get(one.digest)
            found = looked.found if looked else None
            row = rows.get(one.digest)
            held = work.formats.get(one.digest) or (row["format"] if row else "")
            problem = one.problem or (found if isinstance(found, InvalidMedia) else None)
            if problem is None and not work.source.get("trust_content", False):
                problem = _misnamed(one.entry.name, found.format if isinstance(found, Decoded) else held)
            shown = found.format if isinstance(found, Decoded) else held
            if problem is None and shown in FORMATS and plan_of(work.source):
                clips.setdefault(one.digest, one)
            if problem is not None:
                outcomes.append(_refusal(one, problem))
            elif held or looked is None or not isinstance(found, Decoded):
                mine = row is not None and row["run"] == work.run and row["name"] == one.entry.name
                outcomes.append(Known(one.entry, ids[one.digest], mine))
            else:
                outcomes.append(self._fresh(work, one, ids[one.digest], looked, found))
                if isinstance(outcomes[-1], Fresh):
                    work.formats[one.digest] = found.format
                    thumbnails.append(found.thumbnail or b"")
        _put_blobs(work, media, outcomes, thumbnails)
        return outcomes, list(clips.values())

    def _frames(self, work: _Work, clip: _Medium) -> Iterator[list[Outcome]]:
        """The outcomes of the frames that the source asks for, AT_ONCE at a time; a damaged frame is left out."""
        try:
            times = self._decoder.pick_times(clip.data, plan_of(work.source))
            if times and not clip.location:
                work.blobs.put(clip.data)  # a clip that was left in place before
            for at in range(0, len(times), AT_ONCE):
                yield self._some_frames(work, clip, times[at : at + AT_ONCE])
        except InvalidMedia as problem:
            yield [_refusal(clip, problem)]

    def _some_frames(self, work: _Work, clip: _Medium, times: Sequence[int]) -> list[Outcome]:
        ids = {pts: sample_id(work.caller, clip.digest, Address(pts=pts)) for pts in times}
        stored = self._catalogue.stored(work.caller, sorted(ids.values()), ["run", "name"])
        outcomes: list[Outcome] = []
        for sample in ids.values():
            if sample in stored:
                row = stored[sample]
                mine = row["run"] == work.run and row["name"].startswith(f"{clip.entry.name}#")
                outcomes.append(Known(clip.entry, sample, mine))
        fresh = [pts for pts, sample in ids.items() if sample not in stored]
        wanted = replace(_WANTED, size=(self._looking.side, self._looking.side))
        thumbnails = []
        for pts, found in zip(fresh, self._decoder.frames(clip.data, fresh, wanted), strict=True):
            if found is not None and found.pixels is not None:
                made = self._sample(work, clip, ids[pts], found)
                named = frame_name(clip.entry.name, float(found.facts["time_s"]))
                try:
                    frame = work.completed(clip.entry, replace(made, name=named, address=Address(pts=pts)))
                except InvalidMedia as problem:
                    outcomes.append(_refusal(clip, problem))
                    continue
                outcomes.append(Fresh(clip.entry, frame, clip.location, Seen(found, found.pixels)))
                thumbnails.append(found.thumbnail or b"")
        if thumbnails:
            work.blobs.put_many(thumbnails)
        return outcomes

    def _nameless(self, work: _Work, one: _Medium) -> _Medium:
        """The medium; of a DICOM file the bytes under pseudonyms, unless the source says that identities are kept."""
        if not is_dicom(one.data) or one.problem or work.source.get("identity") == "keep":
            return one
        try:
            if one.location:
                raise InvalidMedia(_STAYS, hint='Ingest a copy, or say "identity": "keep".', reason="identity")
            data = self._pseudonyms.nameless(work.caller, one.data)
        except InvalidMedia as problem:
            return _Medium(one.entry, one.data, one.digest, problem)
        return _Medium(one.entry, data, digest_of(data))

    def _fresh(self, work: _Work, one: _Medium, sample: str, seen: Seen, found: Decoded) -> Fresh | Refused:
        try:
            made = work.completed(one.entry, self._sample(work, one, sample, found))
        except InvalidMedia as problem:
            return _refusal(one, problem)
        return Fresh(one.entry, made, one.location, seen)

    def _sample(self, work: _Work, one: _Medium, sample: str, found: Decoded) -> Sample:
        measures = found.measures
        return Sample(
            id=sample,
            media_digest=one.digest,
            source=one.entry.source or source_name(work.source),
            name=one.entry.name,
            size_bytes=len(one.data),
            format=found.format,
            width=found.width,
            height=found.height,
            channels=found.channels,
            bit_depth=found.bit_depth,
            brightness=measures.brightness if measures else 0.0,
            contrast=measures.contrast if measures else 0.0,
            blur=measures.blur if measures else 0.0,
            phash=f"{perceptual_hash(found.gray32):016x}" if found.kind in _HASHED else "",
            phash_version=PHASH_VERSION,
            thumbnail_digest=digest_of(found.thumbnail or b""),
            captured_at=found.captured_at,
            mean_colour=found.colour,
            kind=SampleKind(found.kind),
            metadata=_facets(found.facts),
            reading=found.reading,
        )


@dataclass(slots=True)
class _Work:
    """One chunk being looked at; `formats` holds the content that became a fresh sample on the way, by digest."""

    caller: Caller
    source: Mapping[str, Any]
    run: str
    blobs: Blobs
    reader: Reader
    completed: Completed
    formats: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Begun:
    """A batch that is read: sample ids, and rows of those that are known, by digest; `looked_at` in the order asked."""

    media: Sequence[_Medium]
    ids: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Any]]
    looked_at: Sequence[str] = ()

    def unseen(self, work: _Work) -> Batch:
        """What must be looked at."""
        new = {
            one.digest: one
            for one in self.media
            if one.problem is None and one.digest not in self.rows and one.digest not in work.formats
        }
        self.looked_at = list(new)
        declared = work.source.get("reading")
        suffixes = [Path(one.entry.name).suffix.lower() for one in new.values()]
        return Batch(
            [one.data for one in new.values()],
            [replace(_WANTED, declared=declared, suffix=suffix) for suffix in suffixes],
        )


@dataclass(frozen=True, slots=True)
class _Medium:
    """The bytes of an entry, or why there are none."""

    entry: Entry
    data: bytes
    digest: str
    problem: InvalidMedia | None = None
    location: str = ""


_Settled = tuple[list[Outcome], list[_Medium]]


def _read(reader: Reader, entry: Entry) -> _Medium:
    try:
        data, location = reader.read(entry)
    except InvalidMedia as problem:
        return _Medium(entry, b"", entry.digest, problem)
    return _Medium(entry, data, entry.digest or digest_of(data), location=location)


def _facets(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the medium says of itself, without what every sample has a field for."""
    return {name: value for name, value in facts.items() if name not in SAMPLE_FIELDS}


def _misnamed(name: str, format_found: str) -> InvalidMedia | None:
    try:
        check_name(name, format_found)
    except InvalidMedia as problem:
        return problem
    return None


def _refusal(one: _Medium, problem: InvalidMedia) -> Refused:
    return Refused(one.entry, one.digest, str(problem.facts.get("reason", "corrupt")), problem.message)


def _put_blobs(work: _Work, media: Sequence[_Medium], outcomes: Sequence[Outcome], thumbnails: Sequence[bytes]) -> None:
    """Media of fresh samples that are not left in place, what is refused (to be replayed), and thumbnails."""
    kept = [
        one.data
        for one, outcome in zip(media, outcomes, strict=True)
        if (isinstance(outcome, Fresh) and not outcome.location)
        or (isinstance(outcome, Refused) and one.digest and (one.problem is None))
    ]
    if kept or thumbnails:
        work.blobs.put_many([*kept, *thumbnails])
