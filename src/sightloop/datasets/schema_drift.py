"""What differs between two schemas of a source: findings, each with what was, what is, and the test of a rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sightloop.datasets.fields import TOP, FieldSummary, SchemaSummary
from sightloop.vision import rise_p_value

ENOUGH: Final = 30
LEVEL: Final = 0.01  # of one comparison as a whole, shared by its tests (Bonferroni)
FAR: Final = 1.0  # widths of the old range


@dataclass(frozen=True, slots=True)
class SchemaFinding:
    """One difference.

    Attributes:
        kind: new, vanished, type, range, missing or value.
        says: the sentence. before, now: what was and is, as text.
        p_value: of Fisher's exact test where a rate has risen; None where none was needed.
    """

    field: str
    kind: str
    says: str
    before: str
    now: str
    p_value: float | None = None


def drift(before: SchemaSummary, now: SchemaSummary) -> tuple[SchemaFinding, ...]:
    """What is found, by field; nothing where either side tells of fewer than ENOUGH samples.

    A field is gone or more often missing, and a value of a closed list is new, where Fisher's exact test says so at
    LEVEL over all tests of the comparison. New fields and types, and numbers further than FAR old ranges outside of
    the old range, are told as they are.
    """
    if min(before.samples, now.samples) < ENOUGH:
        return ()
    level = LEVEL / max(1, sum(1 + len(one.top) for one in (before.fields | now.fields).values()))
    found = [*_came(before, now), *_missing(before, now, level)]
    for name, one in now.fields.items():
        if name in before.fields:
            found += [*_types(name, before.fields[name], one), *_range(name, before.fields[name], one)]
            found += _values(name, before.fields[name], one, level)
    return tuple(sorted(found, key=lambda one: (one.field, one.kind)))


def _came(before: SchemaSummary, now: SchemaSummary) -> Iterator[SchemaFinding]:
    for name, one in now.fields.items():
        if name not in before.fields and not (before.more or now.more):
            share = f"{one.present} of {now.samples}"
            yield SchemaFinding(name, "new", f'"{name}" is new, in {share} samples.', "", f"{_kinds(one)}, {share}")


def _missing(before: SchemaSummary, now: SchemaSummary, level: float) -> Iterator[SchemaFinding]:
    for name in before.fields:
        was, lacks = before.missing(name), now.missing(name)
        if lacks * before.samples <= was * now.samples:
            continue
        chance = rise_p_value(was, before.samples, lacks, now.samples)
        if chance < level:
            gone = lacks == now.samples
            old, new = f"{was} of {before.samples}", f"{lacks} of {now.samples}"
            says = f'"{name}" is gone.' if gone else f'"{name}" is missing more often: in {new}, before in {old}.'
            yield SchemaFinding(name, "vanished" if gone else "missing", says, old, new, chance)


def _types(name: str, before: FieldSummary, now: FieldSummary) -> Iterator[SchemaFinding]:
    other = sorted(set(now.types) - set(before.types))
    if other:
        says = f'"{name}" holds a {other[0]} where it held a {_kinds(before)}.'
        yield SchemaFinding(name, "type", says, _kinds(before), _kinds(now))


def _range(name: str, before: FieldSummary, now: FieldSummary) -> Iterator[SchemaFinding]:
    if before.low is None or before.high is None or now.low is None or now.high is None:
        return
    reach = FAR * (before.high - before.low)
    if now.low < before.low - reach or now.high > before.high + reach:
        old, new = f"{before.low:g} to {before.high:g}", f"{now.low:g} to {now.high:g}"
        yield SchemaFinding(name, "range", f'"{name}" has left its range: {new}, before {old}.', old, new)


def _values(name: str, before: FieldSummary, now: FieldSummary, level: float) -> Iterator[SchemaFinding]:
    """Values new to a list that was closed: short, and known whole."""
    if before.lost or not before.top or len(before.top) > TOP // 2:
        return
    for value, count in now.top.items():
        if value not in before.top:
            chance = rise_p_value(0, before.present, count, now.present)
            if chance < level:
                says = f'"{name}" has the new value "{value}", in {count} of {now.present}.'
                yield SchemaFinding(name, "value", says, ", ".join(before.top), value, chance)


def _kinds(one: FieldSummary) -> str:
    return " or ".join(sorted(one.types))
