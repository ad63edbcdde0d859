"""The samples that lie far from all others, by what the embedding sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa

from sightloop.datasets import findings
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.filters import Where
from sightloop.datasets.maps import SEED, Maps
from sightloop.datasets.similarity import Similarity
from sightloop.domain import Caller, Run, now
from sightloop.errors import InvalidInput
from sightloop.runs import RunContext, Runs
from sightloop.storage import Stores
from sightloop.vision import neighbour_distances

KIND: Final = "outliers"
NEIGHBOURS: Final = 10
AMONG: Final = 1024  # samples that the first look measures distances to
MOST: Final = 1000
KEPT: Final = 500  # by a run


@dataclass(frozen=True, slots=True)
class Outlier:
    """A sample, its mean cosine distance to its nearest neighbours, and the share of samples that lie less far off.

    `percentile` ranks among all samples asked about, 0 to 100.
    """

    sample: str
    distance: float
    percentile: float


@dataclass(frozen=True, slots=True)
class Outliers:
    """The farthest first, among `size` samples.

    Attributes:
        run: found them; empty where they were found when asked.
        made_at: None where they are many, and no run has looked at them yet.
        current: false where samples came in after they were found.
    """

    items: tuple[Outlier, ...]
    size: int
    made_at: datetime | None
    run: str = ""
    current: bool = True


class OutlierFinder:
    """Finds what stands apart: few samples when asked, many by a run. Register it before `runs.launch()`."""

    def __init__(self, stores: Stores, runs: Runs, catalogue: Catalogue, similarity: Similarity, maps: Maps) -> None:
        self._catalogue = catalogue
        self._similarity = similarity
        self._maps = maps
        self._findings = findings.Findings(stores, runs, catalogue, similarity, KIND, self._keep)

    def start(self, caller: Caller, where: Where | None = None) -> Run:
        """The run that looks among what a filter selects; the one that did or does so for the samples of now."""
        return self._findings.start(caller, where)

    def found(self, caller: Caller, where: Where | None = None, limit: int = 100) -> Outliers:
        """The samples farthest from their ten nearest neighbours, among those a filter selects."""
        if not 1 <= limit <= MOST:
            raise InvalidInput(f"The limit is {limit}.", hint=f"Ask for 1 to {MOST} samples.")
        count = int(self._catalogue.chosen(caller, where)[1].sum())
        if count <= findings.AT_ONCE:
            return Outliers(tuple(self._look(caller, where, limit)), count, now())
        if held := self._findings.newest(caller, where):
            rows = pa.ipc.open_stream(held.data).read_all().slice(0, limit).to_pylist()
            return Outliers(tuple(Outlier(**row) for row in rows), held.size, held.made_at, held.run, held.current)
        return Outliers((), count, None)

    def references(self, caller: Caller) -> set[str]:
        """Digests of the blobs that hold what was found."""
        return self._findings.references(caller)

    def _keep(self, context: RunContext, where: Where) -> tuple[bytes, int]:
        found = self._look(context.caller, where, KEPT, context)
        columns = {name: [getattr(one, name) for one in found] for name in Outlier.__slots__}
        table = pa.table(
            columns, pa.schema({"sample": pa.string(), "distance": pa.float64(), "percentile": pa.float64()})
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return sink.getvalue().to_pybytes(), int(self._catalogue.chosen(context.caller, where)[1].sum())

    def _look(
        self, caller: Caller, where: Where | None, limit: int, context: RunContext | None = None
    ) -> list[Outlier]:
        """Who is far is found on 50 principal components and among at most 1,024 samples, drawn; of twice as many
        candidates as asked for, the exact distance to the nearest of all decides.
        """
        ids = self._maps.chosen(caller, where, None)
        if len(ids) < 3:
            return []
        rough = neighbour_distances(self._maps.reduced(caller, ids), NEIGHBOURS, SEED, AMONG)
        order = np.argsort(-rough, kind="stable")
        candidates = [ids[i] for i in order[: 2 * limit]]
        told = (lambda done: context.progress(done, len(ids), "samples")) if context else (lambda done: None)
        exact = self._similarity.neighbour_distances(caller, candidates, ids, NEIGHBOURS, told)
        below = np.empty(len(ids))
        below[order[::-1]] = np.arange(len(ids)) / (len(ids) - 1) * 100
        found = [
            Outlier(one, float(distance), round(float(below[row]), 2))
            for one, distance, row in zip(candidates, exact, order, strict=False)
        ]
        return sorted(found, key=lambda one: -one.distance)[:limit]
