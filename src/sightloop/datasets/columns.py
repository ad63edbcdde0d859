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
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from sightloop.datasets.catalogue import MAX_PAGE, Catalogue, View, newest_rows
from sightloop.datasets.filters import Where
from sightloop.datasets.groups import GroupIndex
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
CONTENT: Final = "content"
SAID: Final = "said"
MOST_NEWEST: Final = MAX_PAGE
NEWEST: Final = "-ingested_at"
_ORDERS: Final = frozenset({"ingested_at", "name", *_NUMBERS})
_HELD: Final = 4  # streams and versions


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
class Asked:
    """Which rows and which columns.

    Attributes:
        part: CONTENT, SAID, or both where empty. Both parts have the same rows in the same order; of SAID only `id`
            is left out, so that what changes often stays small.
        fields: names of some columns; all where empty.
        newest: only so many rows, those that come first and without predictions; all where 0.
        by: what the first ones are chosen by: a column, with "-" before it the largest first.
    """

    where: Where | None = None
    version: DatasetVersion | None = None
    part: str = ""
    fields: Sequence[str] = ()
    newest: int = 0
    by: str = NEWEST


@dataclass(frozen=True, slots=True)
class _Inside:
    """The rows of the view that a version holds, and its entries for them."""

    rows: pa.Array
    entries: pa.Table


class ColumnReader:
    """Builds columns of the samples. Content is held until samples come in; what is said of them follows each label."""

    def __init__(self, catalogue: Catalogue, versions: Versions) -> None:
        self._catalogue = catalogue
        self._versions = versions
        self._content: dict[str, tuple[int | None, pa.Table]] = {}
        self._inside: dict[tuple[int | None, str], _Inside] = {}
        self._streams: dict[str, bytes] = {}
        self._locks: dict[str, Lock] = defaultdict(Lock)

    def asked(
        self,
        caller: Caller,
        where: Where | None = None,
        version: str | None = None,
        fields: Sequence[str] = (),
        part: str = "",
        newest: int = 0,
        by: str = NEWEST,
    ) -> Asked:
        """The question, of a version that is named; raises InvalidInput and NotFound."""
        if part not in ("", CONTENT, SAID) or not 0 <= newest <= MOST_NEWEST or (newest and part):
            raise InvalidInput(
                f'There is no part "{part}" of up to {newest} samples.',
                hint=f'Ask for "{CONTENT}", "{SAID}" or, whole, for at most {MOST_NEWEST}.',
            )
        if by != NEWEST and (not newest or by.removeprefix("-") not in _ORDERS):
            raise InvalidInput(
                f'Samples are not put in the order "{by}".',
                hint=f"Of the newest=N that come first, by: {', '.join(sorted(_ORDERS))}.",
                field="by",
            )
        found = None if version is None else self._versions.resolve(caller, version)
        return Asked(where, found, part, fields, newest, by)

    def stamp(self, caller: Caller, asked: Asked, predicted: str) -> str:
        """Differs where the answer may differ; told by the heads of the records, before anything is built.

        Args:
            predicted: the stamp of the predictions.
        """
        version = asked.version.id if asked.version else ""
        stamp = f"{asked.part}.{asked.newest}.{asked.by}/{self._catalogue.pointer(caller)}/{version}"
        if asked.part != CONTENT or asked.where:
            stamp += f"/{self._catalogue.said_stamp(caller)}"
        return stamp if asked.part == CONTENT or asked.newest else f"{stamp}/{predicted}"

    def read(self, caller: Caller, asked: Asked, claims: Claims) -> pa.Table:
        """The columns by sample id; what `_told` tells of them stands in the schema's metadata."""
        if asked.newest:
            return self._first(caller, asked)
        view, selected = self._catalogue.chosen(caller, asked.where)
        table = view.table.select(["id"]) if asked.part == SAID else self._held(caller.workspace, view)
        if asked.part != CONTENT:
            for name, column in _said(table["id"], self._catalogue.truth(caller), claims).items():
                table = table.append_column(name, column)
        if asked.version is not None:
            inside = self._of(caller, asked.version, view)
            table = _versioned(table.take(inside.rows), inside.entries, asked.part)
            selected = selected[inside.rows.to_numpy()]
        if asked.where:
            table = table.filter(pa.array(selected))
        return _told(table, asked, len(table), view.version)

    def _first(self, caller: Caller, asked: Asked) -> pa.Table:
        """The rows that come first, told how many there are in all."""
        entries = None
        if asked.where or asked.version or asked.by != NEWEST:
            view, selected = self._catalogue.chosen(caller, asked.where)
            rows = pa.array(np.flatnonzero(selected))
            if asked.version is not None:
                inside = self._of(caller, asked.version, view)
                within = pa.array(selected[inside.rows.to_numpy()])
                rows, entries = inside.rows.filter(within), inside.entries.filter(within)
            keys = view.table.select(["id", asked.by.removeprefix("-")])
            first = newest_rows(keys.take(rows), asked.newest, asked.by)
            total, pointer = len(rows), view.version
            stored = view.table.take(rows.take(first))
            entries = None if entries is None else entries.take(first)
        else:
            stored, total = self._catalogue.newest(caller, asked.newest)
            pointer = self._catalogue.pointer(caller)
        table = _content(stored, GroupIndex(stored))
        truth = self._catalogue.truth(caller, stored["id"].to_pylist())
        for name, column in _said(stored["id"], truth, NO_CLAIMS).items():
            table = table.append_column(name, column)
        return _told(table if entries is None else _versioned(table, entries, ""), asked, total, pointer)

    def stream(self, caller: Caller, asked: Asked, claims: Claims, stamp: str) -> bytes:
        """The columns as an Arrow IPC stream under Zstandard; the last few of content are held as they were sent."""
        key = "|".join((caller.workspace, stamp, *asked.fields))
        kept = asked.part == CONTENT and not asked.where
        with self._locks[f"{caller.workspace}.stream"]:
            if key in self._streams:
                return self._streams[key]
            table = self.read(caller, asked, claims)
            sink = pa.BufferOutputStream()
            with pa.CompressedOutputStream(sink, "zstd") as packed, pa.ipc.new_stream(packed, table.schema) as out:
                out.write_table(table)
            data: bytes = sink.getvalue().to_pybytes()
            if kept:
                _keep(self._streams, key, data)
        return data

    def _held(self, workspace: str, view: View) -> pa.Table:
        with self._locks[workspace]:
            version, table = self._content.get(workspace, (None, None))
            if table is None or version != view.version:
                table = _content(view.table, view.groups, view.metadata())
                self._content[workspace] = (view.version, table)
        return table

    def _of(self, caller: Caller, version: DatasetVersion, view: View) -> _Inside:
        key = (view.version, version.id)
        found = self._inside.get(key)
        if found is None:
            entries = self._versions.table(caller, version, ["sample", "label", "split", "origin", "annotation"])
            places = pc.index_in(view.table["id"], entries["sample"].combine_chunks()).combine_chunks()
            rows = pc.indices_nonzero(pc.is_valid(places))
            found = _Inside(rows, entries.take(places.take(rows)))
            _keep(self._inside, key, found)
        return found


def _keep(held: dict[Any, Any], key: Any, value: Any) -> None:
    """Puts the value in, and the oldest out where there are many."""
    held[key] = value
    while len(held) > _HELD:
        held.pop(next(iter(held)))


def _content(stored: pa.Table, groups: GroupIndex, metadata: Sequence[Mapping[str, Any]] | None = None) -> pa.Table:
    """What the samples themselves are, and what their source says of them."""
    columns: dict[str, pa.Array] = {"id": stored["id"], "colour": stored["mean_colour"].cast(pa.uint32())}
    columns |= {name: stored[name].cast(kind) for name, kind in _NUMBERS.items()}
    for name in _TEXTS:
        text = pc.if_else(pc.equal(stored[name], ""), None, stored[name])
        columns[name] = text.dictionary_encode() if name in _ENCODED else text
    if groups.number.max(initial=-1) >= 0:
        alone = groups.number < 0
        columns |= {"group": pa.array(groups.number, mask=alone), "place": pa.array(groups.place, mask=alone)}
        columns["slot"] = pc.if_else(pc.equal(stored["slot"], ""), None, stored["slot"]).dictionary_encode()
    if metadata is None:
        metadata = [orjson.loads(text) for text in stored["metadata"].to_pylist()]
    return pa.table({**columns, **_metadata_columns(metadata)}).combine_chunks()


def _said(ids: pa.ChunkedArray, truth: Truth, claims: Claims) -> dict[str, pa.ChunkedArray]:
    """What people, rules and models say of these samples."""
    said = truth.by_sample(ids)
    if claims.table is None:
        return {**said, **{name: pa.nulls(len(ids), kind) for name, kind in _CLAIMS.items()}}
    rows = pc.index_in(ids, claims.table["id"].combine_chunks())
    return {**said, **{name: claims.table[name].take(rows).cast(kind) for name, kind in _CLAIMS.items()}}


def _versioned(table: pa.Table, entries: pa.Table, part: str) -> pa.Table:
    """With the version's own labels, splits and origins; who spoke is known where that still is the head."""
    if part != CONTENT:
        same = pc.fill_null(pc.equal(table["annotation"], entries["annotation"]), False)
        spoke = pc.if_else(same, table["author_kind"].cast(pa.string()), None)
        table = _put(table, "author_kind", spoke.dictionary_encode())
    for name in ("label", *_VERSION) if part != SAID else ():
        told = pc.if_else(pc.equal(entries[name], ""), None, entries[name])
        table = _put(table, name, told.dictionary_encode())
    return table.drop_columns(["label"]) if part == SAID else table


def _told(table: pa.Table, asked: Asked, total: int, pointer: int | None) -> pa.Table:
    """The columns that were asked for, and what is told of them."""
    hidden = {"annotation", *(["id"] if asked.part == SAID else [])}
    table = _picked(table.select([name for name in table.column_names if name not in hidden]), asked.fields)
    version = asked.version.id if asked.version else ""
    told = {"total": total, "pointer": str(pointer or 0), "version": version, **_kinds(table)}
    return table.replace_schema_metadata({"sightloop": json.dumps(told)})


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


def _put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.append_column(name, column) if at < 0 else table.set_column(at, name, column)


def _picked(table: pa.Table, fields: Sequence[str]) -> pa.Table:
    """The named columns, `id` first where it is there; raises InvalidInput with the nearest names."""
    for name in fields:
        if name not in table.column_names:
            near = get_close_matches(name, table.column_names, n=3, cutoff=0.5) or table.column_names[:8]
            raise InvalidInput(f'There is no column "{name}".', hint=f"Nearest: {', '.join(near)}.", field=name)
    first = ["id"] if "id" in table.column_names else []
    return table.select(list(dict.fromkeys((*first, *fields)))) if fields else table


def _kinds(table: pa.Table) -> dict[str, list[str]]:
    """Names of columns by what they are fit for: `facets` have few different values, `numbers` can be measured."""
    facets, numbers = [], []
    for field in table.schema:
        if pa.types.is_dictionary(field.type):
            if 0 < len(_distinct(table[field.name].chunks)) <= MOST_FACET_VALUES:
                facets.append(field.name)
        elif field.name not in ("id", "colour", "group", "place") and not pa.types.is_string(field.type):
            numbers.append(field.name)
    return {"facets": facets, "numbers": numbers}


def _distinct(chunks: Iterable[pa.DictionaryArray]) -> set[int]:
    """Codes in use, up to some more than a facet may have."""
    used: set[int] = set()
    for chunk in chunks:
        used.update(np.unique(chunk.indices.drop_null().to_numpy()).tolist())
    return used
