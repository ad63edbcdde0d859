"""The stored embeddings as a map in the plane, made by a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.filters import Where
from sightloop.datasets.similarity import Similarity
from sightloop.datasets.versions import Versions
from sightloop.domain import Caller, Run, RunState
from sightloop.errors import NotEnoughData, not_found
from sightloop.runs import RunContext, Runs
from sightloop.storage import Stores
from sightloop.vision import layout, principal

KIND: Final = "map"
SEED: Final = 0
MOST_MAPS: Final = 1000
_HELD: Final = 4  # reductions in memory: 50 numbers a sample


@dataclass(frozen=True, slots=True)
class SampleMap:
    """One map; `method` says how it was made, `version` or `where` of what."""

    id: str
    made_at: datetime
    size: int
    method: str
    version: str
    where: Mapping[str, Any]


class Maps:
    """Lays embeddings out. Register it before `runs.launch()`."""

    def __init__(
        self, stores: Stores, runs: Runs, catalogue: Catalogue, similarity: Similarity, versions: Versions
    ) -> None:
        self._stores = stores
        self._runs = runs
        self._catalogue = catalogue
        self._similarity = similarity
        self._versions = versions
        self._reduced: dict[tuple[str, ...], npt.NDArray[np.float32]] = {}
        runs.register(KIND, self._run)

    def start(self, caller: Caller, where: Where | None, version: str | None) -> Run:
        """The run that makes a map of what a filter selects, or of a version; its id becomes the map's."""
        self.chosen(caller, where, version)
        return self._runs.start(caller, KIND, {"where": dict(where or {}), "version": version or ""})

    def listed(self, caller: Caller) -> list[SampleMap]:
        """The maps, newest first, at most 1,000."""
        done = (one for one in self._runs.list(caller, KIND, MOST_MAPS) if one.state is RunState.SUCCEEDED)
        return [_map_of(one) for one in done]

    def table(self, caller: Caller, map_id: str) -> pa.Table:
        """Columns `id`, `x` and `y`, float32, by sample id; raises NotFound."""
        run = self._runs.get(caller, map_id)
        if run.kind != KIND or run.state is not RunState.SUCCEEDED:
            raise not_found("map", map_id, hint="Wait for its run, or list them: GET /maps")
        data = self._stores.workspace(caller.workspace).blobs.get(run.output["data"])
        return pa.ipc.open_stream(data).read_all()

    def references(self, caller: Caller) -> set[str]:
        """Digests of the blobs that hold the maps."""
        return {str(one.output["data"]) for one in self._runs.list(caller, KIND, MOST_MAPS) if "data" in one.output}

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        if params["version"]:
            context.uses("dataset_version", self._versions.resolve(context.caller, params["version"]).id)
        return dict(context.step("layout", partial(self._lay_out, context, params)))

    def _lay_out(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        caller = context.caller
        ids = self.chosen(caller, params["where"], params["version"])
        if not ids:
            raise NotEnoughData("There is nothing to map.", hint="Ingest samples, or widen the filter.")
        places, method = layout(
            self.reduced(caller, ids), SEED, told=lambda done, total: context.progress(done, total, "samples")
        )
        sink = pa.BufferOutputStream()
        columns = {"id": pa.array(ids, pa.string()), "x": pa.array(places[:, 0]), "y": pa.array(places[:, 1])}
        table = pa.table(columns)
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        digest = self._stores.workspace(caller.workspace).blobs.put(sink.getvalue().to_pybytes())
        return {"data": digest, "size": len(ids), "method": method}

    def chosen(self, caller: Caller, where: Where | None, version: str | None) -> list[str]:
        """Ids in order, of samples that are there."""
        view, selected = self._catalogue.chosen(caller, where)
        ids = [str(one) for one in view.ids[selected]]
        if not version:
            return ids
        entries = self._versions.table(caller, self._versions.resolve(caller, version), ["sample"])
        inside = set(entries["sample"].to_pylist())
        return [one for one in ids if one in inside]

    def reduced(self, caller: Caller, ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """Principal components of these samples' vectors; the last few answers are held."""
        key = (caller.workspace, self._similarity.table, json.dumps([len(ids), hash(tuple(ids))]))
        if key not in self._reduced:
            found = principal(self._similarity.stored(caller, ids), SEED)
            while len(self._reduced) >= _HELD:
                self._reduced.pop(next(iter(self._reduced)))
            self._reduced[key] = found
        return self._reduced[key]


def _map_of(run: Run) -> SampleMap:
    return SampleMap(
        id=run.id,
        made_at=run.ended_at or run.started_at,
        size=int(run.output["size"]),
        method=str(run.output["method"]),
        version=str(run.params["version"]),
        where=dict(run.params["where"]),
    )
