"""The verbs of datasets: ingest, look, search, label schemas, versions, import and export."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sightloop.datasets.catalogue import Counts, Page
from sightloop.datasets.committing import accepted
from sightloop.datasets.entries import entry_of
from sightloop.datasets.exports import LabelFormat, formats
from sightloop.datasets.filters import Where
from sightloop.datasets.formats.rows import Loss
from sightloop.datasets.groups import Group
from sightloop.datasets.interchange import ImportReport
from sightloop.datasets.kinship import Kinship, kinship
from sightloop.datasets.maps import SampleMap
from sightloop.datasets.merkle import canonical
from sightloop.datasets.quarantine import QuarantineEntry
from sightloop.datasets.schemas import Dataset
from sightloop.datasets.search import Hit
from sightloop.datasets.similarity import NearDuplicateReport
from sightloop.datasets.versions import MAIN, VersionDiff
from sightloop.datasets.wired import Wired
from sightloop.domain import Caller, DatasetVersion, LabelSchema, Run, Sample, VersionEntry, digest_of, part_digest
from sightloop.errors import NotFound
from sightloop.inference import DecodeRequest


class Datasets(Wired):
    """All that the room offers; each verb answers within the caller's workspace.

    Construct it before `runs.launch()`: it registers the run kinds "ingest", "embed", "index", "map", "outliers" and
    "near-duplicates".

    Attributes:
        annotations: revisions of the truth; labeling writes through it.
        branches: named lines of a dataset's versions. entities: what samples are of.
        objects: what is labelled on a sample, object by object.
        opened: pictures and thumbnails of samples, and what media hold beside: measured values, points, text.
        sheet: what is known of the samples, column by column; outliers: those that look like no other;
            duplicates: those that look the same.
        calibrations: where the sensors of rigs stand; rigs: what they make of the samples of a group.
        sources: those that stand, and the credentials of their stores.
        source_schemas: which fields each source has, and how they drift. expectations: what samples are to be like.
        transforms: what may be done to pictures, of which `backfill` makes samples.
    """

    @property
    def embedder_id(self) -> str:
        """Names the vectors that `embeddings` gives; raises Unavailable where the embedder's weights are missing."""
        return self._embedder.id

    def upload(self, caller: Caller, name: str, data: bytes, *, keep_identity: bool = False) -> str:
        """The digest under which the bytes wait for an ingest; DICOM comes under pseudonyms, unless it is kept."""
        return self._staging.put(caller, name, data if keep_identity else self._pseudonyms.nameless(caller, data))

    def ingest(
        self, caller: Caller, source: Mapping[str, Any], *, metadata: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Run:
        """A run that takes in all media of a source, exactly once by content.

        Its output: found, skipped (sidecar files), ingested, known, quarantined, near_duplicate_groups,
        largest_group, seconds.

        Args:
            source: {"kind": "folder", "path"} | {"kind": "archive", "upload" or "path"} |
                {"kind": "upload", "files": [{"name", "digest"}]} | {"kind": "bucket", "url", "credentials"}; with any
                of them "name": what the samples' `source` says, "trust_content": accept a wrong file extension,
                "reading": what the numbers of its images mean (see readings.py), "include": endings passed over
                otherwise, [".csv", ".txt"], "frames": which frames of its videos are samples too (see clips.py),
                "group": which of its samples are of one moment (see grouping.py), "layout": "kitti" (see
                kitti_folder.py), "identity": "keep" to leave patients named in DICOM, "defaults": said of every medium,
                "copy": false leaves media in a folder, true copies a bucket's.
            metadata: facets of each sample and the fields of `manifests.GIVEN`, by file name relative to the source.
        """
        self._sources.check(caller, source)
        if (source.get("group") or source.get("layout")) and not source.get("name"):
            source = {**source, "name": f"{source['kind']}-{digest_of(canonical(source).encode())[:8]}"}
        return self._ingest.start(caller, source, metadata)

    def backfill(self, caller: Caller, transform: str, where: Where | None = None) -> Run:
        """An ingest run over what a transform makes of samples; what it made before, of whichever run, it leaves.

        Samples that come later, with whatever time of capture, are made what they are missing by the next one.

        Args:
            transform: "name@2", or a name for its newest version.
        """
        return self._ingest.start(caller, self.transforms.source(caller, transform, where))

    def quarantine(self, caller: Caller, limit: int | None = None, cursor: str = "") -> Sequence[QuarantineEntry]:
        """What was refused, by name, after the entry whose id is the cursor."""
        return self._quarantine.listed(caller, limit, cursor)

    def replay(self, caller: Caller, ids: Sequence[str] | None = None, *, trust_content: bool = False) -> Run:
        """An ingest run over quarantined media, with the decoders of now; what passes becomes a sample."""
        waiting = self._quarantine.waiting(caller, ids)
        if not waiting:
            raise NotFound("Nothing waits in quarantine.", hint="List it: sightloop quarantine list")
        source = {"kind": "quarantine", "ids": waiting, "trust_content": trust_content}
        return self._ingest.start(caller, source, self._quarantine.facets(caller, waiting))

    def retire_quarantine(self, caller: Caller, before: datetime) -> int:
        """How many quarantined media from before the moment are gone."""
        return self._quarantine.retire(caller, before)

    def retire_staged(self, caller: Caller, before: datetime) -> int:
        """How many uploads and notes of ingests from before the moment are held no longer."""
        return self._staging.retire(caller, before)

    def samples(self, caller: Caller, where: Where | None = None, limit: int = 100, cursor: str = "") -> Page[Sample]:
        """Up to `limit` samples that the filter selects, by id. The filter language: sightloop/datasets/filters.py."""
        return self._catalogue.page(caller, where, limit, cursor)

    def sample(self, caller: Caller, sample_id: str) -> Sample:
        """One sample."""
        view = self._catalogue.view(caller)
        return view.samples(view.row_numbers([sample_id]))[0]

    def sample_ids(self, caller: Caller, where: Where | None = None) -> Sequence[str]:
        """The ids of all samples that the filter selects, sorted."""
        view, selected = self._catalogue.chosen(caller, where)
        return [str(one) for one in view.ids[selected]]

    def groups(self, caller: Caller, where: Where | None = None, limit: int = 100, cursor: str = "") -> Page[Group]:
        """Up to `limit` groups by id of which the filter selects any sample, each with all its samples."""
        return self._catalogue.groups(caller, where, limit, cursor)

    def group(self, caller: Caller, sample_id: str) -> Group:
        """The samples of one moment with this one, the main one first; this one alone where there is no other."""
        return self._catalogue.group(caller, sample_id)

    def count(self, caller: Caller, where: Where | None = None) -> int:
        """How many samples the filter selects."""
        return int(self._catalogue.chosen(caller, where)[1].sum())

    def counts(self, caller: Caller) -> Counts:
        """How far samples have come."""
        labelled = len(self._catalogue.truth(caller).heads)
        held = self._quarantine.count(caller)
        return Counts(len(self._catalogue.view(caller)), labelled, self._versions.count(caller), *held)

    def find_media(self, caller: Caller, digests: Iterable[str]) -> dict[str, str]:
        """Sample id by media digest, for those media that are samples."""
        return self._catalogue.by_digest(caller, digests)

    def contents(self, caller: Caller) -> tuple[str, pa.Table]:
        """`id` and `media_digest` of every sample by id, and a stamp that differs where they may differ.

        Of a part of a medium, such as a frame, the digest is its `content`.
        """
        view = self._catalogue.view(caller)
        if not pc.any(pc.not_equal(view.table["address"], "")).as_py():
            return str(view.version), view.table.select(["id", "media_digest"])
        media = zip(view.column("media_digest"), view.addresses(), strict=True)
        digests = pa.array([part_digest(digest, address) for digest, address in media], pa.string())
        return str(view.version), pa.table({"id": view.table["id"], "media_digest": digests})

    def signed_media(self, caller: Caller, sample_id: str) -> str:
        """A URL at a bucket that gives the media of a sample for a few minutes; empty where there is none."""
        return self._sources.signed(caller, self._stored(caller, sample_id)["location"])

    def pixels(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[npt.NDArray[np.uint8]]:
        """uint8 (H, W, 3) RGB of each sample, in order, decoded in children as they are asked for."""
        return self.opened.pixels(caller, sample_ids)

    def encoded(self, caller: Caller, sample_ids: Sequence[str]) -> Iterator[tuple[bytes, DecodeRequest]]:
        """The medium of each sample, in order, read as it is asked for, and how its pixels are had from it."""
        return self.opened.encoded(caller, sample_ids)

    def embeddings(self, caller: Caller, sample_ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors float32 (N, D), in the order of the ids."""
        return self._similarity.embeddings(caller, sample_ids)

    def embed(self, caller: Caller) -> Run:
        """A run that embeds the samples that have no vector of the present embedder. Its output: embedded."""
        return self._embed.start(caller)

    def near_duplicates(self, caller: Caller, where: Where | None = None) -> NearDuplicateReport:
        """Groups of samples that are nearly the same: perceptual hashes propose, embeddings confirm."""
        return self._similarity.near_duplicates(caller, where)

    def inseparable(self, caller: Caller) -> Sequence[Sequence[str]]:
        """Samples that stand on one side of any split: all kin, near or far."""
        return self.kin(caller).groups

    def kin(self, caller: Caller) -> Kinship:
        """Samples that a model must not be both taught and asked: near-duplicates, and all of one thing or moment."""
        view = self._catalogue.view(caller)
        return kinship(view, self._similarity.near_duplicates(caller).groups)

    def accept_leaks(self, caller: Caller, version: str, count: int, because: str) -> None:
        """Returns once a receipt says that so many kin of the version stand in its training and in a test."""
        with self._events.change(caller, "dataset.accept_leaks", version) as change:
            accepted(change, version, count, because, ())
            change.emit("sightloop.dataset.leaks_accepted", {"version": version, "count": count})

    def make_map(self, caller: Caller, where: Where | None = None, version: str | None = None) -> Run:
        """A run that lays the embeddings of what a filter selects, or of a version, out in the plane.

        Its output: data (the digest of the table), size, method. Its id is the map's.
        """
        return self._maps.start(caller, where, version)

    def maps(self, caller: Caller) -> Sequence[SampleMap]:
        """The maps, newest first."""
        return self._maps.listed(caller)

    def map_columns(self, caller: Caller, map_id: str) -> pa.Table:
        """Where each sample of a map lies: `id`, `x`, `y`."""
        return self._maps.table(caller, map_id)

    def search(
        self,
        caller: Caller,
        *,
        sample: str | None = None,
        image: bytes | None = None,
        text: str = "",
        k: int = 20,
        where: Where | None = None,
    ) -> Sequence[Hit]:
        """The k samples that fit best: those that a filter selects and that hold all words of a text.

        Those most like a sample or an image come first, or else those that hold the words best.

        Args:
            text: words in names, facets, documents and classes, in any form that English knows of them.
        """
        return self._search.found(caller, sample, image, text, k, where)

    def index(self, caller: Caller) -> Run:
        """A run that makes the indexes which searches use, or brings them up to date; ingests do the second."""
        return self._indexing.start(caller)

    def create_schema(
        self,
        caller: Caller,
        name: str,
        classes: Sequence[str],
        geometry_types: Sequence[str] = ("class",),
        *,
        colours: Mapping[str, str] | None = None,
        skeleton: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> LabelSchema:
        """The label schema; anything but other colours under a known name makes its next version.

        Args:
            geometry_types: of "class", "box", "rotated_box", "polygon", "polyline", "mask", "keypoints" and "cuboid".
            colours: "#rrggbb" by class; None leaves them as they are.
            skeleton: of keypoints: {"points": [names], "edges": [[i, j], ...]}.
            attributes: of an object, by name: {"type": "bool" | "number" | "text" | "choice", "choices": [...]}.
        """
        return self._schemas.create_schema(
            caller, name, classes, geometry_types, colours=colours, skeleton=skeleton, attributes=attributes
        )

    def schema(self, caller: Caller, name_or_id: str) -> LabelSchema:
        """A label schema; a name means its newest version."""
        return self._schemas.schema(caller, name_or_id)

    def schemas(self, caller: Caller) -> Sequence[LabelSchema]:
        """The newest version of every label schema, by name."""
        return self._schemas.schemas(caller)

    def create(self, caller: Caller, name: str, schema: str) -> Dataset:
        """The dataset of this name, made if there is none."""
        return self._schemas.create(caller, name, schema)

    def list(self, caller: Caller) -> Sequence[Dataset]:
        """All datasets, by name."""
        return self._schemas.datasets(caller)

    def get(self, caller: Caller, name: str) -> Dataset:
        """The dataset of this name or id."""
        return self._schemas.dataset(caller, name)

    def commit(
        self,
        caller: Caller,
        dataset: str,
        *,
        where: Where | None = None,
        splits: Mapping[str, float] | None = None,
        strata: Sequence[str] = (),
        add: Mapping[str, str] | None = None,
        drop: Collection[str] = (),
        seed: int = 0,
        note: str = "",
        run: str = "",
        branch: str = MAIN,
        accept_leaks: str = "",
    ) -> DatasetVersion:
        """The next version on a branch: what the newest one holds, plus what is added, with the annotations of now.

        Nothing new gives the newest version itself.

        Args:
            where: adds the samples that the filter selects; {} means all. They are dealt to splits so that
                kin stay together (near-duplicates, and all of one medium, group, subject or entity).
            splits: fractions that sum to 1; {"train": 1.0} by default.
            strata: fields, metadata keys or "label" within which the fractions are kept.
            add: split by sample, taken as given.
            drop: samples to leave out from now on.
            run: the run that commits, if one does.
            accept_leaks: why kin may stand on both sides of training; a receipt keeps it.

        Raises:
            Refused: near-duplicates, parts of one medium, or samples of one group, subject, asset, patient or other
                entity would stand in "train" and in another split, and nobody accepted it.
        """
        return self._committer.commit(
            caller, dataset, where, splits, strata, add, drop, seed, note, run, branch, accept_leaks
        )

    def versions(self, caller: Caller, dataset: str, branch: str | None = None) -> Sequence[DatasetVersion]:
        """All versions of a dataset, oldest first; those that were committed on one branch, or all."""
        return self._versions.history(caller, self._schemas.dataset(caller, dataset), branch)

    def version(self, caller: Caller, reference: str) -> DatasetVersion:
        """The version that an id, "name@3", "name@latest", "name@BRANCH" or "name" means; a name alone is of main."""
        return self._versions.resolve(caller, reference)

    def entries(
        self,
        caller: Caller,
        version: str,
        split: str | None = None,
        labelled: bool = False,
        limit: int | None = None,
        cursor: str = "",
    ) -> Sequence[VersionEntry]:
        """The entries by sample id, of one split or all, those with a label or all, after the cursor."""
        found = self._versions.resolve(caller, version)
        return [entry_of(row) for row in self._versions.page(caller, found, split, labelled, limit, cursor)]

    def diff(self, caller: Caller, a: str, b: str) -> VersionDiff:
        """What changed from version a to version b."""
        return self._versions.diff(caller, self._versions.resolve(caller, a), self._versions.resolve(caller, b))

    def import_labels(
        self,
        caller: Caller,
        schema: str,
        labels: bytes | Sequence[Mapping[str, Any]] | None = None,
        *,
        format: str = "csv",
    ) -> ImportReport:
        """What was written; importing the same again writes nothing.

        Args:
            labels: a file or archive in the `format`, one of `formats()`; or rows like
                {"name": "a.png", "label": "ok"}, which may also name `sample` or `digest` and hold "objects"; None with
                "folder" takes the labels from the samples' own paths.
        """
        return self._interchange.import_labels(caller, schema, labels, format)

    def formats(self) -> Sequence[LabelFormat]:
        """The label formats of import and export, plugins included."""
        return formats()

    def export(self, caller: Caller, version: str, format: str, *, media: bool = True) -> IO[bytes]:
        """A zip archive of the version in one of `formats()`, to be closed; the same version gives the same bytes."""
        found = self._versions.resolve(caller, version)
        return self._exports.export(caller, found, format, (lambda one: self.media(caller, one)) if media else None)

    def losses(self, caller: Caller, version: str, format: str) -> Sequence[Loss]:
        """What an export in the format would not keep."""
        return self._exports.losses(caller, self._versions.resolve(caller, version), format)

    def references(self, workspace: str) -> set[str]:
        """Digests of all blobs that this room uses, for fsck."""
        return self._integrity.references(workspace)

    def check(self, workspace: str) -> Sequence[str]:
        """One sentence for each thing that does not fit together, for fsck."""
        return self._integrity.check(workspace)
