"""Ingest: media become samples, exactly once by content, in a durable run of fixed chunks.

Each chunk is one idempotent step: read, check, decode in children, measure, hash, embed, put blobs, then Lance, then
the SQL pointer with its event. A chunk that runs again finds its own samples and counts the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets.arranging import Arranger
from sightloop.datasets.catalogue import SAMPLES_TABLE, Catalogue
from sightloop.datasets.embedding import embedded
from sightloop.datasets.expectations import ExpectationBook, Judge
from sightloop.datasets.fields import SchemaSummary, summary_from, summary_of
from sightloop.datasets.indexing import Indexing
from sightloop.datasets.inspection import Fresh, Inspector, Known, Refused
from sightloop.datasets.listing import UNREAD, ListedPage, Lister, Listing
from sightloop.datasets.manifests import Metadata, check_metadata, fields_of
from sightloop.datasets.merkle import canonical
from sightloop.datasets.rows import SAMPLES, sample_of, sample_row, samples_table, vectors_table
from sightloop.datasets.similarity import Similarity
from sightloop.datasets.source_schemas import SourceSchemas
from sightloop.datasets.sources import Entry, source_name
from sightloop.datasets.texts import TEXTS_TABLE
from sightloop.datasets.transforms import KIND as TRANSFORM
from sightloop.domain import Caller, Run, Sample, now
from sightloop.errors import InvalidInput
from sightloop.events import Events
from sightloop.inference import Embedder
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records, Stores, faultpoint, move_pointer

KIND: Final = "ingest"
CHUNK: Final = 128
CORES_A_CHUNK: Final = 4  # cores of a cluster that a chunk keeps busy
COMPARED: Final = ("unchanged", "changed", "removed")
LOOKED: Final = ("listed", "skipped", *COMPARED)


class Ingest:
    """Starts ingest runs and carries them out."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        runs: Runs,
        embedder: Embedder,
        catalogue: Catalogue,
        inspector: Inspector,
        similarity: Similarity,
        listing: Listing,
        indexing: Indexing,
        expected: ExpectationBook,
        schemas: SourceSchemas,
        arranger: Arranger,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._runs = runs
        self._embedder = embedder
        self._catalogue = catalogue
        self._inspector = inspector
        self._similarity = similarity
        self._quarantine = listing.quarantine
        self._staging = listing.staging
        self._listing = listing
        self._indexing = indexing
        self._expected = expected
        self._schemas = schemas
        self._arranger = arranger
        runs.register(KIND, self._run)

    def start(
        self,
        caller: Caller,
        source: Mapping[str, Any],
        metadata: Metadata | None = None,
        *,
        tracked: str = "",
    ) -> Run:
        """The run; `tracked` is the id of a standing source, of which only what is new or changed is read."""
        check_metadata(metadata or {})
        self._similarity.require_embedder()
        noted = self._staging.put(caller.keyed("metadata", caller.new_id("met")), "metadata", _packed(metadata or {}))
        chunk = CHUNK * max(1, self._inspector.cores // CORES_A_CHUNK)
        params = {"source": dict(source), "metadata": noted, "tracked": tracked, "chunk": chunk}
        return self._runs.start(caller, KIND, params)

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        source, tracked = params["source"], params.get("tracked", "")
        work = _Work(context, source, params.get("chunk", CHUNK))
        if source["kind"] == TRANSFORM:
            context.uses("transform", source["transform"])
        lister = self._listing.lister(context.caller, source, tracked)
        looks, after, number = dict.fromkeys(LOOKED, 0), "", 0
        while True:
            looked = context.step(f"list-{number:06d}", partial(self._look, context, lister, number, after))
            looks = {name: count + looked[name] for name, count in looks.items()}
            if number == 0:
                work.said = self._said(context, params, looked["manifest"])
                work.judge = self._expected.judge(
                    context.caller, context.step("expectations", partial(self._rules, context))
                )
            work.done += looked["unchanged"]
            for digest in looked["pages"]:
                page = self._listing.page(context.caller, digest)
                unread = self._take_in(work, page, looks["listed"])
                if tracked:
                    settle = partial(self._listing.settle, context.caller, source, tracked, page, unread)
                    context.step(f"settle-{work.chunks:06d}-{number:06d}", settle)
            context.progress(work.done, looks["listed"], "images")
            if looked["done"]:
                break
            after, number = looked["after"], number + 1
        grouped = {"groups": 0, "largest": 0, "seconds": 0.0}
        if work.totals["ingested"] or not tracked:
            grouped = context.step("near-duplicates", partial(self._group, context.caller))
        told = self._arranger.arrange(context, source)
        if work.totals["ingested"]:
            mine = context.caller.keyed(KIND, context.run_id, "index")
            context.step("index", partial(self._indexing.after_ingest, mine))
        return {
            "found": looks["listed"],
            "skipped": looks["skipped"],
            **({name: looks[name] for name in COMPARED} if tracked else {}),
            **work.totals,
            **told,
            **self._schema(context, source, work.seen),
            "near_duplicate_groups": grouped["groups"],
            "largest_group": grouped["largest"],
            "seconds": round(work.seconds + grouped["seconds"], 3),
        }

    def _rules(self, context: RunContext) -> list[str]:
        """The expectations that this run judges by, whatever is set while it lasts."""
        ids = [one.id for one in self._expected.list(context.caller) if not one.scope.startswith("dataset:")]
        context.uses_all("expectations", ids)
        return ids

    def _schema(self, context: RunContext, source: Mapping[str, Any], seen: SchemaSummary) -> dict[str, Any]:
        """What the schema of a source with a name has become; nothing for other sources, which are never the same."""
        if not source.get("name") or not seen.samples:
            return {}
        caller = context.caller.keyed(KIND, context.run_id, "schema")
        record = partial(self._schemas.record, caller, source_name(source), context.run_id, seen)
        return {"schema": context.step("schema", record)}

    def _look(self, context: RunContext, lister: Lister, number: int, after: str) -> dict[str, Any]:
        looked = lister.look(context.caller.keyed(KIND, context.run_id, "list", str(number)), after)
        nothing = number == 0 and looked["done"] and not looked["listed"]
        if nothing and not lister.tracked and lister.kind != TRANSFORM:
            raise InvalidInput("The source holds no media.", hint="Name a folder, an archive or a bucket with images.")
        return looked

    def _said(self, context: RunContext, params: Mapping[str, Any], packed: str) -> Metadata:
        """What is said of media by name: in the source's manifest, and over that in what came with the ingest."""
        noted = context.step("manifest", partial(self._manifest, context, params["source"], packed))
        blobs = self._stores.workspace(context.caller.workspace).blobs
        said: dict[str, Mapping[str, Any]] = json.loads(blobs.get(noted)) if noted else {}
        for name, values in json.loads(blobs.get(params["metadata"])).items():
            said[name] = {**said.get(name, {}), **values}
        return said

    def _manifest(self, context: RunContext, source: Mapping[str, Any], packed: str) -> str:
        found = self._listing.manifest(context.caller, source, packed)
        key = context.caller.keyed(KIND, context.run_id, "manifest")
        return self._staging.put(key, "manifest", _packed(found)) if found else ""

    def _take_in(self, work: _Work, page: ListedPage, listed: int) -> list[str]:
        """The names of a page that could not be read; all else has become samples or waits in quarantine."""
        unread: list[str] = []
        for at in range(0, len(page.entries), work.chunk):
            chunk = page.entries[at : at + work.chunk]
            done = work.context.step(f"chunk-{work.chunks:06d}", partial(self._chunk, work, work.chunks, chunk))
            work.chunks += 1
            work.done += len(chunk)
            work.seconds += done["seconds"]
            work.totals = {name: count + done[name] for name, count in work.totals.items()}
            unread += done["unread"]
            work.seen.take(summary_from(done["seen"]))
            work.context.progress(work.done, listed, "images")
        return unread

    def _group(self, caller: Caller) -> dict[str, Any]:
        started = time.perf_counter()
        found = self._similarity.near_duplicates(caller)
        return {
            "groups": len(found.groups),
            "largest": found.largest,
            "seconds": time.perf_counter() - started,
        }

    def _chunk(self, work: _Work, number: int, entries: Sequence[Entry]) -> dict[str, Any]:
        started = time.perf_counter()
        context, source = work.context, work.source
        caller = context.caller
        chunk, said = _Chunk(), work.given(entries)
        if source["kind"] == TRANSFORM:
            context.uses_all("sample", sorted({one.key.partition("/")[0] for one in entries}))
        completed = partial(_completed, said, work.judge)
        for batch in self._inspector.inspect(caller, entries, source, context.run_id, completed):
            chunk.refused += [one for one in batch if isinstance(one, Refused)]
            chunk.known += [one for one in batch if isinstance(one, Known)]
            fresh = [one for one in batch if isinstance(one, Fresh)]
            if fresh:
                chunk.vectors.append(embedded(self._embedder, [one.seen for one in fresh]))
            chunk.fresh += [one.without_pixels() for one in fresh]
        faultpoint("ingest.after_blobs")
        self._commit(work, caller.keyed(KIND, context.run_id, str(number)), chunk, said)
        context.makes_all("sample", chunk.made())
        if source["kind"] == "quarantine":
            accepted = [one.entry for one in chunk.fresh] + [one.entry for one in chunk.known]
            self._quarantine.release(caller.keyed(KIND, context.run_id, str(number), "release"), accepted)
        unread = [one.entry.name for one in chunk.refused if one.reason in UNREAD]
        seen = asdict(summary_of(self._made(caller, chunk)))
        return {**chunk.counts(), "unread": unread, "seen": seen, "seconds": time.perf_counter() - started}

    def _made(self, caller: Caller, chunk: _Chunk) -> list[Sample]:
        """The samples that this run took in from the chunk; those of an earlier pass over it are read."""
        again = self._catalogue.stored(
            caller, [one.sample for one in chunk.known if one.by_this_run], SAMPLES.names[1:]
        )
        return [*(one.sample for one in chunk.fresh), *(sample_of(row) for row in again.values())]

    def _commit(self, work: _Work, caller: Caller, chunk: _Chunk, metadata: Metadata) -> None:
        """Lance, then SQL, one writer at a time; what another run has taken in meanwhile becomes known."""
        run = work.context.run_id
        with self._records.alone(f"{caller.workspace}.{SAMPLES_TABLE}"):
            taken = self._catalogue.stored(caller, [one.sample.id for one in chunk.fresh], ["run", "name"])
            keep = [i for i, one in enumerate(chunk.fresh) if one.sample.id not in taken]
            chunk.known += [Known(one.entry, one.sample.id, False) for one in chunk.fresh if one.sample.id in taken]
            vectors = np.concatenate(chunk.vectors)[keep] if keep else None
            chunk.fresh = [chunk.fresh[i] for i in keep]
            versions = self._write_tables(caller, run, chunk.fresh, vectors)
            faultpoint("ingest.after_lance")
            refused = self._quarantine.unrecorded(caller, chunk.refused, run, metadata, source_name(work.source))
            if versions or refused:
                with self._events.change(caller, "samples.ingest", run) as change:
                    for name, version in versions.items():
                        move_pointer(change.connection, caller.workspace, name, version)
                    self._quarantine.record(change, refused)
                    change.emit("sightloop.samples.ingested", {"run": run, **chunk.counts()})
        faultpoint("ingest.after_sql")

    def _write_tables(
        self,
        caller: Caller,
        run: str,
        fresh: Sequence[Fresh],
        vectors: npt.NDArray[np.float16] | None,
    ) -> dict[str, int]:
        """The new Lance version of each table; both start from what SQL points at."""
        if vectors is None:
            return {}
        store = self._stores.workspace(caller.workspace).tables
        made_at = now()
        rows = [sample_row(replace(one.sample, ingested_at=made_at), run=run, location=one.location) for one in fresh]
        written = {
            SAMPLES_TABLE: samples_table(rows),
            self._similarity.table: vectors_table([one.sample.id for one in fresh], vectors),
        }
        versions = {}
        for name, table in written.items():
            self._indexing.take_back(caller, store, name)
            versions[name] = store.upsert(name, table, "id")
        versions |= self._indexing.write_vectors(caller, store, [one.sample.id for one in fresh], vectors)
        self._indexing.take_back(caller, store, TEXTS_TABLE)
        said = {one.sample.id: one.text for one in fresh if one.text}
        versions[TEXTS_TABLE] = self._indexing.write_texts(caller, store, rows, said)
        return versions


@dataclass(slots=True)
class _Work:
    """One pass of a run: `said` of media by name, how many were `done`, in how many chunks, and what came of them.

    Attributes:
        judge: of what is expected. seen: the fields of all samples that the run took in.
    """

    context: RunContext
    source: Mapping[str, Any]
    chunk: int
    said: Metadata = field(default_factory=dict)
    judge: Judge | None = None
    seen: SchemaSummary = field(default_factory=SchemaSummary)
    done: int = 0
    chunks: int = 0
    seconds: float = 0.0
    totals: dict[str, int] = field(default_factory=lambda: {"ingested": 0, "known": 0, "quarantined": 0})

    def given(self, entries: Sequence[Entry]) -> Metadata:
        """What is said of these: by the source of all its media, by name, and with the medium itself."""
        defaults = self.source.get("defaults", {})
        return {one.name: {**defaults, **self.said.get(one.name, {}), **one.given} for one in entries}


@dataclass(slots=True)
class _Chunk:
    """What came of one chunk."""

    fresh: list[Fresh] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    vectors: list[npt.NDArray[np.float16]] = field(default_factory=list)

    def made(self) -> list[str]:
        """The samples that this run took in, also those of an earlier pass over this step."""
        return [one.sample.id for one in self.fresh] + [one.sample for one in self.known if one.by_this_run]

    def counts(self) -> dict[str, int]:
        """Samples that this very run took in count as ingested, also when the step runs again."""
        again = sum(one.by_this_run for one in self.known)
        return {
            "ingested": len(self.fresh) + again,
            "known": len(self.known) - again,
            "quarantined": len(self.refused),
        }


def _completed(said: Metadata, judge: Judge | None, entry: Entry, sample: Sample) -> Sample:
    """The sample with what is said of it; raises InvalidMedia where it is not as expected."""
    whole = replace(sample, **fields_of(entry.name, said.get(entry.name, {}), sample))
    return judge.passed(whole) if judge else whole


def _packed(value: Any) -> bytes:
    return canonical(value).encode()
