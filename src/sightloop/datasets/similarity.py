"""Samples that look alike: embeddings held in memory, nearest neighbours, near-duplicates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.filters import Where
from sightloop.domain import Caller
from sightloop.errors import InvalidMedia, not_found
from sightloop.inference import Batch, DecodePool, DecodeRequest, Embedder, look
from sightloop.storage import Records, Stores, pointer
from sightloop.vision import have_near, near_duplicates

_BLOCK: Final = 4096
NEAR_BITS: Final = 6  # as of vision.near_duplicates
NEAR_COSINE: Final = 0.98
NEAR_GROUP: Final = 20
_LISTED: Final = 1000  # ids in one filter
SKETCH: Final = 512  # numbers; all of the ten nearest of 4,608 are among the hundred nearest of so many
CANDIDATES: Final = 5
CANDIDATES_AT_LEAST: Final = 100
_READ_ALONE: Final = 20_000  # vectors that are read one by one rather than all of them


@dataclass(frozen=True, slots=True)
class NearDuplicateReport:
    """Groups of sample ids, each led by its first; `largest` is a size; pairs proposed by hash, confirmed by cosine.

    Attributes:
        size: among how many samples.
        made_at: None where they are many, and no run has looked at them yet.
        run: found them; empty where they were found when asked.
        current: false where samples came in after they were found.
    """

    groups: tuple[tuple[str, ...], ...]
    largest: int
    proposed_pairs: int
    confirmed_pairs: int
    capped: int
    size: int = 0
    made_at: datetime | None = None
    run: str = ""
    current: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Vectors:
    """All embeddings at one pointer version: float16 (N, D), their lengths, and the row of each sample."""

    version: int | None
    matrix: npt.NDArray[np.float16]
    norms: npt.NDArray[np.float32]
    rows: dict[str, int]


class Similarity:
    """Reads the embeddings of one embedder."""

    def __init__(
        self, records: Records, stores: Stores, decoder: DecodePool, embedder: Embedder, catalogue: Catalogue
    ) -> None:
        self._records = records
        self._stores = stores
        self._decoder = decoder
        self._embedder = embedder
        self._catalogue = catalogue
        self._held: dict[str, _Vectors] = {}
        self._groups: dict[str, tuple[int | None, NearDuplicateReport]] = {}
        self._locks: dict[str, Lock] = defaultdict(Lock)

    @property
    def table(self) -> str:
        """The Lance table of these embeddings; raises Unavailable where the embedder's weights are not installed."""
        return "embeddings." + re.sub(r"[^A-Za-z0-9_-]+", "-", self._embedder.id)

    @property
    def sketches(self) -> str:
        """The Lance table of what stands for these embeddings in their index."""
        return self.table.replace("embeddings.", "sketches.", 1)

    def require_embedder(self) -> None:
        """Returns where images can be embedded; raises Unavailable where the weights are not installed."""
        _ = self._embedder.id

    def embeddings(self, caller: Caller, sample_ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors float32 (N, D), in the order of the ids; raises NotFound for a sample that has none.

        Nothing is asked of the embedder for no ids.
        """
        if not sample_ids:
            return np.empty((0, self._embedder.dimensions), np.float32)
        if len(sample_ids) <= _READ_ALONE and self._indexed(caller) is not None:
            return self.read_some(caller, sample_ids).astype(np.float32)
        held = self._vectors(caller)
        return held.matrix[_rows(held, sample_ids)].astype(np.float32)

    def held(self, caller: Caller) -> Collection[str]:
        """The samples that have a vector."""
        return self._vectors(caller).rows.keys()

    def stored(self, caller: Caller, sample_ids: Sequence[str]) -> npt.NDArray[np.float16]:
        """Vectors as they are stored, float16 (N, D), in the order of the ids."""
        held = self._vectors(caller)
        return np.asarray(held.matrix[_rows(held, sample_ids)])

    def neighbour_distances(
        self,
        caller: Caller,
        sample_ids: Sequence[str],
        among: Sequence[str],
        k: int,
        told: Callable[[int], None] = lambda done: None,
    ) -> npt.NDArray[np.float32]:
        """The mean cosine distance of each sample to its k nearest among others, (N,); itself does not count.

        Args:
            told: called with the number of the others that were looked at.
        """
        held = self._vectors(caller)
        asked, others = np.asarray(_rows(held, sample_ids)), np.asarray(_rows(held, among))
        queries = held.matrix[asked].astype(np.float32) / held.norms[asked, None]
        best = np.full((len(asked), 0), -np.inf, np.float32)
        for at in range(0, len(others), _BLOCK):
            rows = others[at : at + _BLOCK]
            cosines = queries @ (held.matrix[rows].astype(np.float32) / held.norms[rows, None]).T
            cosines[asked[:, None] == rows] = -np.inf
            best = np.concatenate([best, cosines], axis=1)
            best = np.partition(best, -min(k, best.shape[1]), axis=1)[:, -k:]
            told(at + len(rows))
        best = np.sort(best, axis=1)[:, -min(k, len(others) - 1) :]
        return np.asarray((1 - best).mean(1), np.float32)

    def near_duplicates(self, caller: Caller, where: Where | None = None) -> NearDuplicateReport:
        """Groups among the samples that a filter selects; the order of the content decides who leads.

        Those of all samples are held until samples come in.
        """
        view, selected = self._catalogue.chosen(caller, where)
        if where:
            return self.group(caller, view, np.flatnonzero(selected))
        with self._locks[f"{caller.workspace}.groups"]:
            version, report = self._groups.get(caller.workspace, (None, None))
            if report is None or version != view.version:
                report = self.group(caller, view, np.flatnonzero(selected))
                self._groups[caller.workspace] = (view.version, report)
        return report

    def group(self, caller: Caller, view: View, numbers: npt.NDArray[np.int64]) -> NearDuplicateReport:
        """Groups among these rows of the view."""
        media = view.column("media_digest")
        phash = view.column("phash")  # empty where pictures that look alike say nothing, as of two recordings
        shown = numbers[phash[numbers] != ""]
        shown = shown[have_near(view.hashes[shown], NEAR_BITS)]  # the others lead no group and are in none
        ordered = sorted(shown.tolist(), key=lambda i: str(media[i]))
        ids = [str(view.ids[i]) for i in ordered]
        hashes = np.array([int(phash[i], 16) for i in ordered], np.uint64)
        found = near_duplicates(hashes, self.embeddings(caller, ids), NEAR_BITS, NEAR_COSINE, NEAR_GROUP)
        return NearDuplicateReport(
            tuple(tuple(ids[i] for i in group) for group in found.groups),
            found.largest,
            found.proposed_pairs,
            found.confirmed_pairs,
            found.capped,
            len(numbers),
        )

    def group_around(self, caller: Caller, view: View, numbers: Sequence[int]) -> list[list[str]]:
        """For each of these rows that looks like others: itself and those, in the order of the content.

        Hashes of all rows propose, the vectors of what they propose are read and decide.
        """
        phash = view.hashes
        groups = []
        for number in numbers:
            if not view.column("phash")[number]:
                continue
            near = np.flatnonzero((np.bitwise_count(phash ^ phash[number]) <= NEAR_BITS) & (view.column("phash") != ""))
            if len(near) < 2:
                continue
            ids = [str(view.ids[i]) for i in near]
            cosines = self.cosines(caller, ids, self.embedding(caller, str(view.ids[number])))
            media = view.column("media_digest")[near]
            kept = np.flatnonzero(cosines >= NEAR_COSINE)
            if len(kept) > 1:
                groups.append([ids[i] for i in kept[np.argsort(media[kept])]][:NEAR_GROUP])
        return groups

    def embedding(self, caller: Caller, sample: str) -> npt.NDArray[np.float32]:
        """The vector of one sample, (D,)."""
        version = self._indexed(caller)
        if version is None:
            return np.asarray(self.embeddings(caller, [sample])[0])
        return np.asarray(self.read_some(caller, [sample])[0], np.float32)

    def cosines(
        self, caller: Caller, sample_ids: Sequence[str], query: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Of each sample's vector with another one, (N,), exactly; few of very many are read without the others."""
        version = self._indexed(caller)
        if version is None or len(sample_ids) > _READ_ALONE:
            held = self._vectors(caller)
            return _cosines(held, _rows(held, sample_ids), query)
        if not sample_ids:
            return np.empty(0, np.float32)
        vectors = self.read_some(caller, sample_ids).astype(np.float32)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1) * np.linalg.norm(query), 1e-12)
        return np.asarray(vectors @ query / lengths, np.float32)

    def nearest(
        self, caller: Caller, query: npt.NDArray[np.float32], k: int
    ) -> tuple[list[str], npt.NDArray[np.float32]]:
        """The k nearest of all samples and their cosines, nearest first; none where there is no index.

        The index finds by sketches CANDIDATES times as many, of which the vectors themselves decide.
        """
        version = self._indexed(caller)
        if version is None:
            return [], np.empty(0, np.float32)
        indexes = self._stores.workspace(caller.workspace).tables.indexes
        asked = max(CANDIDATES_AT_LEAST, CANDIDATES * k)
        found = indexes.nearest(self.sketches, version, "vector", self.sketch(query[None])[0], asked)
        ids = found["id"].to_pylist()
        cosines = self.cosines(caller, ids, query)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [ids[i] for i in best], cosines[best]

    def sketch(self, vectors: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
        """What stands for vectors (N, D) in the index, float16 (N, SKETCH): a projection that all samples share.

        Gaussian directions keep cosines up to a few hundredths (Johnson and Lindenstrauss 1984; Dasgupta and Gupta
        2003, theorem 2.1), need no training and are the same for ever.
        """
        size = vectors.shape[1]
        if size <= SKETCH:
            return np.asarray(vectors, np.float16)
        return np.asarray(vectors.astype(np.float32) @ _directions(size), np.float16)

    def _indexed(self, caller: Caller) -> int | None:
        """The version of the sketches, where an index finds them."""
        with self._records.read() as connection:
            version = pointer(connection, caller.workspace, self.sketches)
        if version is None:
            return None
        indexes = self._stores.workspace(caller.workspace).tables.indexes
        return None if indexes.missing(self.sketches, version, "vector") is None else version

    def read_some(self, caller: Caller, sample_ids: Sequence[str]) -> npt.NDArray[np.float16]:
        """Stored vectors (N, D) in the order of the ids, none else being read where ids have an index."""
        tables = self._stores.workspace(caller.workspace).tables
        with self._records.read() as connection:
            version = pointer(connection, caller.workspace, self.table)
        if version is None:
            raise not_found("embedding of sample", sample_ids[0], hint="Ingest the sample first.")
        parts = []
        for at in range(0, len(sample_ids), _LISTED):
            listed = ", ".join(f"'{one}'" for one in sample_ids[at : at + _LISTED])
            parts.append(tables.indexes.listed(self.table, version, ["id", "vector"], f"id IN ({listed})"))
        found = pa.concat_tables(parts).combine_chunks()
        places = {one: i for i, one in enumerate(found["id"].to_pylist())}
        rows = _places(places, sample_ids)
        flat = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat.reshape(len(found), -1)[rows])

    def embed(self, image: bytes) -> npt.NDArray[np.float32]:
        """The vector of an image, (D,)."""
        (seen,) = look(self._decoder, self._embedder.size, Batch([image], [DecodeRequest()]))
        if isinstance(seen.found, InvalidMedia):
            raise seen.found
        assert seen.pixels is not None  # what is no image was refused
        return np.asarray(self._embedder.embed([seen.pixels])[0])

    def _vectors(self, caller: Caller) -> _Vectors:
        workspace = caller.workspace
        with self._records.read() as connection:
            version = pointer(connection, workspace, self.table)
        with self._locks[workspace]:
            held = self._held.get(workspace)
            if held is None or held.version != version:
                held = self._load(workspace, version)
                self._held[workspace] = held
        return held

    def _load(self, workspace: str, version: int | None) -> _Vectors:
        size = self._embedder.dimensions
        if version is None:
            return _Vectors(None, np.empty((0, size), np.float16), np.empty(0, np.float32), {})
        table: Any = self._stores.workspace(workspace).tables.read(self.table, version)
        ids = table.column("id").to_pylist()
        flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        matrix = flat.reshape(len(ids), size)
        norms = np.concatenate([np.linalg.norm(block.astype(np.float32), axis=1) for block in _blocks(matrix)])
        return _Vectors(version, matrix, np.maximum(norms, 1e-12), {one: i for i, one in enumerate(ids)})


@cache
def _directions(size: int) -> npt.NDArray[np.float32]:
    drawn = np.random.default_rng(size).standard_normal((size, SKETCH), np.float32)
    return np.asarray(drawn / np.sqrt(np.float32(SKETCH)))


def _rows(held: _Vectors, sample_ids: Sequence[str]) -> list[int]:
    return _places(held.rows, sample_ids)


def _places(rows: Mapping[str, int], sample_ids: Sequence[str]) -> list[int]:
    try:
        return [rows[one] for one in sample_ids]
    except KeyError as missing:
        raise not_found("embedding of sample", str(missing.args[0]), hint="Ingest the sample first.") from missing


def _cosines(held: _Vectors, rows: Sequence[int], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if not rows:
        return np.empty(0, np.float32)
    length = max(float(np.linalg.norm(query)), 1e-12)
    taken = np.asarray(rows)
    dots = np.concatenate(
        [held.matrix[taken[at : at + _BLOCK]].astype(np.float32) @ query for at in range(0, len(taken), _BLOCK)]
    )
    return np.asarray(dots / (held.norms[taken] * length), np.float32)


def _blocks(matrix: npt.NDArray[np.float16]) -> list[npt.NDArray[np.float16]]:
    return [matrix[at : at + _BLOCK] for at in range(0, max(len(matrix), 1), _BLOCK)]
