"""What is not read and not built: what keeps a workspace of very many samples quick, told without a clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from sightloop.datasets import Claims, NewAnnotation, truth
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.columns import Asked, ColumnReader
from sightloop.datasets.truth import TruthReader
from sightloop.domain import Basis
from sightloop.storage.lance_tables import Tables
from tests.specs.datasets.world import World

Reads = list[tuple[str, int]]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """What Lance gave from now on: table and number of cells."""
    seen: Reads = []

    def watched(real: Callable[..., pa.Table]) -> Callable[..., pa.Table]:
        def read(self: Tables, name: str, *arguments: Any, **named: Any) -> pa.Table:
            found = real(self, name, *arguments, **named)
            seen.append((name, found.num_rows * found.num_columns))
            return found

        return read

    for name in ("read", "take"):
        monkeypatch.setattr(Tables, name, watched(getattr(Tables, name)))
    return seen


@pytest.fixture
def heads_read(monkeypatch: pytest.MonkeyPatch) -> list[list[str] | None]:
    """Of which samples the heads were read from now on; None for all."""
    seen: list[list[str] | None] = []
    real = truth._read

    def read(connection: Any, workspace: str, stamp: int, samples: Any) -> truth.Truth:
        seen.append(samples)
        return real(connection, workspace, stamp, samples)

    monkeypatch.setattr(truth, "_read", read)
    return seen


def opened_anew(world: World) -> tuple[ColumnReader, Catalogue]:
    """A reader with nothing in memory."""
    catalogue = Catalogue(world.records, world.stores)
    return ColumnReader(catalogue, world.datasets._versions), catalogue


def labelled(world: World) -> list[str]:
    """The ids of six samples, of which four have a label."""
    ids = world.with_pictures(6).ids()
    world.schema()
    world.label(dict.fromkeys(ids[:4], "ok"))
    return ids


def test_a_label_reads_no_sample_again_and_the_heads_of_its_own_sample_only(
    world: World, reads: Reads, heads_read: list[list[str] | None]
) -> None:
    ids = labelled(world)
    before = world.columns()
    world.label({ids[0]: "defect"})
    reads.clear()
    heads_read.clear()
    after = world.columns()
    assert (reads, heads_read) == ([], [[ids[0]]])
    assert after.table["label"].to_pylist() == ["defect", *before.table["label"].to_pylist()[1:]]


def test_what_was_brought_up_to_date_is_what_a_fresh_reader_finds(world: World) -> None:
    ids = labelled(world)
    world.datasets.create_schema(world.caller, "wear", ("new", "worn"))
    world.columns()
    for said in ({ids[0]: "defect", ids[5]: "ok"}, {ids[1]: "defect"}):
        world.label(said)
        world.columns()
    world.label({ids[2]: "worn"}, "wear")
    world.columns()
    with world.events.change(world.caller, "test", ids[3]) as change:
        items = [NewAnnotation(sample=ids[3], schema="states", label="", basis=Basis.DRAWN, author="tester")]
        world.datasets.annotations.write(change, world.caller, items)
        change.emit("sightloop.test", {})
    table = world.columns().table
    fresh = TruthReader(world.records).now(world.caller).by_sample(table["id"])
    for name in ("label", "author_kind", "object_count"):
        assert table[name].to_pylist() == fresh[name].to_pylist()
    assert table["label"].to_pylist() == ["defect", "defect", "worn", None, None, "ok"]


def test_a_stamp_builds_nothing(world: World, reads: Reads, heads_read: list[list[str] | None]) -> None:
    labelled(world)
    reader, catalogue = opened_anew(world)
    reads.clear()
    heads_read.clear()
    assert reader.stamp(world.caller, Asked(), "") == reader.stamp(world.caller, Asked(), "")
    assert (reads, heads_read, catalogue._views) == ([], [], {})


def test_the_first_page_reads_ids_and_times_of_all_and_no_more_than_its_own_rows(
    world: World, reads: Reads, heads_read: list[list[str] | None]
) -> None:
    labelled(world)
    reader, catalogue = opened_anew(world)
    reads.clear()
    heads_read.clear()
    table = reader.read(world.caller, Asked(newest=2), Claims())
    [(_, of_all), (_, of_page)] = reads
    assert (of_all, of_page <= 2 * 40, len(heads_read), catalogue._views) == (6 * 2, True, 1, {})
    assert heads_read == [table["id"].to_pylist()]


def test_the_first_page_is_as_large_for_few_samples_as_for_many(world: World) -> None:
    def size() -> int:
        reader, _ = opened_anew(world)
        asked = Asked(newest=3, fields=("name", "colour", "label"))
        return len(reader.stream(world.caller, asked, Claims(), "stamp"))

    world.with_pictures(4)
    few = size()
    world.with_pictures(40)
    assert size() == pytest.approx(few, rel=0.1)


def test_the_first_page_is_the_beginning_of_the_newest_first(world: World) -> None:
    labelled(world)
    (world.folder / "late.png").write_bytes((world.folder / "000.png").read_bytes() + b" ")
    world.ingest()
    for fresh in (True, False):
        reader, catalogue = opened_anew(world)
        if not fresh:
            catalogue.view(world.caller)
        table = reader.read(world.caller, Asked(newest=3), Claims())
        assert table["id"].to_pylist() == [
            world.named("late.png"),
            *sorted(set(world.ids()) - {world.named("late.png")})[:2],
        ]
        assert table["label"].to_pylist()[0] is None


def test_the_newest_of_a_version_are_its_own(world: World) -> None:
    ids = labelled(world)
    version = world.commit(add=dict.fromkeys(ids[:3], "train"))
    found = world.columns(version=version.id, newest=2)
    assert found.table["id"].to_pylist() == ids[:2]
    assert found.table["label"].to_pylist() == ["ok", "ok"]


def test_the_parts_are_the_whole_and_only_what_is_said_moves_with_a_label(world: World) -> None:
    ids = labelled(world)
    version = world.commit(add=dict.fromkeys(ids[:3], "train"))
    for of in (None, version.id):

        def part(name: str, of: str | None = of) -> Any:
            return world.columns(version=of, part=name)

        content, said, whole = part("content"), part("said"), part("")
        assert {*content.table.column_names, *said.table.column_names} == set(whole.table.column_names)
        for table in (content.table, said.table):
            assert all(table[name].to_pylist() == whole.table[name].to_pylist() for name in table.column_names)
        world.label({ids[0]: "defect" if of is None else "ok"})
        assert part("content").stamp == content.stamp
        assert part("said").stamp != said.stamp
