"""Each object on a sample has a truth of its own, written piece by piece and never over another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sightloop.datasets import Operation
from sightloop.domain import Caller, PayloadKind, Prediction, now
from sightloop.errors import InvalidInput, NotFound
from tests.specs.datasets.world import World

BOX = {"x": 1.0, "y": 2.0, "width": 30.0, "height": 20.0}
TYPES = ("class", "box", "keypoints")
SKELETON = {"points": ["head", "tail"], "edges": [[0, 1]]}


@pytest.fixture
def one(world: World) -> World:
    world.with_pictures(2)
    world.datasets.create_schema(
        world.caller, "parts", ["bolt", "crack"], TYPES, skeleton=SKELETON, attributes={"deep": {"type": "bool"}}
    )
    return world


def put(name: str, expected: int | None = 0, **given: Any) -> Operation:
    fields: dict[str, Any] = {"label": "bolt", "geometry_type": "box", "geometry": BOX, **given}
    return Operation("put", name, expected, **fields)


def write(world: World, *operations: Operation, caller: Caller | None = None) -> Any:
    return world.datasets.objects.write(caller or world.caller, world.ids()[0], "parts", operations)


def read(world: World) -> Any:
    return world.datasets.objects.read(world.caller, world.ids()[0], "parts")


def test_what_is_written_stands_and_is_numbered_through_the_sample(one: World) -> None:
    written = write(one, put("a"), put("b", label="crack")).objects
    write(one, put("a", 1, geometry={**BOX, "x": 5}))
    found = read(one)
    assert [(x.id, x.revision) for x in written] == [("a", 1), ("b", 2)]
    assert {x.id: (x.revision, x.geometry["x"]) for x in found.objects} == {"a": (3, 5.0), "b": (2, 1.0)}
    assert (found.revision, found.schema, found.rejected) == (3, "parts", ())


def test_a_conflict_is_answered_and_the_others_are_written(one: World) -> None:
    write(one, put("a"), put("b"))
    answer = write(one, put("a", 0, label="crack"), put("b", 2, label="crack"), put("c"))
    (conflict,) = answer.conflicts
    assert (conflict.object, conflict.expected_revision, conflict.revision, conflict.theirs.label) == (
        "a", 0, 1, "bolt")  # fmt: skip
    assert [x.id for x in answer.objects] == ["b", "c"]
    assert {x.id: x.label for x in read(one).objects} == {"a": "bolt", "b": "crack", "c": "bolt"}


def test_where_everything_clashes_nothing_is_written(one: World) -> None:
    write(one, put("a"))
    answer = write(one, put("a", 9), Operation("remove", "a", 7))
    assert (answer.objects, len(answer.conflicts), read(one).revision) == ((), 2, 1)


def test_operations_on_one_object_follow_each_other(one: World) -> None:
    write(one, put("a"), put("a", 0, label="crack"))
    assert [(x.revision, x.label) for x in read(one).objects] == [(2, "crack")]


def test_a_removed_object_is_gone_until_somebody_who_saw_that_puts_it_back(one: World) -> None:
    write(one, put("a"))
    (gone,) = write(one, Operation("remove", "a", 1)).objects
    assert (gone.label, gone.revision, read(one).objects) == ("", 2, ())
    (late,) = write(one, put("a", 1)).conflicts
    assert (late.revision, late.theirs) == (2, None)
    assert write(one, put("a", 2)).objects[0].revision == 3


def test_the_same_key_writes_once(one: World) -> None:
    keyed = one.caller.keyed("request")
    first, again = write(one, put("a"), put("b"), caller=keyed), write(one, put("a"), put("b"), caller=keyed)
    assert first == again
    assert read(one).revision == 2


def test_the_class_of_the_image_is_the_object_without_a_name(one: World) -> None:
    write(one, put("", label="crack", geometry_type="class", geometry={}), put("a"))
    heads = one.datasets.annotations.heads(one.caller, "parts")
    assert {sample: head.label for sample, head in heads.items()} == {one.ids()[0]: "crack"}
    assert [x.id for x in read(one).objects] == ["", "a"]
    assert one.datasets.count(one.caller, {"label": "bolt"}) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        put("a", label="nut"),
        put("a", label=""),
        put("a", geometry={**BOX, "x": 500}),
        put("a", geometry_type="mask", geometry={"size": [48, 64], "counts": "0"}),
        put("", geometry_type="box"),
        put("a/b"),
        put("a" * 65),
        put("a", basis="imported"),
        put("a", attributes={"deep": "yes"}),
        put("a", attributes={"long": True}),
        put("a", geometry_type="keypoints", geometry={"points": [[1, 1, 2]]}),
    ],
)
def test_an_operation_that_does_not_fit_refuses_the_whole_request(one: World, wrong: Operation) -> None:
    with pytest.raises(InvalidInput):
        write(one, put("good"), wrong)
    assert read(one).revision == 0


def test_nobody_writes_on_samples_of_another_workspace(one: World) -> None:
    stranger = one.elsewhere("elsewhere", one.folder)
    stranger.datasets.create_schema(stranger.caller, "parts", ["bolt"], TYPES, skeleton=SKELETON)
    with pytest.raises(NotFound):
        one.datasets.objects.write(stranger.caller, one.ids()[0], "parts", [put("a")])


def test_other_colours_are_no_other_version_and_other_classes_are(one: World) -> None:
    def schema(*classes: str, **more: Any) -> Any:
        return one.datasets.create_schema(one.caller, "signs", classes, **more)

    first = schema("stop", "yield", colours={"stop": "#ff0000"})
    assert schema("stop", "yield").colours == {"stop": "#ff0000"}
    painted = schema("stop", "yield", colours={"stop": "#00ff00"})
    assert (painted.id, painted.colours) == (first.id, {"stop": "#00ff00"})
    wider = schema("stop", "yield", "park")
    assert (wider.version, wider.colours) == (2, {"stop": "#00ff00"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"colours": {"stop": "red"}},
        {"colours": {"go": "#ffffff"}},
        {"geometry_types": ["keypoints"]},
        {"geometry_types": ["circle"]},
        {"geometry_types": []},
        {"geometry_types": ["keypoints"], "skeleton": {"points": ["a", "a"]}},
        {"geometry_types": ["keypoints"], "skeleton": {"points": ["a"], "edges": [[0, 1]]}},
        {"geometry_types": ["keypoints"], "skeleton": {"points": ["a"], "edges": 3}},
        {"attributes": {"deep": {"type": "deepness"}}},
        {"attributes": {"side": {"type": "choice"}}},
        {"attributes": {"deep": {"type": "bool", "choices": ["yes"]}}},
    ],
)
def test_a_schema_that_cannot_be_meant_is_refused(one: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        one.datasets.create_schema(one.caller, "signs", ["stop"], **wrong)


def test_what_a_foreign_detector_says_becomes_suggestions_that_can_be_rejected(one: World) -> None:
    claim = {"label": "bolt", "score": 0.9, "geometry_type": "box", "geometry": BOX}
    rows: list[dict[str, Any]] = [
        {"name": "000.png", "objects": [claim, {**claim, "label": "nut"}, {**claim, "score": 2}]},
        {"name": "none.png", "objects": []},
    ]
    report = one.datasets.objects.suggest(one.caller, "parts", "yolo-x", rows)
    sample = one.named("000.png")
    (shown,) = one.datasets.objects.suggestions(one.caller, sample, "parts", None)
    assert (report.written, report.unknown, [x["index"] for x in report.refused]) == (1, ("none.png",), [1, 2])
    assert (shown.basis, shown.author_kind, shown.score, shown.model_version) == ("suggested", "model", 0.9, "yolo-x")
    one.datasets.objects.write(one.caller, sample, "parts", [Operation("remove", shown.id, 0)])
    assert one.datasets.objects.read(one.caller, sample, "parts").rejected == (shown.id,)
    one.datasets.objects.write(one.caller, sample, "parts", [Operation("restore", shown.id, 1)])
    assert one.datasets.objects.read(one.caller, sample, "parts").rejected == ()
    again = one.datasets.objects.write(one.caller, sample, "parts", [Operation("remove", shown.id, 0)])
    assert again.conflicts == ()


def test_the_same_claim_keeps_its_name_and_a_new_import_takes_the_place_of_the_old(one: World) -> None:
    def suggested(*lefts: float) -> list[str]:
        claims = [{"label": "bolt", "geometry_type": "box", "geometry": {**BOX, "x": x}} for x in lefts]
        one.datasets.objects.suggest(one.caller, "parts", "m", [{"name": "000.png", "objects": claims}])
        return [x.id for x in one.datasets.objects.suggestions(one.caller, one.named("000.png"), "parts", None)]

    first, second = suggested(1, 2), suggested(2, 3)
    assert (len(set(first + second)), first[1]) == (3, second[0])


def test_the_newer_of_import_and_prediction_is_suggested(one: World) -> None:
    sample = one.named("000.png")
    claim = {"label": "crack", "score": 0.5, "geometry_type": "box", "geometry": BOX}
    one.datasets.objects.suggest(one.caller, "parts", "m", [{"sample": sample, "objects": [claim]}])

    def newest(age_s: float, kind: PayloadKind, payload: dict[str, Any]) -> list[str]:
        made_at = now() - timedelta(seconds=age_s)
        prediction = Prediction("prd_1", sample, "", "mdv_1", "line", made_at, kind, payload, "bolt", 0.75)
        found = one.datasets.objects.suggestions(one.caller, sample, "parts", prediction)
        return [f"{x.label} {x.geometry_type} {x.score}" for x in found]

    assert newest(60, PayloadKind.CLASS_SCORES, {}) == ["crack box 0.5"]
    assert newest(-60, PayloadKind.CLASS_SCORES, {}) == ["bolt class 0.75"]
    boxes = {"objects": [{**claim, "score": 0.25}, {**claim, "label": "unheard"}]}
    assert newest(-60, PayloadKind.BOXES, boxes) == ["crack box 0.25"]


def commit(one: World) -> Any:
    one.datasets.create(one.caller, "parts", "parts")
    return one.datasets.commit(one.caller, "parts", where={})


def test_a_version_freezes_objects_and_gives_them_back(one: World) -> None:
    write(one, put("a", attributes={"deep": True}), put("b"), Operation("remove", "b"))
    version = commit(one)
    write(one, put("a", None, label="crack"))
    first, second = one.datasets.entries(one.caller, version.id)
    (held,) = first.objects
    assert (held["id"], held["label"], held["geometry"], held["attributes"]) == ("a", "bolt", BOX, {"deep": True})
    assert second.objects == ()
    assert one.datasets.check(one.caller.workspace) == []


def test_objects_are_in_the_hash_and_their_names_are_not(one: World) -> None:
    empty = commit(one).hash
    write(one, put("a"), put("b", label="crack"))
    drawn = commit(one).hash
    write(one, Operation("remove", "a"), Operation("remove", "b"), put("c", label="crack"), put("d"))
    renamed = commit(one)
    write(one, Operation("remove", "c"), Operation("remove", "d"))
    assert (drawn == empty, renamed.hash, renamed.number, commit(one).hash) == (False, drawn, 2, empty)


def test_the_hash_of_a_version_without_objects_is_what_it_was(one: World) -> None:
    one.label({one.named("000.png"): "bolt"}, "parts")
    assert commit(one).hash == "615dd66271302670c36cd4af250117ee56c6eab9242a8cfc0c4f009bfaef0957"


def test_a_diff_tells_which_objects_changed(one: World) -> None:
    write(one, put("a"), put("b"))
    before = commit(one)
    write(one, put("a", None, geometry={**BOX, "x": 3}), Operation("remove", "b"), put("c"))
    found = one.datasets.diff(one.caller, before.id, commit(one).id)
    told = found.objects[one.ids()[0]]
    assert found.changed == (one.ids()[0],)
    assert (told.added, told.removed, told.changed) == (("c",), ("b",), ("a",))
