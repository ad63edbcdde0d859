"""The data budget (BOUNDS.md section 6): what trains is never what judges or what a monitor compares with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def check_budget(ws: Any) -> list[str]:
    """What is wrong with the budget of a workspace in which the loop ran; empty where nothing is.

    Training is the split "train" of the newest "cells"; judged is all of the newest "cells-test"; held out are the split
    "reference" of "cells" and what each cycle held out for its new reference.
    """
    parts: dict[str, set[str]] = {"train": set(), "test": set(), "reference": set()}
    for entry in ws.datasets.entries("cells@latest"):
        if entry.split in parts:
            parts[entry.split].add(entry.sample)
    parts["test"] |= {entry.sample for entry in ws.datasets.entries("cells-test@latest")}
    for cycle in ws.loop.cycles():
        parts["reference"] |= set(cycle.facts.get("held_out", ()))
    return meetings(parts, ws.samples.near_duplicates().groups)


def meetings(parts: Mapping[str, Iterable[str]], groups: Iterable[Iterable[str]]) -> list[str]:
    """One sentence for each two parts that share a sample or a group of near-duplicates."""
    alike = {sample: f"group {number}" for number, group in enumerate(groups) for sample in group}
    kept = {name: {alike.get(sample, sample) for sample in samples} for name, samples in parts.items()}
    names = sorted(kept)
    return [
        f"{one} and {other} share {len(kept[one] & kept[other])} samples or groups of near-duplicates."
        for place, one in enumerate(names)
        for other in names[place + 1 :]
        if kept[one] & kept[other]
    ]
