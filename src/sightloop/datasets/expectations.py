"""Expectations of sources and datasets: their versions, the judge of an ingest, the dry run over what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.filters import Mask
from sightloop.datasets.rows import SAMPLE_FIELDS
from sightloop.datasets.rules import QUARANTINE, Expected, Rule, read_rules
from sightloop.domain import Caller, Sample, derived_id, digest_of, now
from sightloop.errors import InvalidMedia, not_found
from sightloop.events import Events
from sightloop.storage import Records

FACET: Final = "expectation"
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Expectations:
    """One version of what is expected of one scope; `text` is the YAML, the newest version of a scope is in force."""

    id: str
    scope: str
    number: int
    digest: str
    text: str
    made_at: str


@dataclass(frozen=True, slots=True)
class RuleReport:
    """How a rule stands with the samples that are there.

    Attributes:
        rule: such as "brightness at_least 0.05". otherwise: quarantine or warn.
        broken: by how many of `checked` samples; `samples` are the first of them.
        where: the filter that selects them in the scope; None where the filter language cannot say it.
    """

    rule: str
    otherwise: str
    checked: int
    broken: int
    samples: tuple[str, ...]
    where: Mapping[str, Any] | None


class ExpectationBook:
    """What is expected, and whether it is so.

    Args:
        members: the samples of the newest version of a dataset, by the dataset's name.
    """

    def __init__(
        self, records: Records, events: Events, catalogue: Catalogue, members: Callable[[Caller, str], Sequence[str]]
    ) -> None:
        self._records = records
        self._events = events
        self._catalogue = catalogue
        self._members = members

    def set(self, caller: Caller, text: str) -> Expectations:
        """The expectations, in force from now on; the text that is in force already makes no new version."""
        expected = read_rules(text)
        if expected.scope.startswith("dataset:"):
            self._members(caller, expected.scope.partition(":")[2])
        digest = digest_of(text.encode())
        with self._records.alone(f"{caller.workspace}.expectations"):
            held = next((one for one in self.list(caller) if one.scope == expected.scope), None)
            if held is not None and held.digest == digest:
                return held
            number = held.number + 1 if held else 1
            row = {
                "workspace_id": caller.workspace,
                "id": derived_id("exp", caller.workspace, expected.scope, str(number)),
                "scope": expected.scope,
                "number": number,
                "digest": digest,
                "text": text,
                "made_at": now().isoformat(),
            }
            with self._events.change(caller, "expectations.set", str(row["id"])) as change:
                change.execute(sa.insert(tables.expectations), row)
                change.emit("sightloop.expectations.set", {"number": number, "digest": digest})
        return self.get(caller, str(row["id"]))

    def list(self, caller: Caller) -> Sequence[Expectations]:
        """Those in force, by scope."""
        newest = {one.scope: one for one in self._rows(caller)}
        return [newest[scope] for scope in sorted(newest)]

    def get(self, caller: Caller, id: str) -> Expectations:
        """One version, by its id."""
        rows = {one.id: one for one in self._rows(caller)}
        if id not in rows:
            raise not_found("expectations", id, hint="List them: sightloop expectations list")
        return rows[id]

    def check(self, caller: Caller, text: str) -> Sequence[RuleReport]:
        """How each rule stands with the samples of its scope; nothing is changed."""
        expected = read_rules(text)
        view = self._catalogue.view(caller)
        scoped = self._scoped(caller, expected.scope, view)
        return [_report(view, scoped, expected.scope, rule) for rule in expected.rules]

    def judge(self, caller: Caller, ids: Sequence[str]) -> Judge:
        """Judges samples by these versions."""
        read = [self.get(caller, one) for one in ids]
        return Judge([(one, read_rules(one.text)) for one in read], lambda: self._catalogue.view(caller))

    def unfit(self, caller: Caller, dataset: str, samples: Sequence[str]) -> frozenset[str]:
        """Those of the samples that the dataset must not take in: they break a rule with `else: quarantine`."""
        found = next((one for one in self.list(caller) if one.scope == f"dataset:{dataset}"), None)
        if found is None or not samples:
            return frozenset()
        view = self._catalogue.view(caller)
        numbers = np.array(view.row_numbers(samples))
        out: set[str] = set()
        for rule in read_rules(found.text).rules:
            if rule.otherwise == QUARANTINE:
                out.update(view.ids[numbers[_broken(rule, _column(view, rule.field, numbers), len(numbers))]])
        return frozenset(out)

    def _scoped(self, caller: Caller, scope: str, view: View) -> Mask:
        kind, _, name = scope.partition(":")
        if kind == "source":
            return np.asarray(view.column("source") == name, bool)
        chosen = np.full(len(view), not scope)
        if scope:
            chosen[view.row_numbers(self._members(caller, name))] = True
        return chosen

    def _rows(self, caller: Caller) -> Sequence[Expectations]:
        """Every version, oldest first."""
        home = tables.expectations
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.number)
        with self._records.read() as connection:
            return [
                Expectations(row.id, row.scope, row.number, row.digest, row.text, row.made_at)
                for row in connection.execute(query)
            ]


@dataclass(slots=True)
class Judge:
    """Judges samples one by one; what `unique` has seen is what is stored and what passed here before.

    Attributes:
        of: the versions with their rules. view: the samples that are stored.
    """

    of: Sequence[tuple[Expectations, Expected]]
    view: Callable[[], View]
    _taken: dict[tuple[str, str], set[Any]] = field(default_factory=dict)

    def passed(self, sample: Sample) -> Sample:
        """The sample, with the rules that it is warned of under the facet "expectation".

        Raises:
            InvalidMedia: reason "expectation"; the message names each rule with the value, and where it stands.
        """
        warned: list[str] = []
        for version, expected in self.of:
            if expected.scope in ("", f"source:{sample.source}"):
                broken = [
                    (rule, value)
                    for rule in expected.rules
                    if not self._holds(rule, value := _value(sample, rule.field), sample)
                ]
                refused = [f"{_found(rule, value)}" for rule, value in broken if rule.otherwise == QUARANTINE]
                if refused:
                    scope = expected.scope.partition(":")[2]
                    of = f'the source "{scope}"' if scope else "every source"
                    raise InvalidMedia(
                        f"{'; '.join(refused)} (expectations of {of}, version {version.number}).",
                        hint="Mend the medium, or change the rule and replay it.",
                        reason="expectation",
                    )
                warned += [rule.says() for rule, _ in broken]
        for (source, name), values in self._taken.items():
            if source == sample.source:
                values.add(_value(sample, name))
        return replace(sample, metadata={**sample.metadata, FACET: "; ".join(warned)}) if warned else sample

    def _holds(self, rule: Rule, value: Any, sample: Sample) -> bool:
        if rule.check != "unique" or value is None or value == "":
            return rule.holds(value)
        key = (sample.source, rule.field)
        if key not in self._taken:
            view = self.view()
            mine = np.asarray(view.column("source") == sample.source, bool)
            self._taken[key] = set(view.column(rule.field)[mine].tolist()) if rule.field in view.fields() else set()
        return value not in self._taken[key]


def _value(sample: Sample, name: str) -> Any:
    if name in SAMPLE_FIELDS:
        value = getattr(sample, name)
        return value.isoformat() if hasattr(value, "isoformat") else str(value) if name == "kind" else value
    return sample.metadata.get(name)


def _found(rule: Rule, value: Any) -> str:
    if value is None or value == "":
        return f"{rule.field} is missing"
    shown = f"{value:g}" if isinstance(value, float) else str(value)[:60]
    if rule.check == "unique":
        return f'{rule.field} is "{shown}" as of another sample, expected to be unique'
    return f"{rule.field} is {shown}, expected {rule.says().removeprefix(rule.field).strip().replace('_', ' ')}"


def _report(view: View, scoped: Mask, scope: str, rule: Rule) -> RuleReport:
    numbers = np.flatnonzero(scoped)
    broken = numbers[_broken(rule, _column(view, rule.field, numbers), len(numbers))]
    where = rule.where()
    kind, _, name = scope.partition(":")
    if where is not None and kind != "dataset":
        where = {**where, **({"source": name} if kind and rule.field != "source" else {})}
    return RuleReport(
        rule.says(), rule.otherwise, len(numbers), len(broken), tuple(view.ids[broken[:SHOWN]]),
        where if rule.field in view.fields() and kind != "dataset" else None,
    )  # fmt: skip


def _column(view: View, field: str, numbers: Any) -> Any:
    """The values of some samples; None for a field that no sample has."""
    return view.column(field)[numbers] if field in view.fields() else None


def _broken(rule: Rule, values: Any, count: int) -> Mask:
    """Which values are not as expected; None for a field that no sample has."""
    found = [None] * count if values is None else values.tolist()
    if rule.check != "unique":
        return np.array([not rule.holds(one) for one in found], bool)
    often = Counter(one for one in found if one is not None and one != "")
    return np.array([often.get(one, 0) > 1 for one in found], bool)
