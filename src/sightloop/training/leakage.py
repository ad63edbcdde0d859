"""The leakage gate: what a model is tested on must not have taught it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sightloop.errors import Refused


def refuse_leakage(train: Iterable[str], test: Iterable[str], inseparable: Iterable[Sequence[str]]) -> None:
    """Returns silently; raises Refused where a sample, or two of one group, stand on both sides.

    Args:
        inseparable: groups of near-duplicates, and of samples of one moment.
    """
    taught, asked = set(train), set(test)
    shared = sorted(taught & asked)
    if shared:
        raise Refused(
            f"{len(shared)} samples stand both in the training split and in the test version.",
            hint="Take them out of one of the two; commit a new version.",
            samples=shared[:20],
        )
    parted = [list(group) for group in inseparable if taught & set(group) and asked & set(group)]
    if parted:
        raise Refused(
            f"{len(parted)} groups of near-duplicates or of one moment stand on both sides of training and test.",
            hint="Commit with splits, which keeps them together, or drop one side of each group.",
            groups=parted[:20],
        )
