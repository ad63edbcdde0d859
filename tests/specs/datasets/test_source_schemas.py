"""The schema of a source is inferred from what comes in, and its drift is told."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sightloop.datasets.fields import FIELDS, TOP, SchemaSummary, summary_from, summary_of
from sightloop.datasets.schema_drift import SchemaFinding, drift
from sightloop.domain import Sample, digest_of
from sightloop.errors import NotFound
from sightloop.vision import rise_p_value
from tests.specs.datasets.world import World, picture


def some(count: int, start: int = 0, /, **facets: Any) -> SchemaSummary:
    """The summary of so many samples; a facet that is a list is dealt in turn, and None is missing."""
    dealt = [
        {name: one[i % len(one)] if isinstance(one, list) else one for name, one in facets.items()}
        for i in range(start, start + count)
    ]
    return summary_of(Sample(f"s{i}", digest_of(b""), width=640, metadata=one) for i, one in enumerate(dealt))


def kinds(found: tuple[SchemaFinding, ...]) -> list[tuple[str, str]]:
    return [(one.field, one.kind) for one in found]


def test_a_summary_tells_types_ranges_values_and_what_is_missing() -> None:
    found = some(10, cell=["mono", "poly"], heat=[1.5, None], wet=True)
    assert found.fields["cell"].top == {"mono": 5, "poly": 5}
    assert (found.fields["heat"].low, found.missing("heat"), found.missing("nothing")) == (1.5, 5, 10)
    assert found.fields["wet"].types == {"flag": 10}


def test_summaries_merge_as_if_they_were_one() -> None:
    whole, parts = some(90, cell=["a", "b", "c"], heat=[1, 2, None]), SchemaSummary()
    for start in (60, 0, 30):
        parts.take(some(30, start, cell=["a", "b", "c"], heat=[1, 2, None]))
    assert parts == whole
    assert summary_from({"samples": 0, "more": 0, "fields": {}}) == SchemaSummary()


def test_frequent_values_stay_within_their_error_in_bounded_memory() -> None:
    draw = random.Random(3)
    words = [f"rare{i}" if draw.random() < 0.6 else f"often{i % 3}" for i in range(3000)]
    found = SchemaSummary()
    for at in range(0, 3000, 100):
        found.take(summary_of(Sample(f"s{i}", "", metadata={"w": words[at + i]}) for i in range(100)))
    one = found.fields["w"]
    assert len(one.top) <= TOP
    assert one.lost <= 3000 / (TOP + 1)  # Agarwal et al., 2012, lemma 1
    assert all(words.count(w) - one.lost <= one.top.get(w, 0) <= words.count(w) for w in ("often0", "often1", "often2"))


def test_a_source_with_endless_fields_keeps_a_bounded_summary() -> None:
    found = SchemaSummary()
    for start in range(0, 1000, 100):
        found.take(some(1, **{f"f{i}": 1 for i in range(start, start + 100)}))
    assert len(found.fields) == FIELDS
    assert found.more > 0


def test_new_vanished_and_changed_fields_are_told() -> None:
    before = some(100, heat=[20, 21, 22], line="3", cell=["mono", "poly"])
    now = some(100, heat=[20, 90], cell=["mono", "poly", "thin"], wet=True, line=3)
    assert kinds(drift(before, now)) == [("cell", "value"), ("heat", "range"), ("line", "type"), ("wet", "new")]
    gone = drift(before, some(100, heat=[20, 21, 22], line="3"))
    assert kinds(gone) == [("cell", "vanished")]
    assert gone[0].p_value is not None
    assert gone[0].p_value < 1e-20


def test_a_missing_rate_is_told_only_beyond_chance() -> None:
    before = some(100, heat=[1, 1, 1, 1, 1, 1, 1, 1, 1, None])
    assert drift(before, some(100, heat=[1, 1, 1, 1, 1, 1, 1, None])) == ()
    risen = drift(before, some(100, heat=[1, None]))
    assert kinds(risen) == [("heat", "missing")]
    assert risen[0].says == '"heat" is missing more often: in 50 of 100, before in 10 of 100.'
    assert risen[0].p_value == pytest.approx(rise_p_value(10, 100, 50, 100))


def test_the_test_of_a_rate_is_fishers() -> None:
    assert rise_p_value(1, 4, 3, 4) == pytest.approx(17 / 70)  # the lady tasting tea


def test_sources_that_do_not_change_are_told_to_drift_as_seldom_as_the_level_says() -> None:
    draw = random.Random(7)

    def drawn(share: float) -> SchemaSummary:
        rows = [{f"f{k}": 1 if draw.random() < share else None for k in range(8)} for _ in range(60)]
        return summary_of(Sample(f"s{i}", "", metadata=row) for i, row in enumerate(rows))

    false = sum(bool(drift(drawn(0.7), drawn(0.7))) for _ in range(300))
    true = sum(bool(drift(drawn(0.7), drawn(0.3))) for _ in range(30))
    assert false <= 8  # 300 at a level of .01: more than 8 come once in 300 such tests
    assert true == 30


def test_each_run_tells_the_fields_of_its_source_and_their_drift(world: World) -> None:
    def arrive(start: int) -> dict[str, Any]:
        for i in range(start, start + 32):
            (world.folder / f"{i:03}.png").write_bytes(picture(i))
        run = world.datasets.sources.sync(world.caller, "line")
        return dict(world.runs.wait(world.caller, run.id).output)

    world.datasets.sources.add(
        world.caller, "line", "folder", {"path": str(world.folder), "defaults": {"cell": "mono"}}
    )
    first = arrive(0)
    (world.folder / "manifest.csv").write_text("name,lot\n" + "".join(f"{i:03}.png,A\n" for i in range(64)))
    second = arrive(32)
    assert first["schema"]["findings"] == 0
    assert second["schema"] == {"number": 2, "fields": first["schema"]["fields"] + 1, "findings": 1}
    newest = world.datasets.source_schemas.list(world.caller, "line")[0]
    assert [one.says for one in newest.findings] == ['"lot" is new, in 32 of 32 samples.']
    assert newest.fields["cell"]["top"] == {"mono": 32}
    assert [one.source for one in world.datasets.source_schemas.drifted(world.caller)] == ["line"]
    world.datasets.source_schemas.accept(world.caller, "line")
    assert not world.datasets.source_schemas.drifted(world.caller)


def test_small_runs_of_a_source_are_put_together_and_a_run_counts_once(world: World) -> None:
    record = world.datasets.source_schemas.record
    for number in range(12):
        record(world.caller, "live", f"run{number}", some(10, lot="A" if number < 6 else None))
    assert record(world.caller, "live", "run11", some(10, other=1))["number"] == 4
    found = world.datasets.source_schemas.list(world.caller, "live")
    assert [one.samples for one in found] == [30, 30, 30, 30]
    assert [kinds(one.findings) for one in found] == [[("lot", "vanished")], [("lot", "vanished")], [], []]


def test_a_source_that_nothing_came_from_has_no_schema(world: World) -> None:
    with pytest.raises(NotFound, match="schema of source"):
        world.datasets.source_schemas.list(world.caller, "line")
