"""Versions cost what they change, and stand on branches that are merged and taken back."""

from __future__ import annotations

import pytest

from sightloop.datasets import dealing
from sightloop.datasets.version_store import table_name
from sightloop.domain import DatasetVersion
from sightloop.errors import Conflict, InvalidInput, NotFound
from tests.specs.datasets.world import World, brighter, picture


def splits(world: World, version: DatasetVersion | str) -> dict[str, str]:
    reference = version if isinstance(version, str) else version.id
    return {one.sample: one.split for one in world.datasets.entries(world.caller, reference)}


def rows_written(world: World, version: DatasetVersion) -> int:
    tables = world.stores.workspace(world.caller.workspace).tables
    name = table_name(version.id)
    return tables.count(name, tables.latest(name) or 0)


@pytest.fixture
def cells(world: World) -> list[str]:
    """The ids of sixteen samples, all of them in the first version of a dataset."""
    ids = world.with_pictures(16).ids()
    world.commit(where={})
    return ids


def test_a_version_writes_what_it_changes_and_holds_everything(world: World, cells: list[str]) -> None:
    world.label({cells[3]: "defect"})
    second = world.commit(drop=[cells[0]])
    world.label({cells[3]: "ok", cells[4]: "ok"})
    third = world.commit()
    assert [rows_written(world, one) for one in (second, third)] == [2, 3]
    held = {one.sample: one.label for one in world.datasets.entries(world.caller, third.id)}
    assert held == dict.fromkeys(cells[1:], "") | {cells[3]: "ok", cells[4]: "ok"}
    assert (third.counts, third.label_counts) == ({"train": 15}, {"": 13, "ok": 2})
    assert world.datasets.diff(world.caller, second.id, third.id).relabelled == (cells[3], cells[4])
    assert world.datasets.diff(world.caller, third.parent, "cells@1").added == (cells[0],)
    assert world.datasets.check(world.caller.workspace) == []


def test_what_changed_much_is_written_whole_and_hashed_alike(world: World, cells: list[str]) -> None:
    world.label(dict.fromkeys(cells[:9], "ok"))
    grown = world.commit()
    assert rows_written(world, grown) == 16
    assert grown.hash == world.commit("fresh", where={}).hash


def test_a_few_new_samples_among_many_join_their_like(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = world.with_pictures(6).ids()
    world.commit(add={one: "test" if one == world.named("002.png") else "train" for one in ids})
    (world.folder / "again.png").write_bytes(brighter(picture(2), 2))
    (world.folder / "new.png").write_bytes(picture(50))
    world.ingest()
    monkeypatch.setattr(dealing, "FEW", 1)
    held = splits(world, world.commit(where={}))
    assert (held[world.named("again.png")], held[world.named("new.png")]) == ("test", "train")


def test_a_branch_goes_its_own_way(world: World, cells: list[str]) -> None:
    branch = world.datasets.branches.create(world.caller, "cells", "small")
    on_branch = world.commit(drop=cells[:3], branch="small")
    assert (branch.number, on_branch.number, on_branch.branch) == (1, 2, "small")
    assert len(splits(world, "cells@small")) == 13
    assert len(splits(world, "cells@latest")) == 16
    assert [one.name for one in world.datasets.branches.listed(world.caller, "cells")] == ["main", "small"]


def test_a_merge_brings_what_the_branch_changed_and_keeps_the_rest(world: World, cells: list[str]) -> None:
    branches = world.datasets.branches
    branches.create(world.caller, "cells", "small")
    world.commit(drop=cells[:2], branch="small")
    world.commit(drop=[cells[5]])
    merged = branches.merge(world.caller, "cells", "small")
    assert set(splits(world, merged)) == set(cells) - {cells[0], cells[1], cells[5]}
    assert merged.merged == world.datasets.version(world.caller, "cells@small").id
    assert branches.merge(world.caller, "cells", "small") == merged


def test_a_merge_names_what_both_placed_differently(world: World, cells: list[str]) -> None:
    branches = world.datasets.branches
    branches.create(world.caller, "cells", "other")
    world.commit(drop=[cells[0]])
    world.commit(add={cells[0]: "test"})
    world.commit(drop=[cells[0]], branch="other")
    with pytest.raises(Conflict, match=cells[0]):
        branches.merge(world.caller, "cells", "other")
    assert branches.merge(world.caller.keyed("a"), "cells", "other", prefer="ours").counts == {"test": 1, "train": 15}
    world.commit(drop=[cells[1]], branch="other")
    assert branches.merge(world.caller.keyed("b"), "cells", "other", prefer="theirs").counts == {"train": 14}


def test_going_back_makes_a_version_with_the_old_content(world: World, cells: list[str]) -> None:
    first = world.datasets.version(world.caller, "cells@1")
    world.commit(drop=cells[:2])
    back = world.datasets.branches.rollback(world.caller, "cells", "1")
    assert (back.number, back.hash, back.counts) == (3, first.hash, first.counts)
    assert splits(world, back) == splits(world, first)
    assert world.commit(drop=[cells[7]]).counts == {"train": 15}
    assert world.datasets.check(world.caller.workspace) == []


def test_branches_have_names_of_their_own(world: World, cells: list[str]) -> None:
    branches = world.datasets.branches
    branches.create(world.caller, "cells", "small")
    world.commit(drop=[cells[0]])
    with pytest.raises(Conflict):
        branches.create(world.caller, "cells", "small")
    for name in ("main", "latest", "3", "v3"):
        with pytest.raises(InvalidInput):
            branches.create(world.caller, "cells", name)
    with pytest.raises(NotFound, match="small"):
        world.commit(branch="smal")
