"""Samples that tell the same story stay on one side of training, or somebody says why not."""

from __future__ import annotations

import pytest

from sightloop.datasets import dealing
from sightloop.datasets.kinship import Kin, Kinship
from sightloop.errors import Refused
from tests.specs.datasets.world import World, brighter, picture


def test_kin_of_kin_are_one_group_led_by_the_first() -> None:
    found = Kinship(
        (Kin("subject", ("a", "b")), Kin("group", ("c", "d")), Kin("near-duplicates", ("b", "c")), Kin("x", ("e", "f")))
    )
    assert [sorted(one) for one in found.groups] == [["a", "b", "c", "d"], ["e", "f"]]
    assert found.groups[0][0] == "a"


@pytest.mark.parametrize("key", ["subject", "group", "patient", "asset", "person"])
def test_samples_of_one_thing_are_dealt_to_one_split(world: World, key: str) -> None:
    for i in range(12):
        (world.folder / f"{i:02}.png").write_bytes(picture(i))
    world.ingest({f"{i:02}.png": {key: f"P{i // 3}"} for i in range(12)})
    version = world.commit(where={}, splits={"train": 0.5, "test": 0.5})
    splits: dict[str, set[str]] = {}
    for one in world.datasets.entries(world.caller, version.id):
        sample = world.datasets.sample(world.caller, one.sample)
        thing = getattr(sample, key, "") or sample.metadata[key]
        splits.setdefault(thing, set()).add(one.split)
    assert [len(one) for one in splits.values()] == [1, 1, 1, 1]
    assert set(version.counts) == {"test", "train"}


def test_given_splits_that_part_kin_are_refused_by_name_and_mended_or_accepted(world: World) -> None:
    for i in range(3):
        (world.folder / f"{i}.png").write_bytes(picture(i))
    world.ingest({"0.png": {"subject": "P1"}, "1.png": {"subject": "P1"}})
    given = {world.named("0.png"): "train", world.named("1.png"): "test", world.named("2.png"): "test"}
    with pytest.raises(Refused, match=r'1 kin .* "0\.png" \(train\) and "1\.png" \(test\): subject') as refused:
        world.commit(add=given)
    assert refused.value.facts["pairs"] == [[world.named("0.png"), world.named("1.png"), "subject"]]
    assert world.datasets.versions(world.caller, "cells") == []
    version = world.commit(add=given, accept_leaks="the subject is a test chart")
    receipt = world.events.receipts(world.caller, kind="leak.accept")[0]
    assert (receipt.subject, receipt.inputs["because"]) == (version.id, "the subject is a test chart")
    assert receipt.evidence["pairs"][0]["why"] == "subject"
    assert world.commit(add=given | {world.named("1.png"): "train"}).id == version.id  # where it stands, it stays


def test_near_duplicates_that_are_given_apart_are_refused(world: World) -> None:
    (world.folder / "a.png").write_bytes(picture(1))
    (world.folder / "b.png").write_bytes(brighter(picture(1), 3))
    world.ingest()
    a, b = world.named("a.png"), world.named("b.png")
    with pytest.raises(Refused, match="near-duplicates"):
        world.commit(add={a: "train", b: "val"})
    assert world.commit("apart", add={a: "val", b: "test"}).counts == {"test": 1, "val": 1}


@pytest.mark.parametrize("few", [0, dealing.FEW], ids=["around what is new", "among all"])
def test_a_late_sample_joins_the_split_of_its_kin(world: World, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealing, "FEW", few)
    (world.folder / "a.png").write_bytes(picture(1))
    world.ingest({"a.png": {"asset": "pump-7", "captured_at": "2026-05-02T00:00:00+00:00"}})
    world.commit(add={world.named("a.png"): "test"})
    (world.folder / "late.png").write_bytes(picture(2))
    world.ingest({"late.png": {"asset": "pump-7", "captured_at": "2026-05-01T00:00:00+00:00"}})
    version = world.commit(where={}, splits={"train": 1.0})
    assert version.counts == {"test": 2}
