"""The samples as columns: what a page holds of them."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from sightloop.datasets import Claims
from sightloop.errors import InvalidInput
from sightloop.storage import move_pointer
from tests.specs.datasets.world import World, picture


def columns(world: World, **asked: Any) -> pa.Table:
    return world.columns(**asked).table


def by_name(world: World, column: str, **asked: Any) -> dict[str, Any]:
    """The values of a column, by the name of the sample."""
    table = columns(world, **asked)
    return dict(zip(table["name"].to_pylist(), table[column].to_pylist(), strict=True))


def test_rows_come_by_id_and_have_no_label_at_first(world: World) -> None:
    table = columns(world.with_pictures(3))
    assert table["id"].to_pylist() == world.ids()
    assert table["label"].null_count == table["score"].null_count == 3


def test_an_empty_workspace_has_columns_without_rows(world: World) -> None:
    assert len(columns(world)) == 0


def test_the_mean_colour_is_that_of_the_picture(world: World) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8) + np.array([200, 30, 90], np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    (world.folder / "plain.png").write_bytes(buffer.getvalue())
    world.ingest()
    assert by_name(world, "colour") == {"plain.png": 0xC81E5A}


def test_a_facet_of_numbers_is_a_column_of_numbers_and_any_other_one_of_texts(world: World) -> None:
    (world.folder / "a.png").write_bytes(picture(1))
    (world.folder / "b.png").write_bytes(picture(2))
    world.ingest({"a.png": {"line": "A", "bias": 1}, "b.png": {"line": 7, "bias": 2.5}})
    assert by_name(world, "metadata.line") == {"a.png": "A", "b.png": "7"}
    assert by_name(world, "metadata.bias") == {"a.png": 1.0, "b.png": 2.5}
    table = columns(world)
    told = json.loads(table.schema.metadata[b"sightloop"])
    assert "metadata.bias" in told["numbers"]
    assert "metadata.line" in told["facets"]


def test_the_label_of_now_is_told_with_who_said_it(world: World) -> None:
    world.with_pictures(3)
    world.schema()
    world.label({world.named("001.png"): "defect"})
    assert by_name(world, "label")["001.png"] == "defect"
    assert by_name(world, "author_kind") == {"000.png": None, "001.png": "person", "002.png": None}
    world.label({world.named("001.png"): "ok"})
    assert by_name(world, "label")["001.png"] == "ok"


def test_a_filter_and_named_fields_make_the_answer_smaller(world: World) -> None:
    world.with_pictures(4, line=["a", "b"])
    table = columns(world, where={"line": "a"}, fields=["width", "metadata.line"])
    assert table.column_names == ["id", "width", "metadata.line"]
    assert table["metadata.line"].to_pylist() == ["a", "a"]


def test_an_unknown_column_is_refused_with_the_nearest_names(world: World) -> None:
    with pytest.raises(InvalidInput, match="widht") as refused:
        columns(world, fields=["widht"])
    assert "width" in refused.value.hint


def test_a_version_gives_its_own_labels_and_splits(world: World) -> None:
    world.with_pictures(4)
    world.schema()
    kept = world.ids()[:3]
    world.label(dict.fromkeys(kept, "ok"))
    version = world.commit(add={kept[0]: "train", kept[1]: "train", kept[2]: "test"})
    world.label({kept[0]: "defect"})
    table = columns(world, version=version.id)
    assert table["id"].to_pylist() == kept
    assert table["label"].to_pylist() == ["ok"] * 3
    assert table["split"].to_pylist() == ["train", "train", "test"]
    assert table["author_kind"].to_pylist() == [None, "person", "person"]


def test_what_was_predicted_last_stands_beside_the_sample(world: World) -> None:
    second = world.with_pictures(2).ids()[1]
    said = pa.table({"id": [second], "predicted": ["defect"], "score": pa.array([0.75], pa.float32())})
    table = columns(world, claims=Claims("7", said))
    assert table["predicted"].to_pylist() == [None, "defect"]
    assert table["score"].to_pylist() == [None, 0.75]


def test_the_stamp_moves_with_samples_labels_and_predictions_only(world: World) -> None:
    def stamp(**asked: Any) -> str:
        return world.columns(**asked).stamp

    world.with_pictures(2)
    world.schema()
    first = stamp()
    assert stamp() == first
    world.label({world.ids()[0]: "ok"})
    second = stamp()
    (world.folder / "new.png").write_bytes(picture(99))
    world.ingest()
    assert len({first, second, stamp(), stamp(claims=Claims("1"))}) == 4


def test_samples_from_before_there_was_a_colour_have_none(world: World) -> None:
    world.with_pictures(1)
    tables = world.stores.workspace(world.caller.workspace).tables
    stored = tables.read("samples", tables.latest("samples") or 0).drop_columns(["mean_colour"])
    tables.drop("samples")
    tables.append("samples", stored)
    version = tables.append("samples", stored.slice(0, 0))
    with world.events.change(world.caller, "test", "samples") as change:
        move_pointer(change.connection, world.caller.workspace, "samples", version)
        change.emit("sightloop.test", {})
    assert by_name(world, "colour") == {"000.png": None}
    (world.folder / "001.png").write_bytes(picture(1))
    world.ingest()
    found = by_name(world, "colour")
    assert (found["000.png"], found["001.png"] is None) == (None, False)
    assert world.datasets.sample(world.caller, world.named("000.png")).mean_colour is None


def test_what_comes_first_may_be_filtered_and_in_another_order(world: World) -> None:
    world.with_pictures(6, line=["a", "b"])
    table = columns(world)
    brightness = dict(zip(table["id"].to_pylist(), table["brightness"].to_pylist(), strict=True))
    chosen = columns(world, where={"line": "a"})["id"].to_pylist()
    darkest = sorted(chosen, key=lambda one: (brightness[one], one))[:2]
    found = columns(world, where={"line": "a"}, newest=2, by="brightness")
    assert found["id"].to_pylist() == darkest
    assert json.loads(found.schema.metadata[b"sightloop"])["total"] == 3


def test_an_order_that_no_column_gives_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="colour"):
        columns(world, newest=2, by="colour")


def test_of_several_schemas_the_last_one_speaks_also_where_samples_are_named(world: World) -> None:
    world.with_pictures(3)
    world.schema()
    world.label({world.ids()[0]: "ok"})
    assert columns(world, newest=3).sort_by("id")["label"].to_pylist() == columns(world)["label"].to_pylist()
