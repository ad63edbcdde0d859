"""Vectors for samples that have none of the present embedder: a run after the embedder has changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets.catalogue import SAMPLES_TABLE, Catalogue
from sightloop.datasets.contents import Contents
from sightloop.datasets.indexing import Indexing
from sightloop.datasets.looking import Looking
from sightloop.datasets.rows import vectors_table
from sightloop.datasets.similarity import Similarity
from sightloop.domain import Caller, Run
from sightloop.errors import InvalidMedia
from sightloop.events import Events
from sightloop.inference import Batch, Embedder, Seen
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records, Stores, move_pointer

KIND: Final = "embed"
STEP: Final = 512
BATCH: Final = 16


class Embed:
    """Starts such runs and carries them out. Register it before `runs.launch()`."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        runs: Runs,
        embedder: Embedder,
        catalogue: Catalogue,
        contents: Contents,
        similarity: Similarity,
        indexing: Indexing,
        looking: Looking,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._runs = runs
        self._embedder = embedder
        self._catalogue = catalogue
        self._contents = contents
        self._similarity = similarity
        self._indexing = indexing
        self._looking = looking
        runs.register(KIND, self._run)

    def start(self, caller: Caller) -> Run:
        """The run; its output: embedded, how many samples."""
        self._similarity.require_embedder()
        return self._runs.start(caller, KIND, {"table": self._similarity.table})

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        lacking = context.step("list", partial(self._lacking, context.caller))
        for at in range(0, len(lacking), STEP):
            part = lacking[at : at + STEP]
            context.uses_all("sample", part)
            context.step(f"embed-{at:08d}", partial(self._embed, context, part))
            context.progress(at + len(part), len(lacking), "samples")
        return {"embedded": len(lacking)}

    def _lacking(self, caller: Caller) -> list[str]:
        held = self._similarity.held(caller)
        return [str(one) for one in self._catalogue.view(caller).ids if one not in held]

    def _embed(self, context: RunContext, ids: Sequence[str]) -> int:
        caller = context.caller
        media = self._contents.encoded(caller, ids)
        taken = iter(lambda: list(islice(media, BATCH)), [])
        batches = (Batch([data for data, _ in pairs], [want for _, want in pairs]) for pairs in taken)
        vectors = np.concatenate([embedded(self._embedder, seen) for seen in self._looking.map(batches)])
        store, name = self._stores.workspace(caller.workspace).tables, self._similarity.table
        with self._records.alone(f"{caller.workspace}.{SAMPLES_TABLE}"):
            self._indexing.take_back(caller, store, name)
            written = {name: store.upsert(name, vectors_table(ids, vectors), "id")}
            written |= self._indexing.write_vectors(caller, store, ids, vectors)
            with self._events.change(caller, "samples.embed", context.run_id) as change:
                for table, version in written.items():
                    move_pointer(change.connection, caller.workspace, table, version)
                change.emit("sightloop.samples.embedded", {"run": context.run_id, "embedded": len(ids)})
        return len(ids)


def embedded(embedder: Embedder, seen: Sequence[Seen]) -> npt.NDArray[np.float16]:
    """float16 (N, D): the vectors that came with what was seen; what came as pixels is embedded here.

    Raises:
        InvalidMedia: one of them is refused.
    """
    for one in seen:
        if isinstance(one.found, InvalidMedia):
            raise one.found
    shown = [one.pixels for one in seen if one.pixels is not None]
    here = iter(embedder.embed(shown) if shown else ())
    return np.stack([next(here) if one.pixels is not None else one.said[0] for one in seen]).astype(np.float16)
