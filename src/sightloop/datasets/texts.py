"""Samples by words: those of their names, facets and documents by an index, those of their classes from the labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.schemas import Schemas
from sightloop.domain import Caller
from sightloop.errors import InvalidInput
from sightloop.storage import Records, Stores, pointer

TEXTS_TABLE: Final = "texts"
LONGEST: Final = 100_000  # characters of a sample that are looked through
MOST_WORDS: Final = 16
_WORD: Final = re.compile(r"[^\W_]+")

Scores = npt.NDArray[np.float32]


class Texts:
    """Looks for words; a word is found in any form that English knows of it, in capitals or not."""

    def __init__(self, records: Records, stores: Stores, catalogue: Catalogue, schemas: Schemas) -> None:
        self._records = records
        self._stores = stores
        self._catalogue = catalogue
        self._schemas = schemas

    def found(self, caller: Caller, view: View, text: str) -> Scores:
        """How well each sample of the view holds all the words, float32 (N,); nought for those that do not.

        The sum over the words of BM25 (Robertson and Zaragoza 2009, equation 3.15) within the text of the sample, and
        of ln(N / n) for a word in the name of a class that n samples have.

        Raises:
            InvalidInput: the text holds no word, or too many.
        """
        words = list(dict.fromkeys(one.lower() for one in _WORD.findall(text)))
        if not 1 <= len(words) <= MOST_WORDS:
            raise InvalidInput(f"The text holds {len(words)} words.", hint=f"Give 1 to {MOST_WORDS}, such as: crack.")
        ids = view.table["id"]
        total = np.zeros(len(view), np.float32)
        every = np.ones(len(view), bool)
        for word in words:
            scores = self._written(caller, ids, word) + self._classed(caller, ids, word)
            every &= scores > 0
            total += scores
        return np.where(every, total, np.float32(0))

    def _written(self, caller: Caller, ids: pa.ChunkedArray, word: str) -> Scores:
        scores = np.zeros(len(ids), np.float32)
        with self._records.read() as connection:
            version = pointer(connection, caller.workspace, TEXTS_TABLE)
        if version is None:
            return scores
        indexes = self._stores.workspace(caller.workspace).tables.indexes
        if indexes.missing(TEXTS_TABLE, version, "text") is None:
            return scores
        hits = indexes.words(TEXTS_TABLE, version, "text", word)
        places = pc.index_in(hits["id"], ids.combine_chunks())
        known = pc.is_valid(places)
        # A word in very many rows has next to no weight, and is held all the same.
        weight = np.maximum(np.asarray(hits["_score"].filter(known)), 1e-6)
        scores[np.asarray(places.filter(known))] = weight
        return scores

    def _classed(self, caller: Caller, ids: pa.ChunkedArray, word: str) -> Scores:
        classes = {name for schema in self._schemas.schemas(caller) for name in schema.classes}
        meant = sorted(name for name in classes if word in (one.lower() for one in _WORD.findall(name)))
        if not meant:
            return np.zeros(len(ids), np.float32)
        truth = self._catalogue.truth(caller)
        samples = truth.heads.filter(pc.is_in(truth.heads["label"], pa.array(meant)))["sample"].combine_chunks()
        if len(truth.objects):
            samples = pa.concat_arrays([samples, pa.array(self._with_objects(caller, meant), pa.string())])
        has = np.asarray(pc.is_in(ids, samples))
        return has.astype(np.float32) * np.float32(np.log1p(len(ids) / max(1, int(has.sum()))))

    def _with_objects(self, caller: Caller, classes: Sequence[str]) -> list[str]:
        home = tables.revisions
        query = sa.select(home.c.sample).where(
            home.c.workspace_id == caller.workspace, home.c.head, home.c.object != "", home.c.label.in_(classes)
        )
        with self._records.read() as connection:
            return list(connection.scalars(query.distinct()))


def texts_table(rows: Sequence[Mapping[str, Any]], said: Mapping[str, str]) -> pa.Table:
    """`id` and `text` of stored samples; `said` is the text of those that are documents, by id."""
    texts = [_text(row, said.get(row["id"], "")) for row in rows]
    return pa.table({"id": pa.array([row["id"] for row in rows], pa.string()), "text": pa.array(texts, pa.string())})


def _text(row: Mapping[str, Any], said: str) -> str:
    facets: Iterable[Any] = (*json.loads(row["metadata"]).values(), *json.loads(row["entities"] or "{}").values())
    words = (str(one) for one in facets if isinstance(one, str | int) and not isinstance(one, bool))
    whole = " ".join(filter(None, (row["name"], row["source"], *words, said)))
    return whole[:LONGEST].replace("_", " ")
