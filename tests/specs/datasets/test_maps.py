"""The map of a workspace, and what stands apart in it."""

import io

import numpy as np
import pytest
from PIL import Image

from sightloop.datasets import findings
from sightloop.errors import NotEnoughData, NotFound
from tests.specs.datasets.world import World, picture


def test_a_map_places_the_samples_that_were_asked_for_and_says_how(world: World) -> None:
    world.with_pictures(12, line=["a", "b"])
    run = world.datasets.make_map(world.caller, {"line": "a"})
    world.runs.wait(world.caller, run.id)
    [made] = world.datasets.maps(world.caller)
    table = world.datasets.map_columns(world.caller, made.id)
    assert (made.id, made.size, made.where) == (run.id, 6, {"line": "a"})
    assert "PCA" in made.method
    assert table["id"].to_pylist() == list(world.datasets.sample_ids(world.caller, {"line": "a"}))
    assert table.schema.field("x").type == "float"


def test_a_map_of_a_version_holds_its_samples_only(world: World) -> None:
    chosen = world.with_pictures(5).ids()[:3]
    version = world.commit(add=dict.fromkeys(chosen, "train"))
    run = world.datasets.make_map(world.caller, version=version.id)
    world.runs.wait(world.caller, run.id)
    assert world.datasets.map_columns(world.caller, run.id)["id"].to_pylist() == chosen
    assert [one.version for one in world.datasets.maps(world.caller)] == [version.id]


def test_a_map_is_not_taken_for_an_orphan(world: World) -> None:
    run = world.datasets.make_map(world.with_pictures(3).caller)
    output = world.runs.wait(world.caller, run.id).output
    assert output["data"] in world.datasets.references(world.caller.workspace)


def test_there_is_no_map_of_nothing(world: World) -> None:
    run = world.datasets.make_map(world.caller)
    with pytest.raises(NotEnoughData):
        world.runs.wait(world.caller, run.id)
    assert world.datasets.maps(world.caller) == []


def test_a_run_of_another_kind_is_no_map_and_maps_of_others_are_not_there(world: World) -> None:
    run = world.datasets.make_map(world.with_pictures(3).caller)
    world.runs.wait(world.caller, run.id)
    ingest = world.runs.list(world.caller, "ingest")[0]
    stranger = world.elsewhere("wsp_stranger", world.folder)
    for caller, one in ((world.caller, ingest.id), (stranger.caller, run.id)):
        with pytest.raises(NotFound):
            world.datasets.map_columns(caller, one)


def test_the_sample_that_looks_like_no_other_comes_first(world: World) -> None:
    base = np.random.default_rng(0).integers(0, 255, (48, 64, 3))
    noise = np.random.default_rng(1)
    for number in range(12):
        save(world, f"{number:03}.png", base + noise.integers(-30, 30, base.shape))
    save(world, "odd.png", 255 - base)
    world.ingest()
    found = world.datasets.outliers.found(world.caller, limit=3).items
    assert found[0].sample == world.named("odd.png")
    assert found[0].percentile == 100
    assert [one.distance for one in found] == sorted((one.distance for one in found), reverse=True)
    others = [one for one in world.ids() if one != found[0].sample]
    vectors = world.datasets.embeddings(world.caller, [found[0].sample, *others])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert found[0].distance == pytest.approx(1 - np.sort(unit[1:] @ unit[0])[-10:].mean(), abs=1e-3)


def test_of_many_samples_a_run_tells_the_outliers_and_is_not_run_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "AT_ONCE", 5)
    world.with_pictures(8)
    assert world.datasets.outliers.found(world.caller).made_at is None
    run = world.datasets.outliers.start(world.caller)
    output = world.runs.wait(world.caller, run.id).output
    found = world.datasets.outliers.found(world.caller, limit=3)
    monkeypatch.setattr(findings, "AT_ONCE", 5000)
    assert found.items == world.datasets.outliers.found(world.caller, limit=3).items
    assert (found.run, found.size, found.current) == (run.id, 8, True)
    assert world.datasets.outliers.start(world.caller).id == run.id
    assert output["data"] in world.datasets.references(world.caller.workspace)


def test_what_was_found_before_samples_came_in_is_told_as_that(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "AT_ONCE", 5)
    run = world.datasets.outliers.start(world.with_pictures(8).caller)
    world.runs.wait(world.caller, run.id)
    world.with_pictures(9)
    assert world.datasets.outliers.found(world.caller).current is False
    assert world.datasets.outliers.start(world.caller).id != run.id


def save(world: World, name: str, pixels: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    (world.folder / name).write_bytes(buffer.getvalue())


def test_of_many_samples_a_run_tells_what_looks_the_same_until_others_come_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "AT_ONCE", 2)
    world.with_pictures(3)
    (world.folder / "again.png").write_bytes((world.folder / "000.png").read_bytes() + b"\0")
    world.ingest()
    finder = world.datasets.duplicates
    assert finder.found(world.caller).made_at is None
    world.runs.wait(world.caller, finder.start(world.caller).id)
    found = finder.found(world.caller)
    assert found.groups == world.datasets.near_duplicates(world.caller).groups
    assert (len(found.groups), found.size, found.current) == (1, 4, True)
    (world.folder / "new.png").write_bytes(picture(9))
    world.ingest()
    assert finder.found(world.caller).current is False
