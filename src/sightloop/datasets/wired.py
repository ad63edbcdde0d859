"""The parts of the room, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sightloop.datasets.annotations import Annotations
from sightloop.datasets.arranging import Arranger
from sightloop.datasets.branches import Branches
from sightloop.datasets.calibrations import Calibrations
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.columns import ColumnReader
from sightloop.datasets.committing import Committer
from sightloop.datasets.contents import Contents
from sightloop.datasets.duplicates import DuplicateFinder
from sightloop.datasets.embedding import Embed
from sightloop.datasets.entities import Entities
from sightloop.datasets.expectations import ExpectationBook
from sightloop.datasets.exports import Exports
from sightloop.datasets.indexing import VECTORS_FROM, Indexing
from sightloop.datasets.ingest import Ingest
from sightloop.datasets.inspection import Inspector
from sightloop.datasets.integrity import Integrity
from sightloop.datasets.interchange import Interchange
from sightloop.datasets.listing import Listing
from sightloop.datasets.looking import Looking
from sightloop.datasets.maps import Maps
from sightloop.datasets.objects import Objects
from sightloop.datasets.outliers import OutlierFinder
from sightloop.datasets.pseudonyms import Pseudonyms
from sightloop.datasets.quarantine import Quarantine
from sightloop.datasets.rigs import Rigs
from sightloop.datasets.schemas import Schemas
from sightloop.datasets.search import Search
from sightloop.datasets.similarity import Similarity
from sightloop.datasets.source_schemas import SourceSchemas
from sightloop.datasets.staging import Staging
from sightloop.datasets.standing import StandingSources
from sightloop.datasets.texts import Texts
from sightloop.datasets.transforms import Transforms
from sightloop.datasets.version_store import VersionStore
from sightloop.datasets.versions import Versions
from sightloop.domain import Caller
from sightloop.events import Egress, EgressGate, Events
from sightloop.inference import DecodePool, Embedder
from sightloop.runs import Runs
from sightloop.storage import Records, Stores


class Wired:
    """What `Datasets` is made of; each part is given those that it stands on."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        runs: Runs,
        decoder: DecodePool,
        embedder: Embedder,
        *,
        gate: EgressGate | None = None,
        push_limit: int = 10_000,
        vectors_from: int = VECTORS_FROM,
    ) -> None:
        self._stores = stores
        self._events = events
        self._embedder = embedder
        self._catalogue = Catalogue(records, stores)
        self._schemas = Schemas(records, events)
        self._staging = Staging(records, stores, events)
        self._pseudonyms = Pseudonyms(records, stores, events, decoder)
        self.opened = Contents(stores, decoder, self._catalogue, self.media)
        self._quarantine = Quarantine(records, events)
        self._similarity = Similarity(records, stores, decoder, embedder, self._catalogue)
        self.annotations = Annotations(records, self._catalogue, self._schemas)
        self.objects = Objects(records, events, self._catalogue, self._schemas, self.annotations)
        gate = gate or EgressGate(Egress())
        self.transforms = Transforms(records, events, self._catalogue, self.opened)
        listing = Listing(
            records, stores, events, self._staging, self._quarantine, gate, push_limit, self._pseudonyms.nameless,
            self.transforms.entries,
        )  # fmt: skip
        self._sources = listing.sources
        looking = Looking(runs.executor, decoder, embedder)
        inspector = Inspector(
            stores, decoder, self._catalogue, self._sources, self._pseudonyms, looking, self.transforms
        )
        self.entities = Entities(records, events, self._catalogue)
        self._indexing = Indexing(
            records, stores, events, runs, self._catalogue, self._similarity, self.opened, vectors_from
        )
        self._search = Search(self._catalogue, self._similarity, Texts(records, stores, self._catalogue, self._schemas))
        self._embed = Embed(
            records,
            stores,
            events,
            runs,
            embedder,
            self._catalogue,
            self.opened,
            self._similarity,
            self._indexing,
            looking,
        )
        self.expectations = ExpectationBook(records, events, self._catalogue, self._members)
        self.source_schemas = SourceSchemas(records, events)
        kept_versions = VersionStore(records, stores)
        self._versions = Versions(records, kept_versions, self._schemas)
        self._committer = Committer(
            records, stores, events, self._catalogue, self._schemas, self.annotations, self._similarity, self._versions,
            kept_versions, self.expectations,
        )  # fmt: skip
        self.branches = Branches(records, events, self._schemas, self._versions, self._committer, kept_versions)
        self._interchange = Interchange(events, self._catalogue, self._schemas, self.annotations)
        self.calibrations = Calibrations(records, events)
        self.rigs = Rigs(self._catalogue, self.calibrations, self._schemas, self._interchange, self.opened)
        arranger = Arranger(records, stores, events, self._catalogue, self._indexing, listing, self.rigs)
        self._ingest = Ingest(
            records, stores, events, runs, embedder, self._catalogue, inspector, self._similarity, listing,
            self._indexing, self.expectations, self.source_schemas, arranger,
        )  # fmt: skip
        self.sources = StandingSources(records, events, runs, self._ingest, listing)
        self._exports = Exports(self._catalogue, self._schemas, self._versions, self.rigs.told_on)
        self.sheet = ColumnReader(self._catalogue, self._versions)
        self._maps = Maps(stores, runs, self._catalogue, self._similarity, self._versions)
        self.outliers = OutlierFinder(stores, runs, self._catalogue, self._similarity, self._maps)
        self.duplicates = DuplicateFinder(stores, runs, self._catalogue, self._similarity)
        kept = (self._maps, self.outliers, self.duplicates)
        self._integrity = Integrity(
            records, stores, self._catalogue, self._schemas, self._versions, self._similarity, kept
        )

    def media(self, caller: Caller, sample_id: str) -> bytes:
        """The bytes as they were ingested, verified against their digest."""
        row = self._stored(caller, sample_id)
        if not row["location"]:
            return self._stores.workspace(caller.workspace).blobs.get(row["media_digest"])
        return self._sources.in_place(caller, sample_id, row["location"], row["media_digest"])

    def _members(self, caller: Caller, dataset: str) -> Sequence[str]:
        """The samples of the newest version of a dataset; none before the first."""
        newest = self._versions.head(caller, self._schemas.dataset(caller, dataset))
        found: list[str] = self._versions.table(caller, newest, ["sample"])["sample"].to_pylist() if newest else []
        return found

    def _stored(self, caller: Caller, sample_id: str) -> Mapping[str, Any]:
        view = self._catalogue.view(caller)
        return view.rows(view.row_numbers([sample_id]))[0]
