"""The leakage gate: what a model is tested on must not have taught it."""

from __future__ import annotations

from collections.abc import Iterable

from sightloop.datasets import Kin
from sightloop.errors import Refused

SHOWN = 20


def refuse_leakage(train: Iterable[str], test: Iterable[str], kin: Iterable[Kin], *, accepted: bool = False) -> int:
    """How many kin stand on both sides, which somebody accepted.

    Raises:
        Refused: a sample stands on both sides; or kin do, and nobody accepted it. The message names the first pair.
    """
    taught, asked = set(train), set(test)
    shared = sorted(taught & asked)
    if shared:
        raise Refused(
            f"{len(shared)} samples stand both in the training split and in the test version.",
            hint="Take them out of one of the two; commit a new version.",
            samples=shared[:SHOWN],
        )
    parted = [
        (one.why, next(s for s in one.samples if s in taught), next(s for s in one.samples if s in asked))
        for one in kin
        if not taught.isdisjoint(one.samples) and not asked.isdisjoint(one.samples)
    ]
    if parted and not accepted:
        first = ", ".join(sorted({why for why, _, _ in parted}))
        why, a, b = parted[0]
        raise Refused(
            f"{len(parted)} kin stand on both sides of training and test ({first}), such as {a} and {b}: {why}.",
            hint="Commit with splits, which keeps kin together, or drop one side of each; or accept it and say why.",
            pairs=[[a, b, why] for why, a, b in parted[:SHOWN]],
        )
    return len(parted)
