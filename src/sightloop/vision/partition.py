"""Splits that keep what belongs together on one side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sightloop.vision.evidence import require


def split(
    groups: Sequence[int | str] | npt.NDArray[np.int64],
    strata: Sequence[int | str] | npt.NDArray[np.int64],
    fractions: Mapping[str, float],
    seed: int,
) -> list[str]:
    """The split of each item: no group stands in two splits, and each stratum is divided close to the fractions.

    Groups are dealt in a random order fixed by the seed, larger ones first, each to the split that lacks most of the
    group's own strata. The fractions sum to 1. The same input in another order gives the same splits only if the
    groups keep their names: ties are broken by them.
    """
    require(len(groups) == len(strata), "Groups and strata differ in length.", "Give one stratum per item.")
    total = sum(fractions.values())
    sums = bool(fractions) and abs(total - 1) < 1e-6 and min(fractions.values()) >= 0
    require(sums, f"The fractions sum to {total:g}.", "Give non-negative fractions that sum to 1.")
    if not len(groups):
        return []
    names = [name for name, fraction in fractions.items() if fraction > 0]
    group_names, group = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    stratum_names, stratum = np.unique(np.asarray(strata).astype(str), return_inverse=True)
    members = np.zeros((len(group_names), len(stratum_names)), np.int64)
    np.add.at(members, (group, stratum), 1)
    lacking = np.outer(np.array([fractions[name] for name in names]), members.sum(axis=0))
    order = np.random.default_rng(seed).permutation(len(group_names))
    order = order[np.argsort(-members[order].sum(axis=1), kind="stable")]
    assigned = np.empty(len(group_names), np.int64)
    for g in order:
        assigned[g] = int((lacking @ members[g]).argmax())
        lacking[assigned[g]] -= members[g]
    return [names[i] for i in assigned[group]]
