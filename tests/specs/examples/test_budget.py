"""The demo's data budget on all 2,624 cells: what trains, judges and is compared with never meets."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

import pytest

from examples.solar_cells import elpv
from examples.solar_cells.budget import meetings
from examples.solar_cells.story import BUDGET, SEED
from sightloop.vision import split


@pytest.fixture(scope="module")
def digests() -> dict[str, list[str]]:
    """Media digests of the clear cells by type: what the dealing goes by."""
    found: dict[str, list[str]] = {kind: [] for kind in BUDGET}
    for cell in elpv.read_cells():
        if cell.clear:
            found[cell.cell_type].append(sha256((elpv.image_folder() / cell.name).read_bytes()).hexdigest())
    return {kind: sorted(set(of_kind)) for kind, of_kind in found.items()}


def deal(kind: str, media: list[str], groups: list[str]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {f"{kind} {name}": [] for name in BUDGET[kind]}
    for one, name in zip(media, split(groups, [kind] * len(media), BUDGET[kind], SEED), strict=True):
        parts[f"{kind} {name}"].append(one)
    return parts


def test_no_two_parts_share_a_cell_within_or_across_types(digests: dict[str, list[str]]) -> None:
    parts = {name: part for kind, media in digests.items() for name, part in deal(kind, media, media).items()}
    assert meetings(parts, ()) == []
    assert sum(map(len, parts.values())) == sum(map(len, digests.values()))


@pytest.mark.parametrize("kind", BUDGET)
def test_each_part_has_the_size_that_the_budget_says(digests: dict[str, list[str]], kind: str) -> None:
    media = digests[kind]
    sizes = {name: len(part) for name, part in deal(kind, media, media).items()}
    assert sizes == {f"{kind} {name}": pytest.approx(share * len(media), abs=1) for name, share in BUDGET[kind].items()}


@pytest.mark.parametrize("kind", BUDGET)
def test_near_duplicates_stay_together(digests: dict[str, list[str]], kind: str) -> None:
    media = digests[kind]
    leaders = [media[place - place % 3] for place in range(len(media))]
    groups = [media[place : place + 3] for place in range(0, len(media), 3)]
    parts = deal(kind, media, leaders)
    assert meetings(parts, groups) == []
    assert Counter(map(bool, parts.values())) == {True: len(BUDGET[kind])}


@pytest.mark.parametrize(
    ("parts", "groups"),
    [({"train": ["a", "b"], "test": ["b"]}, []), ({"train": ["a"], "test": ["b"], "reference": ["c"]}, [["b", "a"]])],
)
def test_a_shared_sample_and_a_shared_near_duplicate_are_found(
    parts: dict[str, list[str]], groups: list[list[str]]
) -> None:
    assert meetings(parts, groups) == ["test and train share 1 samples or groups of near-duplicates."]
