"""Indexes over tables: words in a text column, nearest vectors, ids. Rows younger than an index are searched too."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lance.query import MatchQuery

_HELD: Final = 8  # tables that stay open with what is cached of their indexes
_ROWS_A_PARTITION: Final = 4096
_PROBED: Final = 0.15  # the share of partitions that a search looks into, of at least _PROBES
_PROBES: Final = 8
_VECTOR_KIND: Final = "IVF_SQ"
_UNASKED: Final = -1


class Indexes:
    """What is found quickly in a workspace's tables.

    Every change of an index is a new version of its table, that a pointer must be moved to.

    Args:
        open_table: gives a table of Lance at a version, or as it stands.
        writing: a block in which the table is written by nobody else.
        translated: a block in which Lance's own errors become ours.
    """

    def __init__(
        self,
        open_table: Callable[[str, int | None], Any],
        writing: Callable[[str], AbstractContextManager[None]],
        translated: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._open = open_table
        self._writing = writing
        self._translated = translated
        self._held: OrderedDict[tuple[str, int], Any] = OrderedDict()
        self._missing: dict[tuple[str, int, str], int | None] = {}
        self._lock = threading.Lock()

    def missing(self, name: str, version: int, column: str) -> int | None:
        """How many rows the index of the column does not hold yet; None where there is no index."""
        with self._translated(name):
            table = self._at(name, version)
            told = self._missing.get((name, version, column), _UNASKED)
            if told == _UNASKED:
                there = any(one.name == column for one in table.describe_indices())
                told = int(table.stats.index_stats(column)["num_unindexed_rows"]) if there else None
                self._missing[name, version, column] = told
            return told

    def add_words(self, name: str, column: str) -> int:
        """The version from which the words of the column are found, in any form that English knows of them."""
        return self._add(
            name,
            lambda table: table.create_scalar_index(
                column, "INVERTED", name=column, stem=True, remove_stop_words=False, ascii_folding=True, lower_case=True
            ),
        )

    def add_ids(self, name: str, column: str) -> int:
        """The version from which rows are found by the value of the column without reading all of it."""
        return self._add(name, lambda table: table.create_scalar_index(column, "BTREE", name=column))

    def add_vectors(self, name: str, column: str) -> int:
        """The version from which the nearest vectors by cosine are found without comparing all."""

        def create(table: Any) -> None:
            partitions = max(1, table.count_rows() // _ROWS_A_PARTITION)
            table.create_index(column, _VECTOR_KIND, name=column, metric="cosine", num_partitions=partitions)

        return self._add(name, create)

    def refresh(self, name: str, column: str) -> int:
        """The version in which the index of the column holds all rows; what it learned of the older ones stays."""
        return self._add(name, lambda table: table.optimize.optimize_indices(index_names=[column]))

    def words(self, name: str, version: int, column: str, word: str) -> pa.Table:
        """`id` and `_score` (BM25) of all rows that hold the word, in no order; the column has an index of words."""
        with self._translated(name):
            return self._at(name, version).to_table(
                columns=["id", "_score"], full_text_query=MatchQuery(word, column), disable_scoring_autoprojection=True
            )

    def nearest(self, name: str, version: int, column: str, query: npt.NDArray[np.float32], k: int) -> pa.Table:
        """`id` and `_distance` (1 - cosine) of about the k nearest rows, nearest first."""
        with self._translated(name):
            table = self._at(name, version)
            probes = max(_PROBES, int(_PROBED * table.count_rows() / _ROWS_A_PARTITION))
            asked = {"column": column, "q": query.astype(np.float16), "k": k, "nprobes": probes}
            found: pa.Table = table.to_table(
                columns=["id", "_distance"], nearest=asked, disable_scoring_autoprojection=True
            )
            return found

    def listed(self, name: str, version: int, columns: Sequence[str] | None, where: str) -> pa.Table:
        """The rows that a Lance filter selects; by an index where it has one, without opening the table again."""
        with self._translated(name):
            found: pa.Table = self._at(name, version).to_table(
                columns=None if columns is None else list(columns), filter=where
            )
            return found

    def forget(self, name: str) -> None:
        """Returns once nothing of the table is held."""
        with self._lock:
            for key in [one for one in self._held if one[0] == name]:
                self._let_go(key)

    def _add(self, name: str, change: Callable[[Any], None]) -> int:
        with self._writing(name):
            change(self._open(name, None))
            return int(self._open(name, None).version)

    def _at(self, name: str, version: int) -> Any:
        """The table at the version, with what was read of its indexes before."""
        with self._lock:
            held = self._held.get((name, version))
            if held is None:
                held = self._open(name, version)
                self._held[name, version] = held
                while len(self._held) > _HELD:
                    self._let_go(next(iter(self._held)))
            self._held.move_to_end((name, version))
            return held

    def _let_go(self, key: tuple[str, int]) -> None:
        del self._held[key]
        for told in [one for one in self._missing if one[:2] == key]:
            del self._missing[told]
