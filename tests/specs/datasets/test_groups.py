"""Samples of one moment are one group: by name, by time, by manifest; a group is never parted."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from sightloop.datasets.grouping import Shot, Slots, check_grouping, grouped
from sightloop.datasets.groups import joined
from sightloop.errors import InvalidInput
from tests.specs.datasets.world import World, brighter, picture

RIG = {"slots": {"left": "left/*.png", "right": "right/*.png"}, "anchor": "left"}
TIMED = {**RIG, "within_s": 0.05, "time": "name"}


def shots(plan: dict[str, Any], *names: str) -> list[Shot]:
    slots = Slots(plan)
    return [shot for name in names if (shot := slots.shot(name, name, ""))]


def at(ms: int) -> str:
    return f"{1_700_000_000_000 + ms}.png"


def test_names_that_agree_under_the_stars_are_of_one_moment() -> None:
    plan = {"slots": {"left": "*/left/*.png", "lidar": "*/lidar/*.bin"}, "anchor": "left"}
    found = grouped(shots(plan, "a/left/1.png", "b/left/1.png", "b/lidar/1.bin", "a/lidar/2.bin"), plan)
    assert found.placed == {"b/left/1.png": ("b/left/1.png", "left"), "b/lidar/1.bin": ("b/left/1.png", "lidar")}
    assert found.alone == {"left": 1, "lidar": 1}


def test_a_star_stays_within_one_folder_and_a_bare_folder_holds_all_below_it() -> None:
    slots = Slots({"slots": {"cam": "cam/*.png", "lidar": "lidar"}, "anchor": "cam"})
    assert slots.shot("x", "cam/deep/1.png", "") is None
    assert (slots.shot("x", "lidar/deep/1.bin", "") or Shot("", "", "")).key == ("deep/1",)


def test_each_joins_the_anchor_nearest_in_time_and_nobody_is_in_two_groups() -> None:
    names = [f"left/{at(0)}", f"left/{at(100)}", f"right/{at(60)}", f"right/{at(98)}", f"right/{at(-40)}"]
    found = grouped(shots(TIMED, *names), TIMED)
    assert found.placed[f"right/{at(98)}"][0] == f"left/{at(100)}"
    assert found.placed[f"right/{at(-40)}"][0] == f"left/{at(0)}"
    assert f"right/{at(60)}" not in found.placed
    assert found.alone == {"right": 1}


def test_of_two_anchors_as_near_the_earlier_takes_it() -> None:
    found = grouped(shots(TIMED, f"left/{at(0)}", f"left/{at(40)}", f"right/{at(20)}"), TIMED)
    assert found.placed[f"right/{at(20)}"][0] == f"left/{at(0)}"


@pytest.mark.parametrize(("ms", "together"), [(50, True), (51, False)])
def test_the_tolerance_itself_is_within_it(ms: int, together: bool) -> None:
    assert bool(grouped(shots(TIMED, f"left/{at(0)}", f"right/{at(ms)}"), TIMED).placed) is together


def test_the_order_in_which_samples_are_looked_at_decides_nothing() -> None:
    random = Random(7)
    names = [f"{slot}/{at(random.randrange(4000))}" for slot in ("left", "right") for _ in range(200)]
    one = shots(TIMED, *dict.fromkeys(names))
    other = random.sample(one, len(one))
    assert grouped(one, TIMED) == grouped(other, TIMED)


def test_every_pairing_is_within_the_tolerance_and_a_slot_holds_one() -> None:
    random = Random(8)
    times = {slot: random.sample(range(6000), 150) for slot in ("left", "right")}
    held = shots(TIMED, *(f"{slot}/{at(ms)}" for slot, found in times.items() for ms in found))
    at_ns = {one.sample: one.at_ns or 0 for one in held}
    placed = grouped(held, TIMED).placed
    assert len(placed) > 100
    assert all(abs(at_ns[one] - at_ns[leader]) <= 50_000_000 for one, (leader, _) in placed.items())
    assert len(set(placed.values())) == len(placed)


def test_a_sample_without_a_time_is_alone() -> None:
    plan = {**RIG, "within_s": 1}
    assert grouped(shots(plan, "left/1.png", "right/1.png"), plan).alone == {"left": 1, "right": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": {"left": "a"}, "anchor": "left"},
        {**RIG, "anchor": "lidar"},
        {**RIG, "within_s": 0},
        {**RIG, "within_s": True},
        {**RIG, "time": "guess"},
        {**RIG, "slots": {"left": "*a" * 7, "right": "b"}},
        {"anchor": "left"},
        [RIG],
    ],
)
def test_a_grouping_that_says_nothing_clear_is_an_error(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        check_grouping(wrong)


def test_groupings_that_share_a_sample_become_one_group() -> None:
    assert joined([("b", "c"), ("d", "e")], [("a", "b"), ("x",)]) == (("a", "b", "c"), ("d", "e"))


def rig(world: World, moments: int) -> World:
    """Pictures of two cameras at so many moments; the last of the right camera is missing."""
    for slot, seed in (("left", 0), ("right", 100)):
        (world.folder / slot).mkdir(exist_ok=True)
        for i in range(moments - (slot == "right")):
            (world.folder / slot / f"{i:03}.png").write_bytes(picture(seed + i))
    return world


def test_an_ingest_makes_groups_and_says_what_is_alone(world: World) -> None:
    output = rig(world, 3).ingest(group=RIG)
    assert (output["groups"], output["alone"]) == (2, {"left": 1})
    first = world.datasets.groups(world.caller).items[0]
    assert [one.slot for one in first.members] == ["left", "right"]
    assert first.id == first.members[0].sample
    assert world.datasets.group(world.caller, first.members[1].sample) == first
    assert not world.datasets.check(world.caller.workspace)


def test_what_comes_later_and_nearer_takes_the_place(world: World) -> None:
    for slot, ms in (("left", 0), ("right", 40)):
        (world.folder / slot).mkdir()
        (world.folder / slot / at(ms)).write_bytes(picture(ms))
    world.ingest(group=TIMED, name="rig")
    (world.folder / "right" / at(10)).write_bytes(picture(10))
    output = world.ingest(group=TIMED, name="rig")
    assert (output["groups"], output["alone"]) == (1, {"right": 1})
    members = world.datasets.groups(world.caller).items[0].members
    assert [one.name for one in members] == [f"left/{at(0)}", f"right/{at(10)}"]
    late = world.datasets.group(world.caller, world.named(f"right/{at(40)}"))
    assert (late.id, len(late.members)) == ("", 1)


def test_what_a_manifest_says_of_a_group_stands(world: World) -> None:
    rig(world, 2)
    said = {f"{slot}/000.png": {"group": "start", "slot": slot} for slot in ("left", "right")}
    (world.folder / "manifest.json").write_text(json.dumps(said))
    assert world.ingest(group=RIG)["groups"] == 0
    assert [one.id for one in world.datasets.groups(world.caller).items] == ["start"]


def test_groups_come_page_by_page_and_by_filter(world: World) -> None:
    rig(world, 5).ingest(group=RIG)
    first = world.datasets.groups(world.caller, None, 3)
    rest = world.datasets.groups(world.caller, None, 3, first.cursor)
    ids = [one.id for one in (*first.items, *rest.items)]
    assert (len(first.items), len(rest.items), rest.cursor) == (3, 1, "")
    assert ids == sorted(set(ids))
    only = world.datasets.groups(world.caller, {"name": "right/001.png"}).items
    assert [[one.name for one in group.members] for group in only] == [["left/001.png", "right/001.png"]]


def test_the_columns_tell_the_group_and_the_place_in_it(world: World) -> None:
    rig(world, 2).ingest(group=RIG)
    for newest in (0, 10):
        table = world.columns(newest=newest).table
        told = {row["name"]: (row["group"], row["place"], row["slot"]) for row in table.to_pylist()}
        assert told["left/001.png"][:2] == (None, None)
        assert told["left/000.png"][0] == told["right/000.png"][0]
        assert (told["left/000.png"][1:], told["right/000.png"][1:]) == ((0, "left"), (1, "right"))


def test_a_moment_stands_in_one_split(world: World) -> None:
    rig(world, 12).ingest(group=RIG)
    version = world.commit(where={}, splits={"train": 0.5, "test": 0.5})
    split = {one.sample: one.split for one in world.datasets.entries(world.caller, version.id)}
    groups = world.datasets.groups(world.caller).items
    assert set(split.values()) == {"train", "test"}
    assert all(len({split[one.sample] for one in group.members}) == 1 for group in groups)


def test_near_duplicates_and_moments_hold_together_in_a_chain(world: World) -> None:
    rig(world, 2)
    (world.folder / "again.png").write_bytes(brighter(picture(100), 2))
    world.ingest(group=RIG)
    names = {one.id: one.name for one in world.datasets.samples(world.caller).items}
    held = world.datasets.inseparable(world.caller)
    assert [{names[one] for one in group} for group in held] == [{"again.png", "left/000.png", "right/000.png"}]
