"""The samples as columns: what a page holds in memory to show, sort and filter a hundred thousand of them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from threading import Lock
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.filters import Where
from sightloop.datasets.truth import Truth
from sightloop.datasets.versions import Versions
from sightloop.domain import Caller, DatasetVersion
from sightloop.errors import InvalidInput

METADATA: Final = "metadata."
MOST_METADATA: Final = 200  # keys; those that fewest samples have are left out
MOST_FACET_VALUES: Final = 200
_NUMBERS: Final[Mapping[str, pa.DataType]] = {
    "width": pa.int32(), "height": pa.int32(), "brightness": pa.float32(), "contrast": pa.float32(),
    "blur": pa.float32(), "size_bytes": pa.uint32(),
}  # fmt: skip
_TEXTS: Final = ("format", "source", "name", "captured_at", "ingested_at")
_ENCODED: Final = ("format", "source", "ingested_at")
_CLAIMS: Final[Mapping[str, pa.DataType]] = {
    "predicted": pa.dictionary(pa.int32(), pa.string()), "score": pa.float32(),
}  # fmt: skip
_VERSION: Final = ("split", "origin")


@dataclass(frozen=True, slots=True)
class Claims:
    """The newest prediction of each sample that has one: columns `id`, `predicted` and `score`.

    Attributes:
        stamp: differs where anything was predicted since.
    """

    stamp: str = ""
    table: pa.Table | None = None


NO_CLAIMS: Final = Claims()


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows by sample id; `stamp` differs where the answer may differ."""

    stamp: str
    table: pa.Table


class ColumnReader:
    """Builds columns of the samples, and holds those of each workspace until its samples change."""

    def __init__(self, catalogue: Catalogue, versions: Versions) -> None:
        self._catalogue = catalogue
        self._versions = versions
        self._held: dict[str, tuple[int | None, pa.Table]] = {}
        self._truths: dict[str, tuple[str, dict[str, pa.Array]]] = {}
        self._locks: dict[str, Lock] = defaultdict(Lock)

    def read(
        self, caller: Caller, where: Where | None, version: DatasetVersion | None, fields: Sequence[str], claims: Claims
    ) -> Columns:
        """Columns of the samples that a filter selects, of a version's or of all; `fields` names some of them."""
        view, selected = self._catalogue.chosen(caller, where)
        truth = self._catalogue.truth(caller)
        with self._locks[caller.workspace]:
            table = self._plain(caller.workspace, view)
            said = self._said(caller.workspace, f"{view.version}/{truth.stamp}", truth, table["id"])
        for name in ("label", "author_kind", "object_count"):
            table = table.append_column(name, said[name])
        for name, column in _claimed(table["id"], claims).items():
            table = table.append_column(name, column)
        if where:
            table = table.filter(pa.array(selected))
        if version is not None:
            table = self._of_version(caller, version, table, said["annotation"].filter(pa.array(selected)))
        stamp = "/".join((str(view.version), truth.stamp, claims.stamp, version.id if version else ""))
        table = _picked(table, fields)
        told = {"total": len(table), "pointer": str(view.version or 0), **_kinds(table)}
        return Columns(stamp, table.replace_schema_metadata({"sightloop": json.dumps(told)}))

    def _plain(self, workspace: str, view: View) -> pa.Table:
        version, table = self._held.get(workspace, (None, None))
        if table is None or version != view.version:
            table = _plain_columns(view)
            self._held[workspace] = (view.version, table)
        return table

    def _said(self, workspace: str, key: str, truth: Truth, ids: pa.ChunkedArray) -> dict[str, pa.Array]:
        held, said = self._truths.get(workspace, ("", {}))
        if held != key:
            said = truth.by_sample(ids)
            self._truths[workspace] = (key, said)
        return said

    def _of_version(self, caller: Caller, version: DatasetVersion, table: pa.Table, heads: pa.Array) -> pa.Table:
        """The rows of the version's samples with its labels; who spoke is known where that still is the head."""
        entries = self._versions.table(caller, version, ["sample", "label", "split", "origin", "annotation"])
        rows = pc.index_in(table["id"], entries["sample"].combine_chunks())
        inside = pc.is_valid(rows)
        table, heads, rows = table.filter(inside), heads.filter(inside), rows.filter(inside)
        entries = entries.take(rows)
        same = pc.fill_null(pc.equal(heads, entries["annotation"]), False)
        spoke = pc.if_else(same, table["author_kind"].cast(pa.string()), None)
        table = _put(table, "author_kind", spoke.dictionary_encode())
        for name in ("label", *_VERSION):
            told = pc.if_else(pc.equal(entries[name], ""), None, entries[name])
            table = _put(table, name, told.dictionary_encode())
        return table


def _plain_columns(view: View) -> pa.Table:
    stored = view.table
    columns: dict[str, pa.Array] = {"id": stored["id"], "colour": stored["mean_colour"].cast(pa.uint32())}
    columns |= {name: stored[name].cast(kind) for name, kind in _NUMBERS.items()}
    for name in _TEXTS:
        text = pc.if_else(pc.equal(stored[name], ""), None, stored[name])
        columns[name] = text.dictionary_encode() if name in _ENCODED else text
    return pa.table({**columns, **_metadata_columns(view.metadata())}).combine_chunks()


def _metadata_columns(metadata: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
    """One column for each key: numbers as float64 where all values are numbers, else a dictionary of texts."""
    counted = Counter(key for one in metadata for key, value in one.items() if value is not None)
    columns = {}
    for key in sorted(key for key, _ in counted.most_common(MOST_METADATA)):
        values = [one.get(key) for one in metadata]
        numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values if one is not None)
        columns[METADATA + key] = (
            pa.array([None if one is None else float(one) for one in values], pa.float64())
            if numeric
            else pa.array([None if one is None else _text(one) for one in values], pa.string()).dictionary_encode()
        )
    return columns


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _claimed(ids: pa.ChunkedArray, claims: Claims) -> dict[str, pa.Array]:
    if claims.table is None:
        return {name: pa.nulls(len(ids), kind) for name, kind in _CLAIMS.items()}
    rows = pc.index_in(ids, claims.table["id"].combine_chunks())
    return {name: claims.table[name].take(rows).cast(kind) for name, kind in _CLAIMS.items()}


def _put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.append_column(name, column) if at < 0 else table.set_column(at, name, column)


def _picked(table: pa.Table, fields: Sequence[str]) -> pa.Table:
    """The named columns, `id` always first; raises InvalidInput with the nearest names."""
    for name in fields:
        if name not in table.column_names:
            near = get_close_matches(name, table.column_names, n=3, cutoff=0.5) or table.column_names[:8]
            raise InvalidInput(f'There is no column "{name}".', hint=f"Nearest: {', '.join(near)}.", field=name)
    return table.select(list(dict.fromkeys(("id", *fields)))) if fields else table


def _kinds(table: pa.Table) -> dict[str, list[str]]:
    """Names of columns by what they are fit for: `facets` have few different values, `numbers` can be measured."""
    facets, numbers = [], []
    for field in table.schema:
        if pa.types.is_dictionary(field.type):
            if 0 < len(_distinct(table[field.name].chunks)) <= MOST_FACET_VALUES:
                facets.append(field.name)
        elif field.name not in ("id", "colour") and not pa.types.is_string(field.type):
            numbers.append(field.name)
    return {"facets": facets, "numbers": numbers}


def _distinct(chunks: Iterable[pa.DictionaryArray]) -> set[int]:
    """Codes in use, up to some more than a facet may have."""
    used: set[int] = set()
    for chunk in chunks:
        used.update(np.unique(chunk.indices.drop_null().to_numpy()).tolist())
    return used
