"""Which split each sample of the next version stands in; near-duplicates stay on one side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.filters import Where
from sightloop.datasets.kinship import Kinship, Leak, kinship, leaks
from sightloop.datasets.merkle import canonical
from sightloop.datasets.schemas import check_name
from sightloop.datasets.similarity import Similarity
from sightloop.domain import Caller
from sightloop.errors import InvalidInput
from sightloop.vision import split

DEFAULT_SPLIT: Final = "train"
FEW: Final = 1000  # members for each new sample, from which on only what is near to the new ones is looked at


class Members(Protocol):
    """What the next version takes over."""

    def __len__(self) -> int:
        """At most so many."""

    def splits(self, samples: Collection[str] | None = None) -> dict[str, str]:
        """The splits of those of these samples that are members; of all members by default."""

    def outside(self, samples: Sequence[str]) -> list[str]:
        """Those of these samples that are no members, in their order."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Split by new sample; what the splits part that belongs together; who was left out."""

    splits: Mapping[str, str]
    leaks: tuple[Leak, ...] = ()
    unfit: frozenset[str] = frozenset()


class Dealer:
    """Places samples: those of the version before stay, given ones go where they are told, the rest are dealt."""

    def __init__(self, catalogue: Catalogue, similarity: Similarity) -> None:
        self._catalogue = catalogue
        self._similarity = similarity

    def place(
        self,
        caller: Caller,
        members: Members,
        add: Mapping[str, str],
        where: Where | None,
        fractions: Mapping[str, float] | None,
        strata: Sequence[str],
        seed: int,
        unfit: Callable[[Sequence[str]], frozenset[str]],
    ) -> Placement:
        """The splits of what is new in the next version; what `where` selects anew is dealt, what is unfit left out."""
        fractions = fractions or {DEFAULT_SPLIT: 1.0}
        for name in {*add.values(), *fractions}:
            check_name("split", name)
        split((), (), fractions, seed)  # what does not sum to 1 is refused, also where nothing is dealt
        view = self._catalogue.view(caller)
        view.row_numbers(add)
        held = members.splits(add) if add else {}
        given = {one: split for one, split in add.items() if one not in held}
        chosen: list[str] = []
        if where is not None:
            selected = self._catalogue.chosen(caller, where)[1]
            chosen = [one for one in members.outside(view.ids[selected].tolist()) if one not in given]
        out = unfit([*given, *chosen])
        given = {one: split for one, split in given.items() if one not in out}
        chosen = [one for one in chosen if one not in out]
        if not given and not chosen:
            return Placement({}, (), out)
        kin, placed = self._kin(caller, view, members, [*given, *chosen])
        placed = {**placed, **given}
        numbers = view.row_numbers(chosen)
        media = dict(zip(chosen, view.column("media_digest")[numbers].tolist(), strict=True))
        dealt = self._deal(caller, view, media, placed, kin.groups, fractions, strata, seed)
        return Placement({**given, **dealt}, leaks(placed | dealt, kin, [*given, *dealt]), out)

    def _kin(self, caller: Caller, view: View, members: Members, new: Sequence[str]) -> tuple[Kinship, dict[str, str]]:
        """What stays together, and the splits of the members in it; where few are new, what is kin to these."""
        if len(members) < FEW * len(new):
            placed = members.splits()
            numbers = view.row_numbers([*placed, *new])
            rows = np.array(numbers, np.int64)
            return kinship(view, self._similarity.group(caller, view, rows).groups, rows), placed
        numbers = view.row_numbers(new)
        around = kinship(view, self._similarity.group_around(caller, view, numbers), around=np.array(numbers, np.int64))
        placed = members.splits({one for kin in around.found for one in kin.samples})
        return around.among({*placed, *new}), placed

    def _deal(
        self,
        caller: Caller,
        view: View,
        media: Mapping[str, str],
        placed: Mapping[str, str],
        groups: Iterable[Sequence[str]],
        fractions: Mapping[str, float],
        strata: Sequence[str],
        seed: int,
    ) -> dict[str, str]:
        """A split for each sample in `media`: that of its kin which has one, else dealt, groups kept whole.

        Order and group names come from the content, so that ids do not decide.
        """
        leader = {one: group[0] for group in groups for one in group}
        decided: dict[str, str] = {}
        for one in sorted(placed):
            decided.setdefault(leader.get(one, one), placed[one])
        ordered = sorted(media, key=media.__getitem__)
        joined = {one: decided[leader.get(one, one)] for one in ordered if leader.get(one, one) in decided}
        rest = [one for one in ordered if one not in joined]
        names: dict[str, str] = {}
        named = [names.setdefault(leader.get(one, one), media[one]) for one in rest]
        kinds = self._strata(caller, view, rest, strata)
        return joined | dict(zip(rest, split(named, kinds, fractions, seed), strict=True))

    def _strata(self, caller: Caller, view: View, samples: Sequence[str], fields: Sequence[str]) -> list[str]:
        columns = self._catalogue.labelled(caller, view)
        unknown = [name for name in fields if name not in columns.fields()]
        if unknown:
            raise InvalidInput(
                f'There is no field "{unknown[0]}" to divide by.', hint=f"Fields: {', '.join(columns.fields())}."
            )
        numbers = view.row_numbers(samples)
        return [canonical([str(columns.column(name)[i]) for name in fields]) for i in numbers]
