"""Annotations are append-only revisions; who writes over another's answer is told."""

from __future__ import annotations

import pytest

from sightloop.datasets import NewAnnotation
from sightloop.domain import Annotation, Basis, Caller
from sightloop.errors import Conflict, InvalidInput, NotFound
from tests.specs.datasets.world import World


def test_revisions_are_kept_and_the_newest_is_the_head(one: World) -> None:
    sample = one.ids()[0]
    write(one, sample, "ok")
    write(one, sample, "defect")
    history = one.datasets.annotations.history(one.caller, sample)
    assert [(item.revision, item.label) for item in history] == [(1, "ok"), (2, "defect")]
    assert one.datasets.annotations.heads(one.caller, "states")[sample] == history[1]


def test_a_stale_revision_is_a_conflict_that_names_both(one: World) -> None:
    sample = one.ids()[0]
    write(one, sample, "ok")
    write(one, sample, "defect", expected=1)
    with pytest.raises(Conflict, match="revision 2, not 1"):
        write(one, sample, "ok", expected=1)
    assert len(one.datasets.annotations.history(one.caller, sample)) == 2


def test_a_retraction_leaves_no_head(one: World) -> None:
    sample = one.ids()[0]
    write(one, sample, "ok")
    write(one, sample, "")
    assert one.datasets.annotations.heads(one.caller, "states") == {}
    write(one, sample, "ok", expected=2)
    assert one.datasets.annotations.heads(one.caller, "states", [sample])[sample].revision == 3


def test_the_same_key_writes_once(one: World) -> None:
    sample = one.ids()[0]
    keyed = one.caller.keyed("answer")
    first, again = write(one, sample, "ok", keyed), write(one, sample, "ok", keyed, expected=0)
    assert first == again
    assert one.datasets.annotations.get(one.caller, first.id) == first


def test_an_unknown_class_sample_or_geometry_is_refused(one: World) -> None:
    with pytest.raises(InvalidInput, match="fine"):
        write(one, one.ids()[0], "fine")
    with pytest.raises(NotFound, match="smp_unknown"):
        write(one, "smp_unknown", "ok")
    with pytest.raises(InvalidInput, match="boxes"):
        write(one, one.ids()[0], "ok", geometry_type="boxes")


@pytest.fixture
def one(world: World) -> World:
    world.with_pictures(1).schema()
    return world


def write(
    world: World,
    sample: str,
    label: str,
    caller: Caller | None = None,
    expected: int | None = None,
    geometry_type: str = "class",
) -> Annotation:
    item = NewAnnotation(
        sample, "states", label, Basis.DRAWN, "person", expected_revision=expected, geometry_type=geometry_type
    )
    with world.events.change(caller or world.caller, "test.label", sample) as change:
        written = world.datasets.annotations.write(change, caller or world.caller, [item])
        change.emit("sightloop.test.labelled", {"revision": written[0].revision})
    return written[0]
