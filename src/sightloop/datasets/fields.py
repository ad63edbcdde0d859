"""Which fields a source's samples have: how often, of which type, in which range. Summaries merge in any order.

A summary holds FIELDS fields at most, and of each the TOP most frequent values, so it stays small however many samples
it tells of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sightloop.domain import Sample

FIELDS: Final = 200
TOP: Final = 16
LONGEST: Final = 60
_PLAIN: Final = (
    "kind", "format", "width", "height", "channels", "bit_depth", "size_bytes", "licence", "consent", "purpose", "slot",
)  # fmt: skip
_MEASURED: Final = ("brightness", "contrast", "blur")
_UNLISTED: Final = frozenset({"captured_at", "group", "subject"})  # each sample's own, or a person's


@dataclass(slots=True)
class FieldSummary:
    """What is known of one field.

    Attributes:
        types: how often the value was a number, a text or a flag; absent values count nowhere.
        low, high: of the numbers; None where there are none.
        top: how often the most frequent texts and flags came; each at most `lost` too low.
        lost: nought means that `top` holds every value there was.
    """

    types: dict[str, int] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    top: dict[str, int] = field(default_factory=dict)
    lost: int = 0

    @property
    def present(self) -> int:
        """How many samples have the field."""
        return sum(self.types.values())

    def take(self, other: FieldSummary) -> None:
        """Returns once this tells of both.

        The counters are those of Misra and Gries, merged as in Agarwal et al., "Mergeable Summaries", PODS 2012,
        section 2: sum them, then take the (TOP + 1)-th greatest off all.
        """
        self.types = dict(Counter(self.types) + Counter(other.types))
        self.low = min((one for one in (self.low, other.low) if one is not None), default=None)
        self.high = max((one for one in (self.high, other.high) if one is not None), default=None)
        counts = Counter(self.top) + Counter(other.top)
        off = sorted(counts.values(), reverse=True)[TOP] if len(counts) > TOP else 0
        self.top = {value: count - off for value, count in sorted(counts.items()) if count > off}
        self.lost += other.lost + off


@dataclass(slots=True)
class SchemaSummary:
    """What is known of the samples of a source; `more` counts values of fields beyond the first FIELDS."""

    samples: int = 0
    fields: dict[str, FieldSummary] = field(default_factory=dict)
    more: int = 0

    def take(self, other: SchemaSummary) -> None:
        """Returns once this tells of both."""
        self.samples += other.samples
        self.more += other.more
        for name, one in sorted(other.fields.items()):
            if name in self.fields or len(self.fields) < FIELDS:
                self.fields.setdefault(name, FieldSummary()).take(one)
            else:
                self.more += one.present

    def missing(self, name: str) -> int:
        """How many samples lack the field."""
        return self.samples - (self.fields[name].present if name in self.fields else 0)


def summary_of(samples: Iterable[Sample]) -> SchemaSummary:
    """The summary of some samples."""
    found = SchemaSummary()
    values: dict[str, list[Any]] = {}
    for sample in samples:
        found.samples += 1
        for name, value in _values(sample):
            values.setdefault(name, []).append(value)
    found.take(SchemaSummary(fields={name: _field(name, some) for name, some in values.items()}))
    return found


def summary_from(packed: Mapping[str, Any]) -> SchemaSummary:
    """The summary that JSON holds."""
    return SchemaSummary(**{**packed, "fields": {name: FieldSummary(**one) for name, one in packed["fields"].items()}})


def _values(sample: Sample) -> Iterator[tuple[str, Any]]:
    """Fields and facets with the values that are there."""
    own = [(name, getattr(sample, name)) for name in (*_PLAIN, *_UNLISTED)]
    yield from ((name, str(value) if name == "kind" else value) for name, value in own if value)
    yield from ((name, getattr(sample, name)) for name in _MEASURED if sample.width)
    yield from ((name, value) for name, value in sample.metadata.items() if value is not None and value != "")


def _field(name: str, values: list[Any]) -> FieldSummary:
    numbers = [float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
    words = [one for one in values if isinstance(one, str | bool)]
    flags = sum(isinstance(one, bool) for one in words)
    told = {"number": len(numbers), "flag": flags, "text": len(values) - len(numbers) - flags}
    found = FieldSummary({kind: count for kind, count in told.items() if count})
    if numbers:
        found.low, found.high = min(numbers), max(numbers)
    if name not in _UNLISTED:
        found.take(FieldSummary(top=dict(Counter(_word(one) for one in words))))
    return found


def _word(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value[:LONGEST]
