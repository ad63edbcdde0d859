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
import pyarrow as pa

from sightloop.datasets.catalogue import SAMPLES_TABLE, Catalogue
from sightloop.datasets.inspection import Fresh, Inspector, Known, Refused
from sightloop.datasets.merkle import canonical
from sightloop.datasets.quarantine import Quarantine
from sightloop.datasets.rows import check_facets, sample_row, samples_table
from sightloop.datasets.similarity import Similarity
from sightloop.datasets.sources import Entry, check_source, list_source
from sightloop.datasets.staging import Staging
from sightloop.domain import Caller, Run, now
from sightloop.errors import InvalidInput
from sightloop.events import Events
from sightloop.inference import Embedder
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records, Stores, Tables, faultpoint, move_pointer, pointer

KIND: Final = "ingest"
CHUNK: Final = 128
Metadata = Mapping[str, Mapping[str, Any]]


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
        quarantine: Quarantine,
        staging: Staging,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._runs = runs
        self._embedder = embedder
        self._catalogue = catalogue
        self._inspector = inspector
        self._similarity = similarity
        self._quarantine = quarantine
        self._staging = staging
        runs.register(KIND, self._run)

    def start(self, caller: Caller, source: Mapping[str, Any], metadata: Metadata | None = None) -> Run:
        check_source(source)
        check_facets(metadata or {})
        self._similarity.require_embedder()
        noted = self._staging.put(caller.keyed("metadata", caller.new_id("met")), "metadata", _packed(metadata or {}))
        return self._runs.start(caller, KIND, {"source": dict(source), "metadata": noted})

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        listed = context.step("list", partial(self._list, context.caller, context.run_id, params["source"]))
        blobs = self._stores.workspace(context.caller.workspace).blobs
        entries = [Entry(**one) for one in json.loads(blobs.get(listed["listing"]))]
        metadata: Metadata = json.loads(blobs.get(params["metadata"]))
        totals = {"ingested": 0, "known": 0, "quarantined": 0}
        seconds = listed["seconds"]
        for number, at in enumerate(range(0, len(entries), CHUNK)):
            chunk = entries[at : at + CHUNK]
            done = context.step(
                f"chunk-{number:06d}", partial(self._chunk, context, params["source"], number, chunk, metadata)
            )
            totals = {name: count + done[name] for name, count in totals.items()}
            seconds += done["seconds"]
            context.progress(min(at + CHUNK, len(entries)), len(entries), "images")
        grouped = context.step("near-duplicates", partial(self._group, context.caller))
        return {
            "found": len(entries),
            "skipped": listed["skipped"],
            **totals,
            "near_duplicate_groups": grouped["groups"],
            "largest_group": grouped["largest"],
            "seconds": round(seconds + grouped["seconds"], 3),
        }

    def _list(self, caller: Caller, run: str, source: Mapping[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        if source["kind"] == "quarantine":
            entries, skipped = self._quarantine.entries(caller, source["ids"]), 0
        else:
            listing = list_source(source, self._stores.workspace(caller.workspace).blobs)
            entries, skipped = list(listing.entries), listing.skipped
        if not entries:
            raise InvalidInput("The source holds no media.", hint="Name a folder or archive with images.")
        noted = self._staging.put(
            caller.keyed(KIND, run, "list"), "listing", _packed([asdict(entry) for entry in entries])
        )
        return {"listing": noted, "skipped": skipped, "seconds": time.perf_counter() - started}

    def _group(self, caller: Caller) -> dict[str, Any]:
        started = time.perf_counter()
        found = self._similarity.near_duplicates(caller)
        return {
            "groups": len(found.groups),
            "largest": found.largest,
            "seconds": time.perf_counter() - started,
        }

    def _chunk(
        self, context: RunContext, source: Mapping[str, Any], number: int, entries: Sequence[Entry], metadata: Metadata
    ) -> dict[str, Any]:
        started = time.perf_counter()
        caller = context.caller
        chunk = _Chunk()
        for batch in self._inspector.inspect(caller, entries, source, context.run_id):
            chunk.refused += [one for one in batch if isinstance(one, Refused)]
            chunk.known += [one for one in batch if isinstance(one, Known)]
            fresh = [one for one in batch if isinstance(one, Fresh)]
            if fresh:
                chunk.vectors.append(self._embedder.embed([one.pixels for one in fresh]).astype(np.float16))
            chunk.fresh += [one.without_pixels() for one in fresh]
        faultpoint("ingest.after_blobs")
        self._commit(context.run_id, caller.keyed(KIND, context.run_id, str(number)), chunk, metadata)
        context.makes_all("sample", chunk.made())
        if source["kind"] == "quarantine":
            accepted = [one.entry for one in chunk.fresh] + [one.entry for one in chunk.known]
            self._quarantine.release(caller.keyed(KIND, context.run_id, str(number), "release"), accepted)
        return {**chunk.counts(), "seconds": time.perf_counter() - started}

    def _commit(self, run: str, caller: Caller, chunk: _Chunk, metadata: Metadata) -> None:
        """Lance, then SQL, one writer at a time; what another run has taken in meanwhile becomes known."""
        with self._records.alone(f"{caller.workspace}.{SAMPLES_TABLE}"):
            taken = self._catalogue.stored(caller, [one.sample.id for one in chunk.fresh], ["run", "name"])
            keep = [i for i, one in enumerate(chunk.fresh) if one.sample.id not in taken]
            chunk.known += [Known(one.entry, one.sample.id, False) for one in chunk.fresh if one.sample.id in taken]
            vectors = np.concatenate(chunk.vectors)[keep] if keep else None
            chunk.fresh = [chunk.fresh[i] for i in keep]
            versions = self._write_tables(caller, run, chunk.fresh, vectors, metadata)
            faultpoint("ingest.after_lance")
            refused = self._quarantine.unrecorded(caller, chunk.refused, run, metadata)
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
        metadata: Metadata,
    ) -> dict[str, int]:
        """The new Lance version of each table; both start from what SQL points at."""
        if vectors is None:
            return {}
        store = self._stores.workspace(caller.workspace).tables
        made_at = now()
        rows = [
            sample_row(
                replace(
                    one.sample,
                    ingested_at=made_at,
                    metadata={**one.sample.metadata, **metadata.get(one.entry.name, {})},
                ),
                run=run,
                location=one.location,
            )
            for one in fresh
        ]
        written = {
            SAMPLES_TABLE: samples_table(rows),
            self._similarity.table: vectors_table([one.sample.id for one in fresh], vectors),
        }
        versions = {}
        for name, table in written.items():
            self._take_back(caller, store, name)
            versions[name] = store.upsert(name, table, "id")
        return versions

    def _take_back(self, caller: Caller, store: Tables, name: str) -> None:
        """Undo writes that a crash kept from SQL."""
        with self._records.read() as connection:
            truth = pointer(connection, caller.workspace, name)
        latest = store.latest(name)
        if latest is not None and latest != truth:
            if truth is None:
                store.delete(name, "true")
            else:
                store.restore(name, truth)


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


def vectors_table(ids: Sequence[str], vectors: npt.NDArray[np.float16]) -> pa.Table:
    """Rows of an embeddings table: id, and the vector as float16."""
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float16()), vectors.shape[1])
    return pa.table({"id": pa.array(ids, pa.string()), "vector": column})


def _packed(value: Any) -> bytes:
    return canonical(value).encode()
