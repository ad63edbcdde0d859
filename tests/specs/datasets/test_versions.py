"""A version is immutable content under a hash; splits belong to it and keep near-duplicates together."""

from __future__ import annotations

import pytest

from sightloop.domain import new_id
from sightloop.errors import InvalidInput, NotEnoughData, NotFound
from tests.specs.datasets.world import World, brighter, picture


def test_a_version_holds_what_the_filter_selected_in_its_splits(world: World) -> None:
    version = world.with_pictures(10, cell_type=["mono", "poly"]).commit(
        where={"cell_type": "mono"}, splits={"train": 0.6, "test": 0.4}
    )
    assert version.counts == {"test": 2, "train": 3}
    assert version.label_counts == {"": 5}
    assert len(world.datasets.entries(world.caller, version.id, split="test")) == 2


def test_the_next_version_keeps_the_splits_and_adds(world: World) -> None:
    ids = world.with_pictures(6).ids()
    first = world.commit(add=dict.fromkeys(ids[:4], "test"))
    second = world.commit(add=dict.fromkeys(ids, "train"))
    assert (second.number, second.parent) == (2, first.id)
    assert second.counts == {"test": 4, "train": 2}
    assert world.datasets.diff(world.caller, first.id, second.id).added == tuple(ids[4:])


def test_nothing_new_gives_the_same_version(world: World) -> None:
    first = world.with_pictures(2).commit(where={})
    assert world.commit(where={}) == first


def test_a_commit_copies_the_labels_of_now(world: World) -> None:
    ids = world.with_pictures(3).ids()
    first = world.commit(where={})
    world.label({ids[0]: "defect"})
    second = world.commit()
    labelled = world.datasets.entries(world.caller, second.id, labelled=True)
    assert [(one.sample, one.label, one.origin) for one in labelled] == [(ids[0], "defect", "imported")]
    assert world.datasets.diff(world.caller, first.id, second.id).relabelled == (ids[0],)
    assert world.datasets.entries(world.caller, first.id, labelled=True) == []


def test_the_same_content_has_the_same_hash_in_another_workspace(world: World) -> None:
    other = world.elsewhere(new_id("wsp"), world.folder)
    hashes = [one.with_pictures(5).commit(where={}, splits={"a": 0.5, "b": 0.5}).hash for one in (world, other)]
    assert hashes[0] == hashes[1]


def test_the_hash_of_a_grown_version_is_that_of_a_fresh_one(world: World) -> None:
    ids = world.with_pictures(4).ids()
    world.commit(add=dict.fromkeys(ids[:2], "train"))
    grown = world.commit(add=dict.fromkeys(ids, "train"))
    fresh = world.commit("fresh", add=dict.fromkeys(ids, "train"))
    assert grown.hash == fresh.hash


def test_what_is_dropped_is_gone_from_the_next_version(world: World) -> None:
    ids = world.with_pictures(3).ids()
    first = world.commit(where={})
    second = world.commit(drop=[ids[0]])
    assert world.datasets.diff(world.caller, first.id, second.id).removed == (ids[0],)


def test_near_duplicates_stay_in_one_split(world: World) -> None:
    for i in range(10):
        (world.folder / f"{i}.png").write_bytes(picture(i))
        (world.folder / f"{i}-again.png").write_bytes(brighter(picture(i), 2))
    world.ingest()
    version = world.commit(where={}, splits={"train": 0.5, "test": 0.5})
    split = {one.sample: one.split for one in world.datasets.entries(world.caller, version.id)}
    groups = world.datasets.near_duplicates(world.caller).groups
    assert len(groups) == 10
    assert all(len({split[one] for one in group}) == 1 for group in groups)


def test_a_near_duplicate_of_an_old_entry_joins_its_split(world: World) -> None:
    old = world.with_pictures(1).ids()[0]
    world.commit(add={old: "test"})
    (world.folder / "again.png").write_bytes(brighter(picture(0), 2))
    world.ingest()
    assert world.commit(where={}, splits={"train": 1.0}).counts == {"test": 2}


def test_strata_keep_the_fractions_within_each_kind(world: World) -> None:
    world.with_pictures(20, cell_type=["mono", "mono", "mono", "poly"])
    version = world.commit(where={}, splits={"train": 0.8, "test": 0.2}, strata=["cell_type"])
    test = world.datasets.entries(world.caller, version.id, split="test")
    assert sorted(one.metadata["cell_type"] for one in test) == ["mono", "mono", "mono", "poly"]


def test_the_same_seed_deals_the_same_splits(world: World) -> None:
    world.with_pictures(12)
    hashes = [
        world.commit(name, where={}, splits={"a": 0.5, "b": 0.5}, seed=seed).hash
        for name, seed in (("x", 1), ("y", 1), ("z", 2))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_commit_under_one_key_is_done_once(world: World) -> None:
    ids = world.with_pictures(2).ids()
    world.commit(add={ids[0]: "train"})
    keyed = world.caller.keyed("commit")
    versions = {world.datasets.commit(keyed, "cells", add={ids[1]: "train"}).id for _ in range(2)}
    assert len(versions) == 1
    assert len(world.datasets.versions(world.caller, "cells")) == 2


@pytest.mark.parametrize("reference", ["cells", "cells@latest", "cells@2", "cells@v2"])
def test_a_version_is_found_by_name_and_number(world: World, reference: str) -> None:
    ids = world.with_pictures(2).ids()
    world.commit(add={ids[0]: "train"})
    assert world.commit(add={ids[1]: "train"}).id == world.datasets.version(world.caller, reference).id


def test_an_unknown_version_names_the_nearest(world: World) -> None:
    world.with_pictures(1).commit(where={})
    with pytest.raises(NotFound, match="cells@1"):
        world.datasets.version(world.caller, "cells@7")
    with pytest.raises(NotFound, match="cells"):
        world.datasets.version(world.caller, "cell")


def test_a_commit_of_nothing_and_of_an_unknown_field_are_errors(world: World) -> None:
    world.with_pictures(1)
    with pytest.raises(NotEnoughData):
        world.commit()
    with pytest.raises(InvalidInput, match="colour"):
        world.commit(where={}, strata=["colour"])


def test_a_new_list_of_classes_makes_the_next_version_of_a_schema(world: World) -> None:
    first, again, second = world.schema("a", "b"), world.schema("a", "b"), world.schema("a", "b", "c")
    assert first == again
    assert (second.name, second.version) == (first.name, 2)
    assert world.datasets.schema(world.caller, "states") == second
    assert world.datasets.schema(world.caller, first.id) == first


def test_a_whole_workspace_passes_its_check(world: World) -> None:
    world.with_pictures(3).commit(where={})
    workspace = world.caller.workspace
    held = set(world.stores.workspace(workspace).blobs.digests())
    assert world.datasets.check(workspace) == []
    assert world.datasets.references(workspace) == held


def test_a_lost_blob_and_a_damaged_version_are_found(world: World) -> None:
    version = world.with_pictures(1).commit(where={})
    store = world.stores.workspace(world.caller.workspace)
    store.blobs.delete(world.datasets.sample(world.caller, world.ids()[0]).media_digest)
    with world.events.change(world.caller, "test.damage", version.id) as change:
        change.connection.exec_driver_sql(f"UPDATE dataset_versions SET hash = 'x' WHERE id = '{version.id}'")
        change.emit("sightloop.test.damaged", {})
    problems = world.datasets.check(world.caller.workspace)
    assert ["missing" in problems[0], "not what was committed" in problems[1]] == [True, True]
