"""The samples of a workspace, as the SQL pointer names them, held in memory for filters and pages."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import PurePosixPath
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from sightloop.datasets.filters import Mask, Where, mask
from sightloop.datasets.groups import Group, GroupIndex, group_of
from sightloop.datasets.rows import SAMPLES, address_of, sample_of
from sightloop.datasets.truth import Truth, TruthReader
from sightloop.domain import Address, Caller, Sample, derived_id
from sightloop.errors import InvalidInput, not_found
from sightloop.storage import Records, Stores, pointer

SAMPLES_TABLE: Final = "samples"
MAX_PAGE: Final = 1000
WHOLE: Final = Address()
_HIDDEN: Final = frozenset({"address", "entities", "metadata", "location", "mean_colour"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in order, and the cursor that the next ones follow; it is empty at the end."""

    items: tuple[T, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many samples there are, and with a label; versions of datasets; refused media that wait, since when."""

    samples: int
    labelled: int
    versions: int
    quarantined: int
    quarantined_since: str


class View:
    """The samples at one pointer version, ordered by id; columns are made when first asked for.

    Attributes:
        table: all stored fields.
    """

    def __init__(self, version: int | None, table: pa.Table) -> None:
        self.version = version
        self.table = table
        self.ids: npt.NDArray[np.object_] = self._text("id")
        self._index = {str(one): i for i, one in enumerate(self.ids)}
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self._metadata: list[dict[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def fields(self) -> Sequence[str]:
        return [*(name for name in SAMPLES.names if name not in _HIDDEN), *self._keys]

    def column(self, field: str) -> npt.NDArray[Any]:
        """One field or metadata key, (N,): numbers as they are, all else as objects."""
        if field not in self._columns:
            self._columns[field] = self._column(field)
        return self._columns[field]

    def metadata(self) -> list[dict[str, Any]]:
        """The metadata of each sample, in order."""
        if self._metadata is None:
            self._metadata = [orjson.loads(text) for text in self._text("metadata")]
        return self._metadata

    def addresses(self) -> list[str]:
        """The address key of each sample, in order."""
        return [address_of(text).key() for text in self._text("address")]

    def row_numbers(self, ids: Iterable[str]) -> list[int]:
        """Where these samples stand; raises NotFound for the first that is not there."""
        numbers = []
        for one in ids:
            number = self._index.get(one)
            if number is None:
                raise not_found("sample", one, hint="List them: sightloop samples list")
            numbers.append(number)
        return numbers

    @cached_property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """The perceptual hash of each sample, 0 where it has none."""
        return np.array([int(one, 16) if one else 0 for one in self.column("phash")], np.uint64)

    def find(self, sample: str) -> int | None:
        """Where the sample stands; None where it does not."""
        return self._index.get(sample)

    @cached_property
    def groups(self) -> GroupIndex:
        """Which samples are of one moment."""
        return GroupIndex(self.table)

    @cached_property
    def newest(self) -> pa.Array:
        """Where the MAX_PAGE samples stand that were ingested last."""
        return newest_rows(self.table, MAX_PAGE)

    def __contains__(self, sample: str) -> bool:
        return sample in self._index

    def samples(self, numbers: Sequence[int]) -> list[Sample]:
        """The samples in these rows."""
        return [sample_of(row) for row in self.rows(numbers)]

    def rows(self, numbers: Sequence[int], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The stored rows, with `run` and `location`, or some columns of them."""
        table = self.table if columns is None else self.table.select(list(columns))
        taken: list[dict[str, Any]] = table.take(pa.array(numbers, pa.int64())).to_pylist()
        return taken

    @cached_property
    def _keys(self) -> list[str]:
        """The names of all facets."""
        core = set(SAMPLES.names)
        return sorted({key for one in self.metadata() for key in one} - core)

    def _column(self, field: str) -> npt.NDArray[Any]:
        if field not in SAMPLES.names:
            said = [one.get(field) for one in self.metadata()]
            if {*map(type, said)} <= {int, float}:  # compared at once where they are numbers throughout
                return np.array(said)
            values = np.empty(len(self), object)
            values[:] = said
            return values
        if pa.types.is_string(SAMPLES.field(field).type):
            return self._text(field)
        return np.asarray(self.table.column(field).to_numpy())

    def _text(self, field: str) -> npt.NDArray[np.object_]:
        values = np.empty(self.table.num_rows, object)
        values[:] = self.table.column(field).to_pylist()
        return values


class Labelled:
    """A view with one more field: `label`, the head annotation of each sample, None where there is none."""

    def __init__(self, view: View, truth: Truth) -> None:
        self._view = view
        self._truth = truth

    def __len__(self) -> int:
        return len(self._view)

    def fields(self) -> Sequence[str]:
        return [*self._view.fields(), "label"]

    def column(self, field: str) -> npt.NDArray[Any]:
        if field != "label":
            return self._view.column(field)
        label = self._truth.by_sample(self._view.table["id"])["label"].combine_chunks()
        known = np.array([*label.dictionary.to_pylist(), None], object)
        return np.asarray(known[label.indices.fill_null(len(known) - 1).to_numpy()])


def sample_id(caller: Caller, media_digest: str, address: Address = WHOLE) -> str:
    """The id of the sample at an address in a medium, by default the whole of it."""
    return derived_id("smp", caller.workspace, media_digest, address.key())


class Catalogue:
    """Samples by id, filter, page and content."""

    def __init__(self, records: Records, stores: Stores) -> None:
        self._records = records
        self._stores = stores
        self._truth = TruthReader(records)
        self._views: dict[str, View] = {}
        self._locks: dict[str, Lock] = defaultdict(Lock)

    def view(self, caller: Caller) -> View:
        """The samples as of now."""
        workspace = caller.workspace
        version = self.pointer(caller)
        with self._locks[workspace]:
            held = self._views.get(workspace)
            if held is None or held.version != version:
                held = View(version, self._read(workspace, version))
                self._views[workspace] = held
        return held

    def chosen(self, caller: Caller, where: Where | None) -> tuple[View, Mask]:
        """The view, and which of its rows a filter selects."""
        view = self.view(caller)
        return view, mask(self.labelled(caller, view) if where else view, where)

    def labelled(self, caller: Caller, view: View) -> Labelled:
        """The view with the labels of now."""
        return Labelled(view, self.truth(caller))

    def truth(self, caller: Caller, samples: Sequence[str] | None = None) -> Truth:
        """What is said of all samples now, or of these, read for them."""
        return self._truth.now(caller) if samples is None else self._truth.of(caller, samples)

    def pointer(self, caller: Caller) -> int | None:
        """The version of the samples that readers use now; None before the first."""
        with self._records.read() as connection:
            return pointer(connection, caller.workspace, SAMPLES_TABLE)

    def said_stamp(self, caller: Caller) -> int:
        """Rises whenever anything is said of a sample."""
        return self._truth.stamp(caller)

    def newest(self, caller: Caller, limit: int) -> tuple[pa.Table, int]:
        """The stored rows of the samples ingested last, the newest first, then by id; and how many samples there are.

        Of a workspace that is not in memory no more is read than the ids and times of all, and these rows.
        """
        version = self.pointer(caller)
        view = self._views.get(caller.workspace)
        if view is not None and view.version == version:
            return view.table.take(view.newest[:limit]), len(view)
        if version is None:
            return SAMPLES.empty_table(), 0
        tables = self._stores.workspace(caller.workspace).tables
        times = tables.read(SAMPLES_TABLE, version, columns=["id", "ingested_at"])
        rows = newest_rows(times, limit)
        return _whole(tables.take(SAMPLES_TABLE, version, rows.to_pylist())), len(times)

    def finder(self, caller: Caller) -> Callable[[str, str, str], str]:
        """A function from id, media digest and name (the first that is given counts) to a sample.

        A name may come without its folder and its ending. An empty text stands for none, and for several of the name.
        """
        view = self.view(caller)

        @cache
        def by_digest() -> dict[str, str]:
            media = zip(view.column("media_digest"), view.column("kind"), view.ids, strict=True)
            return {digest: str(one) for digest, kind, one in media if kind != "frame"}

        @cache
        def by_name() -> dict[str, str]:
            found: dict[str, str] = {}
            for name, sample in zip(view.column("name"), view.ids, strict=True):
                plain = PurePosixPath(name)
                for one in {name, plain.name, plain.stem}:
                    found[one] = "" if one in found else str(sample)
            return found

        def find(sample: str, digest: str, name: str) -> str:
            if sample:
                return sample if sample in view else ""
            return str(by_digest().get(digest, "")) if digest else by_name().get(name, "")

        return find

    def page(self, caller: Caller, where: Where | None, limit: int, cursor: str) -> Page[Sample]:
        """Up to `limit` samples by id, after the cursor."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"The limit is {limit}.", hint=f"Ask for 1 to {MAX_PAGE} samples.")
        view, selected = self.chosen(caller, where)
        numbers = np.flatnonzero(selected)
        numbers = numbers[numbers >= np.searchsorted(view.ids, cursor, "right")]
        items = tuple(view.samples(numbers[:limit].tolist()))
        return Page(items, items[-1].id if len(numbers) > limit else "")

    def groups(self, caller: Caller, where: Where | None, limit: int, cursor: str) -> Page[Group]:
        """Up to `limit` groups by id, after the cursor, of which the filter selects any sample; each is whole."""
        view, selected = self.chosen(caller, where)
        names = view.groups.names(selected)
        first = bisect_right(names, cursor)
        items = tuple(group_of(one, view.rows(view.groups.rows(one))) for one in names[first : first + limit])
        return Page(items, items[-1].id if len(names) > first + limit else "")

    def group(self, caller: Caller, sample: str) -> Group:
        """The group that a sample is of; one that is of none is alone in a group without a name."""
        view = self.view(caller)
        number = view.row_numbers([sample])[0]
        name = str(view.table["group"][number].as_py() or "")
        return group_of(name, view.rows(view.groups.rows(name) or [number]))

    def by_digest(self, caller: Caller, digests: Iterable[str]) -> dict[str, str]:
        """Sample id by media digest, for those that are samples as a whole medium."""
        view = self.view(caller)
        ids = {digest: sample_id(caller, digest) for digest in digests}
        return {digest: sample for digest, sample in ids.items() if sample in view}

    def stored(self, caller: Caller, ids: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Some columns of those of these samples that exist, by id, without loading the view."""
        version = self.pointer(caller)
        if version is None or not ids:
            return {}
        listed = ", ".join(f"'{one}'" for one in ids)
        found = self._stores.workspace(caller.workspace).tables.read(
            SAMPLES_TABLE, version, columns=["id", *columns], where=f"id IN ({listed})"
        )
        return {row["id"]: row for row in found.to_pylist()}

    def thumbnails(self, caller: Caller, ids: Sequence[str]) -> dict[str, str]:
        """The digests of the thumbnails of those of these samples that exist, by id."""
        view = self._views.get(caller.workspace)
        if view is None or view.version != self.pointer(caller):
            return {one: row["thumbnail_digest"] for one, row in self.stored(caller, ids, ["thumbnail_digest"]).items()}
        known = [one for one in ids if one in view]
        return dict(zip(known, view.column("thumbnail_digest")[view.row_numbers(known)].tolist(), strict=True))

    def _read(self, workspace: str, version: int | None) -> pa.Table:
        if version is None:
            return SAMPLES.empty_table()
        return _whole(self._stores.workspace(workspace).tables.read(SAMPLES_TABLE, version).sort_by("id"))


def _whole(table: pa.Table) -> pa.Table:
    """With columns of nulls for fields that are younger than the table."""
    for field in SAMPLES:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def newest_rows(table: pa.Table, limit: int, by: str = "-ingested_at") -> pa.Array:
    """Where the samples stand that come first by a column, by default the newest, then by id.

    Args:
        by: a column, the smallest first; with "-" before it the largest. Not a dictionary: pyarrow 26 dies of those.
    """
    keys = [(by.removeprefix("-"), "descending" if by.startswith("-") else "ascending"), ("id", "ascending")]
    return pc.select_k_unstable(table, k=min(limit, len(table)), sort_keys=keys)
