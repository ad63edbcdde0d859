"""Which split each sample of the next version stands in; near-duplicates, and samples of one moment, stay together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.filters import Where
from sightloop.datasets.groups import joined
from sightloop.datasets.merkle import canonical
from sightloop.datasets.schemas import check_name
from sightloop.datasets.similarity import Similarity
from sightloop.domain import Caller
from sightloop.errors import InvalidInput
from sightloop.vision import split

DEFAULT_SPLIT: Final = "train"


@dataclass(frozen=True, slots=True)
class Placement:
    """Split by sample; how many groups (near-duplicates, samples of one moment) the splits part; who was left out."""

    splits: Mapping[str, str]
    parted: int
    unfit: frozenset[str] = frozenset()


class Dealer:
    """Places samples: those of the version before stay, given ones go where they are told, the rest are dealt."""

    def __init__(self, catalogue: Catalogue, similarity: Similarity) -> None:
        self._catalogue = catalogue
        self._similarity = similarity

    def place(
        self,
        caller: Caller,
        kept: Mapping[str, str],
        add: Mapping[str, str],
        where: Where | None,
        fractions: Mapping[str, float] | None,
        strata: Sequence[str],
        seed: int,
        unfit: Callable[[Sequence[str]], frozenset[str]],
    ) -> Placement:
        """All samples of the next version; what the filter `where` selects anew is dealt, what is unfit left out."""
        fractions = fractions or {DEFAULT_SPLIT: 1.0}
        for name in {*add.values(), *fractions}:
            check_name("split", name)
        view, selected = self._catalogue.chosen(caller, where)
        placed = {**add, **kept}
        chosen = [str(one) for one in view.ids[selected] if one not in placed] if where is not None else []
        view.row_numbers(placed)
        out = unfit([*(one for one in add if one not in kept), *chosen])
        placed = {one: split for one, split in placed.items() if one not in out}
        chosen = [one for one in chosen if one not in out]
        numbers = view.row_numbers([*placed, *chosen])
        if len(placed) > len(kept) or chosen:
            alike = self._similarity.group(caller, view, np.array(numbers, np.int64)).groups
            inside = np.zeros(len(view), bool)
            inside[numbers] = True
            groups = joined(alike, (view.ids[rows[inside[rows]]].tolist() for rows in view.groups.parts()))
        else:
            groups = ()
        media = dict(
            zip(chosen, (str(one) for one in view.column("media_digest")[view.row_numbers(chosen)]), strict=True)
        )
        placed |= self._deal(caller, view, media, placed, groups, fractions, strata, seed)
        return Placement(placed, sum(len({placed[one] for one in group}) > 1 for group in groups), out)

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
        """A split for each sample in `media`: that of one of its group which has one, else dealt, groups kept whole.

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
