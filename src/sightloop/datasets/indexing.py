"""What makes a search quick: the indexes over words and vectors, made by runs and kept fresh by each ingest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from sightloop.datasets.catalogue import SAMPLES_TABLE, Catalogue
from sightloop.datasets.contents import Contents
from sightloop.datasets.rows import vectors_table
from sightloop.datasets.similarity import Similarity
from sightloop.datasets.texts import TEXTS_TABLE, texts_table
from sightloop.domain import Caller, Run
from sightloop.errors import SightloopError
from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records, Stores, Tables, move_pointer, pointer

KIND: Final = "index"
VECTORS_FROM: Final = 20_000  # fewer are compared one by one, exactly
STALE_SHARE: Final = 0.02  # of the rows an index may lack, before an ingest brings it up to date
PAGE: Final = 4096


class Indexing:
    """Registers the run kind "index".

    Args:
        vectors_from: how many samples a workspace has before its vectors get an index.
    """

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        runs: Runs,
        catalogue: Catalogue,
        similarity: Similarity,
        contents: Contents,
        vectors_from: int = VECTORS_FROM,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._runs = runs
        self._catalogue = catalogue
        self._similarity = similarity
        self._contents = contents
        self._vectors_from = vectors_from
        runs.register(KIND, self._run)

    def start(self, caller: Caller) -> Run:
        """The run that makes the indexes, or brings them up to date.

        Its output: words and vectors, the number of rows in each index; of vectors 0 where they are too few for one.
        """
        return self._runs.start(caller, KIND, {})

    def after_ingest(self, caller: Caller) -> dict[str, Any]:
        """The run that makes the first index over vectors, where there are enough; what there is becomes fresh."""
        with self._alone(caller):
            self._freshen(caller, TEXTS_TABLE, "text", STALE_SHARE)
            self._freshen(caller, self._similarity.table, "id", STALE_SHARE)
            self._freshen(caller, self._similarity.sketches, "vector", STALE_SHARE)
            due = self._count(caller, self._similarity.table) >= self._vectors_from
            due = due and not self._count(caller, self._similarity.sketches)
        return {"run": self.start(caller).id if due else ""}

    def write_vectors(self, caller: Caller, tables: Tables, ids: Sequence[str], vectors: Any) -> dict[str, int]:
        """The version of the table of sketches that stands for these too; nothing before there is an index."""
        name = self._similarity.sketches
        if self._open(caller, name)[1] is None:
            return {}
        self.take_back(caller, tables, name)
        return {name: tables.upsert(name, vectors_table(ids, self._similarity.sketch(vectors)), "id")}

    def write_texts(self, caller: Caller, tables: Tables, rows: Sequence[Any], said: dict[str, str]) -> int:
        """The version of the table of texts that holds these samples too; its first rows bring its index along."""
        sealed = self._stores.workspace(caller.workspace).cipher is not None
        version = tables.upsert(TEXTS_TABLE, texts_table(rows, {} if sealed else said), "id")
        if tables.indexes.missing(TEXTS_TABLE, version, "text") is None:
            version = tables.indexes.add_words(TEXTS_TABLE, "text")
        return version

    def take_back(self, caller: Caller, tables: Tables, name: str) -> None:
        """Undo writes that a crash kept from SQL."""
        with self._records.read() as connection:
            truth = pointer(connection, caller.workspace, name)
        latest = tables.latest(name)
        if latest is not None and latest != truth:
            if truth is None:
                tables.delete(name, "true")
            else:
                tables.restore(name, truth)

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        caller, number = context.caller, 0
        while True:
            left = context.step(f"texts-{number:06d}", partial(self._write_missing, caller))
            number += 1
            context.progress(number, number + left, "texts")
            if not left:
                break
        words = context.step("words", partial(self._fresh, caller, TEXTS_TABLE, "text"))
        count = context.step("ids", partial(self._index_ids, caller))
        if count < self._vectors_from:
            return {"words": words, "vectors": 0}
        number = 0
        while left := context.step(f"sketches-{number:06d}", partial(self._write_sketches, caller)):
            number += 1
            context.progress(count - left, count, "vectors")
        return {"words": words, "vectors": context.step("vectors", partial(self._index_vectors, caller))}

    def _write_missing(self, caller: Caller) -> int:
        """How many pages of samples are left whose words are not known, after one was written."""
        with self._alone(caller):
            tables, version = self._open(caller, TEXTS_TABLE)
            known = set() if version is None else set(tables.read(TEXTS_TABLE, version, ["id"])["id"].to_pylist())
            view = self._catalogue.view(caller)
            missing = [i for i, one in enumerate(view.ids) if one not in known]
            if missing:
                rows = view.rows(missing[:PAGE])
                said = {row["id"]: self._said(caller, row["id"]) for row in rows if row["kind"] == "document"}
                self.take_back(caller, tables, TEXTS_TABLE)
                self._move(caller, TEXTS_TABLE, self.write_texts(caller, tables, rows, said))
        return max(0, len(missing) - 1) // PAGE

    def _said(self, caller: Caller, sample: str) -> str:
        try:
            return self._contents.text(caller, sample)
        except SightloopError:  # a medium that is gone keeps its name
            return ""

    def _index_ids(self, caller: Caller) -> int:
        """The number of vectors, which are found by the ids of their samples after it if they are many."""
        name = self._similarity.table
        with self._alone(caller):
            tables, version = self._open(caller, name)
            count = self._count(caller, name)
            if version is not None and count >= self._vectors_from:
                if tables.indexes.missing(name, version, "id") is None:
                    self.take_back(caller, tables, name)
                    self._move(caller, name, tables.indexes.add_ids(name, "id"))
                self._freshen(caller, name, "id", 0)
        return count

    def _write_sketches(self, caller: Caller) -> int:
        """How many samples are left that no sketch stands for, after a page was written."""
        name = self._similarity.sketches
        with self._alone(caller):
            tables, version = self._open(caller, name)
            known = [] if version is None else tables.read(name, version, ["id"])["id"].combine_chunks()
            ids = self._catalogue.view(caller).table["id"]
            missing = ids.filter(pc.invert(pc.is_in(ids, pa.array(known, pa.string()))))
            page = missing[:PAGE].to_pylist()
            if page:
                self.take_back(caller, tables, name)
                sketches = self._similarity.sketch(self._similarity.read_some(caller, page))
                self._move(caller, name, tables.upsert(name, vectors_table(page, sketches), "id"))
        return len(missing) - len(page)

    def _index_vectors(self, caller: Caller) -> int:
        name = self._similarity.sketches
        with self._alone(caller):
            tables, version = self._open(caller, name)
            if version is not None and tables.indexes.missing(name, version, "vector") is None:
                self.take_back(caller, tables, name)
                self._move(caller, name, tables.indexes.add_vectors(name, "vector"))
            return self._freshen(caller, name, "vector", 0)

    def _fresh(self, caller: Caller, name: str, column: str) -> int:
        with self._alone(caller):
            return self._freshen(caller, name, column, 0)

    def _freshen(self, caller: Caller, name: str, column: str, share: float) -> int:
        """The number of rows; an index that lacks more than this share of them holds them all after it."""
        tables, version = self._open(caller, name)
        if version is None:
            return 0
        count = tables.count(name, version)
        if (tables.indexes.missing(name, version, column) or 0) > share * count:
            self.take_back(caller, tables, name)
            self._move(caller, name, tables.indexes.refresh(name, column))
        return count

    def _count(self, caller: Caller, name: str) -> int:
        tables, version = self._open(caller, name)
        return 0 if version is None else tables.count(name, version)

    def _open(self, caller: Caller, name: str) -> tuple[Tables, int | None]:
        with self._records.read() as connection:
            version = pointer(connection, caller.workspace, name)
        return self._stores.workspace(caller.workspace).tables, version

    def _move(self, caller: Caller, name: str, version: int) -> None:
        with self._events.change(caller, "samples.index", name) as change:
            move_pointer(change.connection, caller.workspace, name, version)
            change.emit("sightloop.samples.indexed", {"table": name})

    def _alone(self, caller: Caller) -> Any:
        """Nobody else writes samples meanwhile."""
        return self._records.alone(f"{caller.workspace}.{SAMPLES_TABLE}")
