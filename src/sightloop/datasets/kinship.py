"""Which samples tell the same story, so that a model taught on one is not asked about the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow.compute as pc

from sightloop.datasets.catalogue import View
from sightloop.datasets.groups import joined
from sightloop.errors import Refused

Rows = npt.NDArray[np.int64]
TAUGHT: Final = "train"
NEAR: Final = "near-duplicates"
_FACETS: Final = ("asset", "patient", "person")
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Kin:
    """Samples that belong together. `why`: near-duplicates, medium, group, subject, or the kind of an entity."""

    why: str
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Kinship:
    """All kin among some samples; a sample may be of several."""

    found: tuple[Kin, ...]

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The samples that hang together by whatever kin, each in one group; the first of a group leads it."""
        near = tuple(one.samples for one in self.found if one.why == NEAR)
        return near if len(near) == len(self.found) else joined(one.samples for one in self.found)

    def among(self, samples: Collection[str]) -> Kinship:
        """The kin among these samples only."""
        some = [Kin(kin.why, tuple(one for one in kin.samples if one in samples)) for kin in self.found]
        return Kinship(tuple(kin for kin in some if len(kin.samples) > 1))


@dataclass(frozen=True, slots=True)
class Leak:
    """Two samples that belong together and stand in two splits, the first of each kin that a version parts."""

    why: str
    first: str
    second: str
    splits: tuple[str, str]


def kinship(
    view: View, near: Iterable[Sequence[str]], rows: Rows | None = None, *, around: Rows | None = None
) -> Kinship:
    """The kin among these rows of the view, or among all and then only those around some; near-duplicates first.

    Args:
        near: groups of near-duplicates.
    """
    inside = np.full(len(view), rows is None)
    if rows is not None:
        inside[rows] = True
    found = [Kin(NEAR, tuple(group)) for group in near if len(group) > 1]
    for why, field in (("medium", "media_digest"), ("group", "group"), ("subject", "subject")):
        column = view.table[field]
        held = inside if around is None else pc.is_in(column, column.take(around).combine_chunks()).to_numpy()
        numbers = np.flatnonzero(held)
        found += _alike(why, view, zip(numbers.tolist(), column.take(numbers).to_pylist(), strict=True), around)
    made = [(i, one.get("derived_from", "")) for i, one in _parsed(view, "metadata", '"derived_from":').items()]
    origins = sorted({str(one) for _, one in made if one in view})
    made += zip(view.row_numbers(origins), origins, strict=True)
    found += _alike("transform", view, (pair for pair in made if inside[pair[0]]), around)
    entities = _parsed(view, "entities", '":"')
    for kind in sorted({*_FACETS, *(kind for one in entities.values() for kind in one)}):
        told = [(i, one[kind]) for i, one in entities.items() if kind in one]
        told += [(i, one.get(kind)) for i, one in _parsed(view, "metadata", f'"{kind}":').items()]
        found += _alike(kind, view, (pair for pair in told if inside[pair[0]]), around)
    return Kinship(tuple(found))


def _parsed(view: View, column: str, holding: str) -> dict[int, dict[str, Any]]:
    """The JSON objects of a column, by row, in which these characters stand."""
    texts = view.table[column]
    numbers = np.flatnonzero(pc.fill_null(pc.match_substring(texts, holding), False).to_numpy())
    return {i: orjson.loads(text) for i, text in zip(numbers.tolist(), texts.take(numbers).to_pylist(), strict=True)}


def leaks(placed: Mapping[str, str], kin: Kinship, fresh: Iterable[str]) -> tuple[Leak, ...]:
    """What the splits part: training on one side, any other split on the other, one of them among the fresh."""
    new, parted = set(fresh), []
    for one in kin.found:
        taught = [sample for sample in one.samples if placed.get(sample) == TAUGHT]
        asked = [sample for sample in one.samples if placed.get(sample, TAUGHT) != TAUGHT]
        pair = next(((a, b) for a in taught for b in asked if a in new or b in new), None) if taught and asked else None
        if pair:
            parted.append(Leak(one.why, *pair, (placed[pair[0]], placed[pair[1]])))
    return tuple(parted)


def refuse_leaks(view: View, found: Sequence[Leak]) -> None:
    """Returns silently where there are none; else raises Refused, which names the pairs and how to mend them."""
    if not found:
        return
    names = view.column("name")
    told = [
        f'"{names[a]}" ({one.splits[0]}) and "{names[b]}" ({one.splits[1]}): {one.why}'
        for one in found[:3]
        for a, b in [view.row_numbers([one.first, one.second])]
    ]
    raise Refused(
        f"{len(found)} kin stand on both sides of training: {'; '.join(told)}.",
        hint="Let `splits` deal them, which keeps kin together, or drop one side; or accept it and say why.",
        pairs=[[one.first, one.second, one.why] for one in found[:_SHOWN]],
    )


def _alike(why: str, view: View, values: Iterable[tuple[int, Any]], around: Rows | None) -> list[Kin]:
    together: dict[Any, list[int]] = defaultdict(list)
    for number, value in values:
        if value is not None and value != "":
            together[value].append(number)
    new = None if around is None else set(around.tolist())
    alike = [some for some in together.values() if len(some) > 1 and (new is None or not new.isdisjoint(some))]
    return [Kin(why, tuple(str(view.ids[i]) for i in some)) for some in alike]
