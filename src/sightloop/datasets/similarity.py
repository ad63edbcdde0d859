"""Samples that look alike: embeddings held in memory, nearest neighbours, near-duplicates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.filters import Where
from sightloop.datasets.pixels import embeddable
from sightloop.domain import Caller, Sample
from sightloop.errors import InvalidInput, not_found
from sightloop.inference import DecodePool, DecodeRequest, Embedder
from sightloop.storage import Records, Stores, pointer
from sightloop.vision import near_duplicates

_BLOCK: Final = 4096
MAX_NEIGHBOURS: Final = 1000


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

    def require_embedder(self) -> None:
        """Returns where images can be embedded; raises Unavailable where the weights are not installed."""
        _ = self._embedder.id

    def embeddings(self, caller: Caller, sample_ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors float32 (N, D), in the order of the ids; raises NotFound for a sample that has none.

        Nothing is asked of the embedder for no ids.
        """
        if not sample_ids:
            return np.empty((0, self._embedder.dimensions), np.float32)
        held = self._vectors(caller)
        return held.matrix[_rows(held, sample_ids)].astype(np.float32)

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
        ordered = sorted((i for i in numbers.tolist() if phash[i]), key=lambda i: str(media[i]))
        ids = [str(view.ids[i]) for i in ordered]
        hashes = np.array([int(phash[i], 16) for i in ordered], np.uint64)
        found = near_duplicates(hashes, self.embeddings(caller, ids))
        return NearDuplicateReport(
            tuple(tuple(ids[i] for i in group) for group in found.groups),
            found.largest,
            found.proposed_pairs,
            found.confirmed_pairs,
            found.capped,
            len(numbers),
        )

    def search(
        self, caller: Caller, sample: str | None, image: bytes | None, k: int, where: Where | None
    ) -> list[tuple[Sample, float]]:
        """The k nearest samples with their cosine, nearest first; the sample itself is left out."""
        if (sample is None) == (image is None):
            raise InvalidInput("A search needs a sample or an image.", hint="Give one of the two.")
        if not 1 <= k <= MAX_NEIGHBOURS:
            raise InvalidInput(f"k is {k}.", hint=f"Ask for 1 to {MAX_NEIGHBOURS} neighbours.")
        view, selected = self._catalogue.chosen(caller, where)
        if sample is not None:
            selected = selected & np.asarray(view.ids != sample, bool)
            query = self.embeddings(caller, [sample])[0]
        else:
            query = self._embed(image or b"")
        held = self._vectors(caller)
        numbers = np.flatnonzero(selected)
        rows = _rows(held, [str(view.ids[i]) for i in numbers])
        cosines = _cosines(held, rows, query)
        best = np.lexsort((numbers, -cosines))[:k]
        return list(zip(view.samples(numbers[best].tolist()), cosines[best].tolist(), strict=True))

    def _embed(self, image: bytes) -> npt.NDArray[np.float32]:
        found = self._decoder.decode(image, DecodeRequest())
        pixels = embeddable(self._decoder, image, found, self._embedder.size)
        return np.asarray(self._embedder.embed([pixels])[0])

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


def _rows(held: _Vectors, sample_ids: Sequence[str]) -> list[int]:
    try:
        return [held.rows[one] for one in sample_ids]
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
