"""Samples of one moment: what stands in which slot of a group, and the samples that may not be parted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sightloop.datasets.grouping import Slots, grouped

PICTURES: Final = ("image", "frame")
_TOLD: Final = ("id", "name", "captured_at", "group", "slot")


@dataclass(frozen=True, slots=True)
class Member:
    """One sample of a group."""

    sample: str
    slot: str
    name: str
    kind: str
    captured_at: str


@dataclass(frozen=True, slots=True)
class Group:
    """Samples of one moment, the main one first, then pictures before all else, by slot.

    Attributes:
        id: what the manifest calls it, or the sample that it was formed around.
    """

    id: str
    members: tuple[Member, ...]


class GroupIndex:
    """The groups of rows of the table "samples".

    Attributes:
        number: int32 (N,), the same for the rows of one group, -1 for those in none.
        place: int32 (N,), the place of each row in its group: 0 is the main one, that of which the group has its name,
            else a picture; -1 for those in none.
    """

    def __init__(self, table: pa.Table) -> None:
        names = pc.dictionary_encode(table["group"].combine_chunks())
        held = pc.fill_null(pc.not_equal(table["group"], ""), False).combine_chunks().to_numpy(zero_copy_only=False)
        self.number: npt.NDArray[np.int32] = np.where(held, names.indices.fill_null(-1).to_numpy(), -1).astype(np.int32)
        self.place: npt.NDArray[np.int32] = np.full(len(table), -1, np.int32)
        rows = np.flatnonzero(held)
        self._names: list[str] = names.dictionary.to_pylist()
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._order = rows
        if not len(rows):
            return
        inside = table.select(["id", "group", "slot", "kind"]).take(rows)
        other = pc.not_equal(inside["id"], inside["group"]).to_numpy()
        blind = pc.invert(pc.is_in(inside["kind"], pa.array(PICTURES))).to_numpy()
        slots = np.unique(inside["slot"].fill_null("").to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
        self._order = rows[np.lexsort((slots[1], blind, other, self.number[rows]))]
        ordered = self.number[self._order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.place[self._order] = np.arange(len(ordered)) - np.repeat(starts, np.diff([*starts, len(ordered)]))

    def names(self, selected: npt.NDArray[np.bool_] | None = None) -> list[str]:
        """The groups of which any of the selected rows is a part, sorted."""
        numbers = np.unique(self.number if selected is None else self.number[selected])
        return sorted(self._names[i] for i in numbers if i >= 0)

    def rows(self, group: str) -> list[int]:
        """The rows of a group in order of their places; none where there is no such group."""
        number = self._numbers.get(group)
        if not group or number is None:
            return []
        ordered = self.number[self._order]
        first, last = np.searchsorted(ordered, number + np.array([0, 1]))
        found: list[int] = self._order[first:last].tolist()
        return found

    def parts(self) -> Iterator[npt.NDArray[np.intp]]:
        """The rows of each group that has more than one."""
        ordered = self.number[self._order]
        cuts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        yield from (one for one in np.split(self._order, cuts) if len(one) > 1)


def group_of(name: str, rows: Iterable[Mapping[str, Any]]) -> Group:
    """The group of these stored rows."""
    fields = ("slot", "name", "kind", "captured_at")
    return Group(name, tuple(Member(row["id"], *(row[field] or "" for field in fields)) for row in rows))


def joined(*groupings: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """The groups of several groupings, those that share a sample made one; each sorted, in order of their first."""
    leader: dict[str, str] = {}

    def top(one: str) -> str:
        while (above := leader.setdefault(one, one)) != one:
            leader[one] = leader[above]
            one = above
        return one

    for group in (group for grouping in groupings for group in grouping):
        for one in group[1:]:
            low, high = sorted((top(group[0]), top(one)))
            leader[high] = low
    found: dict[str, list[str]] = defaultdict(list)
    for one in sorted(leader):
        found[top(one)].append(one)
    return tuple(tuple(one) for one in found.values())


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What becomes of a source's samples: the new group and slot by row, and how many stand how, by slot."""

    changed: Mapping[int, tuple[str, str]]
    groups: int
    alone: Mapping[str, int]


def regrouped(table: pa.Table, source: str, plan: Mapping[str, Any]) -> Regrouped:
    """What grouping all samples of a source anew changes; what a manifest says of group and slot stands."""
    rows = pc.indices_nonzero(pc.fill_null(pc.equal(table["source"], source), False))
    told = table.select(_TOLD).take(rows).to_pylist()
    own = {row["id"] for row in told}
    slots = Slots(plan)
    shots, numbers = [], {}
    for number, row in zip(rows.to_pylist(), told, strict=True):
        if not row["group"] or row["group"] in own:
            shot = slots.shot(row["id"], row["name"], row["captured_at"])
            numbers[row["id"]] = (number, row["group"] or "", row["slot"] or "")
            shots += [shot] if shot else []
    found = grouped(shots, plan)
    changed = {}
    for sample, (number, *before) in numbers.items():
        after = found.placed.get(sample, ("", before[1] if not before[0] else ""))
        if list(after) != before:
            changed[number] = after
    return Regrouped(changed, len({group for group, _ in found.placed.values()}), dict(Counter(found.alone)))
