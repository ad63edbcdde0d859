"""Search finds what looks alike, what holds words, and both within a filter."""

from __future__ import annotations

from typing import Any

import pytest

from sightloop.datasets import Hit, similarity
from sightloop.errors import InvalidInput, InvalidMedia, NotFound
from tests.specs.datasets.world import World, brighter, picture


@pytest.fixture
def indexed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Forty samples, where so many are enough for an index over vectors."""
    monkeypatch.setattr(world.datasets._indexing, "_vectors_from", 40)
    monkeypatch.setattr(similarity, "SKETCH", 128)
    return world.with_pictures(40, line=["a", "b"])


def names(found: list[Hit] | tuple[Hit, ...]) -> list[str]:
    return [one.sample.name for one in found]


def look(world: World, **asked: Any) -> list[str]:
    return names(list(world.datasets.search(world.caller, **asked)))


def test_the_nearest_sample_to_an_image_is_its_like(world: World) -> None:
    world.with_pictures(5)
    first, second = world.datasets.search(world.caller, image=brighter(picture(3), 3), k=2)
    assert first.sample.name == "003.png"
    assert (first.cosine or 0) > 0.99 > (second.cosine or 0)


def test_a_sample_is_not_its_own_neighbour(world: World) -> None:
    world.with_pictures(4)
    assert set(look(world, sample=world.named("001.png"))) == {"000.png", "002.png", "003.png"}


def test_a_search_stays_within_its_filter(world: World) -> None:
    world.with_pictures(6, line=["a", "b"])
    found = world.datasets.search(world.caller, image=picture(0), where={"line": "b"})
    assert {one.sample.metadata["line"] for one in found} == {"b"}


def test_a_search_for_nothing_or_for_what_is_no_image_is_an_error(world: World) -> None:
    world.with_pictures(1)
    with pytest.raises(InvalidInput):
        world.datasets.search(world.caller)
    with pytest.raises(InvalidInput):
        world.datasets.search(world.caller, text="?!")
    with pytest.raises(InvalidMedia):
        world.datasets.search(world.caller, image=b"text")
    with pytest.raises(NotFound):
        world.datasets.search(world.caller, sample="smp_unknown")


def test_words_are_found_in_facets_names_and_documents_in_any_form(world: World) -> None:
    (world.folder / "report_north.txt").write_text("The bearing of pump 7 was leaking oil.")
    world.with_pictures(3, caption=["A cracked cell", "two cells", "a dark finger"])
    world.ingest(include=[".txt"])
    assert look(world, text="CRACKS cell") == ["000.png"]
    assert set(look(world, text="cells")) == {"000.png", "001.png"}
    assert look(world, text="north") == look(world, text="leaks bearings") == ["report_north.txt"]
    assert look(world, text="cracked finger") == []


def test_classes_are_words_of_what_they_were_given_to(world: World) -> None:
    world.with_pictures(4, caption=["left", "right"])
    world.datasets.create_schema(world.caller, "states", ("ok", "hot spot"))
    world.label({world.named("000.png"): "hot spot", world.named("001.png"): "hot spot"})
    assert set(look(world, text="spot")) == {"000.png", "001.png"}
    assert look(world, text="hot right") == ["001.png"]
    world.label({world.named("001.png"): "ok"})
    assert look(world, text="hot right") == []


def test_words_filter_and_likeness_hold_at_once(world: World) -> None:
    world.with_pictures(8, caption=["crack", "none"], line=["a", "a", "b", "b"])
    found = world.datasets.search(world.caller, text="crack", image=brighter(picture(4), 2), where={"line": "a"}, k=5)
    assert names(list(found)) == ["004.png", "000.png"]
    assert all(one.cosine is not None and one.relevance is not None for one in found)


def test_what_came_in_after_the_index_is_found_by_its_words(world: World) -> None:
    world.with_pictures(3, caption=["old"])
    (world.folder / "late.png").write_bytes(picture(77))
    world.ingest({"late.png": {"caption": "brandnew"}})
    assert look(world, text="brandnew") == ["late.png"]


def test_samples_from_before_words_were_kept_are_found_after_a_run(world: World) -> None:
    world.with_pictures(3, caption=["crack", "dark"])
    world.forget_table("texts")
    assert look(world, text="crack") == []
    done = world.runs.wait(world.caller, world.datasets.index(world.caller).id)
    assert done.output == {"words": 3, "vectors": 0}
    assert set(look(world, text="crack")) == {"000.png", "002.png"}


def test_an_index_over_vectors_finds_what_comparing_all_finds_and_what_came_in_after_it(indexed: World) -> None:
    exact = {name: look(indexed, sample=indexed.named(name), k=10) for name in ("003.png", "017.png")}
    done = indexed.runs.wait(indexed.caller, indexed.datasets.index(indexed.caller).id)
    assert done.output["vectors"] == 40
    assert {name: look(indexed, sample=indexed.named(name), k=10) for name in exact} == exact
    (indexed.folder / "late.png").write_bytes(brighter(picture(3), 2))
    indexed.ingest()
    assert look(indexed, sample=indexed.named("003.png"), k=1) == ["late.png"]
    assert look(indexed, image=picture(3), where={"line": "b"}, k=1) == ["003.png"]
