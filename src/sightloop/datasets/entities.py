"""What samples are of: cameras, assets, persons, work orders; rules tell them from fields, merges make names one.

Nothing is stored with samples: rules and merges are read with each question, so both can be taken back at any time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.catalogue import Catalogue, View
from sightloop.domain import Caller, derived_id, now
from sightloop.errors import Conflict, InvalidInput, not_found
from sightloop.events import Events
from sightloop.storage import Records

KINDS: Final = ("camera", "asset", "person", "work_order")


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing of the world; `names` are all that mean it, its own first, `samples` how many are of it."""

    id: str
    kind: str
    name: str
    names: tuple[str, ...]
    samples: int


class Entities:
    """Rules say which field names which kind; what came with a sample under `entities` counts beside them."""

    def __init__(self, records: Records, events: Events, catalogue: Catalogue) -> None:
        self._records = records
        self._events = events
        self._catalogue = catalogue

    def rules(self, caller: Caller) -> dict[str, str]:
        """Kind by field."""
        home = tables.entity_rules
        query = sa.select(home.c.field, home.c.kind).where(home.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            return {row.field: row.kind for row in connection.execute(query.order_by(home.c.field))}

    def set_rule(self, caller: Caller, field: str, kind: str) -> dict[str, str]:
        """The rules after the values of a field name entities of a kind, or with an empty kind no longer do."""
        known: Collection[str]
        if kind:
            _check_kind(kind)
            known = self._catalogue.view(caller).fields()
        else:
            known = self.rules(caller)
        if field not in known:
            raise not_found("field", field, list(known))
        home = tables.entity_rules
        mine = sa.and_(home.c.workspace_id == caller.workspace, home.c.field == field)
        with self._events.change(caller, "entity.rule", field) as change:
            change.execute(sa.delete(home).where(mine))
            if kind:
                change.execute(sa.insert(home), {"workspace_id": caller.workspace, "field": field, "kind": kind})
            change.emit("sightloop.entity.ruled", {"field": field, "kind": kind})
        return self.rules(caller)

    def listed(self, caller: Caller, kind: str | None = None) -> list[Entity]:
        """All that any sample is of, the most frequent first."""
        if kind is not None:
            _check_kind(kind)
        view, merged = self._catalogue.view(caller), self._merges(caller)
        counts: Counter[tuple[str, str]] = Counter()
        names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for (of, name), rows in self._named(caller, view).items():
            root = _root(merged, of, name)
            if kind in (None, of):
                names[of, root].add(name)
                counts[of, root] += len(rows)
        return [_entity(caller, of, root, names[of, root], n) for (of, root), n in counts.most_common()]

    def get(self, caller: Caller, entity_id: str) -> Entity:
        """One of those that are listed."""
        for one in self.listed(caller):
            if one.id == entity_id:
                return one
        raise not_found("entity", entity_id, hint="List them: sightloop entity list")

    def of(self, caller: Caller, sample: str) -> list[Entity]:
        """What a sample is of, by kind; `samples` is 1."""
        view, merged = self._catalogue.view(caller), self._merges(caller)
        [number] = view.row_numbers([sample])
        [row] = view.rows([number])
        facets = orjson.loads(row["metadata"])
        said = set(orjson.loads(row["entities"] or "{}").items())
        said |= {
            (kind, value) for field, kind in self.rules(caller).items() if (value := row.get(field, facets.get(field)))
        }
        found = {(kind, _root(merged, kind, str(name))): str(name) for kind, name in said}
        return [_entity(caller, kind, root, {name}, 1) for (kind, root), name in sorted(found.items())]

    def samples(self, caller: Caller, entity_id: str) -> list[str]:
        """The ids of all samples that are of an entity, sorted."""
        view, entity = self._catalogue.view(caller), self.get(caller, entity_id)
        named = self._named(caller, view)
        rows = {row for name in entity.names for row in named.get((entity.kind, name), ())}
        return [str(view.ids[row]) for row in sorted(rows)]

    def merge(self, caller: Caller, kind: str, name: str, into: str) -> Entity:
        """The entity that both names mean from now on.

        Raises:
            Conflict: the name is merged already, or the other one is merged into it.
        """
        _check_kind(kind)
        merged = self._merges(caller)
        if (kind, name) in merged:
            raise Conflict(f'"{name}" is merged into another {kind} already.', hint="Split it first.")
        if _root(merged, kind, into) == name:
            raise Conflict(f'"{into}" is "{name}" already.', hint="Nothing is left to merge.")
        before = {one.name: one for one in self.listed(caller, kind)}
        for one in (name, _root(merged, kind, into)):
            if one not in before:
                raise not_found(kind, one, list(before))
        values = {
            "workspace_id": caller.workspace,
            "kind": kind,
            "name": name,
            "into": into,
            "made_at": now().isoformat(),
        }
        with self._events.change(caller, "entity.merge", before[name].id) as change:
            change.execute(sa.insert(tables.entity_merges), values)
            change.emit("sightloop.entity.merged", {"kind": kind, "entity": before[name].id})
        root = _root(self._merges(caller), kind, name)
        return next(one for one in self.listed(caller, kind) if one.name == root)

    def split(self, caller: Caller, kind: str, name: str) -> list[Entity]:
        """The entities of the kind after the merge of a name was taken back."""
        home = tables.entity_merges
        mine = sa.and_(home.c.workspace_id == caller.workspace, home.c.kind == kind, home.c.name == name)
        if (kind, name) not in self._merges(caller):
            raise not_found(f"merged {kind}", name, hint="List them: sightloop entity list")
        with self._events.change(caller, "entity.split", _id(caller, kind, name)) as change:
            change.execute(sa.delete(home).where(mine))
            change.emit("sightloop.entity.split", {"kind": kind, "entity": _id(caller, kind, name)})
        return self.listed(caller, kind)

    def _merges(self, caller: Caller) -> dict[tuple[str, str], str]:
        home = tables.entity_merges
        query = sa.select(home.c.kind, home.c.name, home.c.into).where(home.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            return {(row.kind, row.name): row.into for row in connection.execute(query)}

    def _named(self, caller: Caller, view: View) -> dict[tuple[str, str], Sequence[int]]:
        """The rows in which each kind and name is said, once each."""
        rows: dict[tuple[str, str], set[int]] = defaultdict(set)
        for field, kind in self.rules(caller).items():
            for value, found in _rows_by_value(view, field).items():
                rows[kind, value].update(found)
        for number, text in enumerate(view.table["entities"].to_pylist()):
            if text not in (None, "", "{}"):
                for kind, value in orjson.loads(text).items():
                    rows[kind, str(value)].add(number)
        return {key: sorted(found) for key, found in rows.items()}


def _rows_by_value(view: View, field: str) -> dict[str, list[int]]:
    if field not in view.fields():
        return {}
    found: dict[str, list[int]] = defaultdict(list)
    for number, value in enumerate(np.asarray(view.column(field)).tolist()):
        if value not in (None, ""):
            found[str(value)].append(number)
    return found


def _root(merged: Mapping[tuple[str, str], str], kind: str, name: str) -> str:
    while (kind, name) in merged:
        name = merged[kind, name]
    return name


def _entity(caller: Caller, kind: str, name: str, names: set[str], samples: int) -> Entity:
    return Entity(_id(caller, kind, name), kind, name, (name, *sorted(names - {name})), samples)


def _id(caller: Caller, kind: str, name: str) -> str:
    return derived_id("ent", caller.workspace, kind, name)


def _check_kind(kind: Any) -> None:
    if kind not in KINDS:
        raise InvalidInput(f'There is no kind of entity "{kind}".', hint=f"Kinds: {', '.join(KINDS)}.")
