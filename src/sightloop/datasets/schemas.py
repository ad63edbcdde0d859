"""Label schemas and the names of datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.domain import Caller, LabelSchema, now
from sightloop.errors import Conflict, InvalidInput, not_found
from sightloop.events import Events
from sightloop.storage import Records
from sightloop.vision import GEOMETRY_TYPES

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
MAX_CLASSES: Final = 1000
MAX_KEYPOINTS: Final = 200
MAX_ATTRIBUTES: Final = 50
ATTRIBUTE_TYPES: Final = ("bool", "number", "text", "choice")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A name for a line of versions, labelled under one schema (its id)."""

    id: str
    name: str
    schema: str
    made_at: datetime


class Schemas:
    """Makes and finds label schemas and datasets."""

    def __init__(self, records: Records, events: Events) -> None:
        self._records = records
        self._events = events

    def create_schema(
        self,
        caller: Caller,
        name: str,
        classes: Sequence[str],
        geometry_types: Sequence[str] = ("class",),
        *,
        colours: Mapping[str, str] | None = None,
        skeleton: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> LabelSchema:
        check_name("label schema", name)
        _check_classes(classes)
        unknown = sorted(set(geometry_types) - set(GEOMETRY_TYPES))
        if unknown or not geometry_types:
            named = f'There is no geometry type "{unknown[0]}".' if unknown else "The schema holds no geometry type."
            raise InvalidInput(named, hint=f"Use {', '.join(GEOMETRY_TYPES)}.")
        content = {
            "classes": list(classes),
            "geometry_types": list(dict.fromkeys(geometry_types)),
            "attributes": _attributes(attributes or {}),
            "skeleton": _skeleton(skeleton or {}, "keypoints" in geometry_types),
        }
        painted = _colours(colours, classes)
        home = tables.label_schemas
        with self._records.read() as connection:
            newest = connection.execute(
                sa.select(home)
                .where(home.c.workspace_id == caller.workspace, home.c.name == name)
                .order_by(home.c.version.desc())
                .limit(1)
            ).first()
        if newest and all(getattr(newest, key) == value for key, value in content.items()):
            return self._paint(caller, _schema(newest), painted)
        row: dict[str, Any] = {
            "workspace_id": caller.workspace,
            "id": caller.new_id("sch"),
            "name": name,
            "version": newest.version + 1 if newest else 1,
            **content,
            "colours": painted if painted is not None else _kept(newest, classes),
            "made_at": now().isoformat(),
        }
        with self._events.change(caller, "schema.create", row["id"]) as change:
            change.execute(sa.insert(home), row)
            change.emit("sightloop.schema.created", {"schema": row["id"], "version": row["version"]})
        return self.schema(caller, row["id"])

    def _paint(self, caller: Caller, schema: LabelSchema, colours: Mapping[str, str] | None) -> LabelSchema:
        """The schema in these colours; what it means is the same, so its version is too."""
        if colours is None or colours == schema.colours:
            return schema
        home = tables.label_schemas
        with self._events.change(caller, "schema.paint", schema.id) as change:
            this = (home.c.workspace_id == caller.workspace) & (home.c.id == schema.id)
            change.execute(sa.update(home).where(this).values(colours=dict(colours)))
            change.emit("sightloop.schema.painted", {"schema": schema.id})
        return self.schema(caller, schema.id)

    def schema(self, caller: Caller, name_or_id: str) -> LabelSchema:
        home = tables.label_schemas
        mine = sa.select(home).where(home.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            row = connection.execute(
                mine.where(sa.or_(home.c.id == name_or_id, home.c.name == name_or_id))
                .order_by(home.c.version.desc())
                .limit(1)
            ).first()
            if row is None:
                names = connection.scalars(sa.select(home.c.name).where(home.c.workspace_id == caller.workspace))
                raise not_found("label schema", name_or_id, names)
        return _schema(row)

    def schemas(self, caller: Caller) -> list[LabelSchema]:
        """The newest version of every label schema, by name."""
        home = tables.label_schemas
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name, home.c.version)
        with self._records.read() as connection:
            newest = {row.name: row for row in connection.execute(query)}
        return [_schema(row) for row in newest.values()]

    def create(self, caller: Caller, name: str, schema: str) -> Dataset:
        check_name("dataset", name)
        schema_id = self.schema(caller, schema).id
        home = tables.datasets
        with self._records.read() as connection:
            row = connection.execute(
                sa.select(home).where(home.c.workspace_id == caller.workspace, home.c.name == name)
            ).first()
        if row is not None and row.schema_id == schema_id:
            return _dataset(row)
        if row is not None:
            raise Conflict(f'The dataset "{name}" exists under another label schema.', hint="Choose another name.")
        values = {
            "workspace_id": caller.workspace,
            "id": caller.new_id("dst"),
            "name": name,
            "schema_id": schema_id,
            "made_at": now().isoformat(),
        }
        with self._events.change(caller, "dataset.create", values["id"]) as change:
            change.execute(sa.insert(home), values)
            change.emit("sightloop.dataset.created", {"dataset": values["id"]})
        return self.dataset(caller, name)

    def datasets(self, caller: Caller) -> list[Dataset]:
        home = tables.datasets
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name)
        with self._records.read() as connection:
            return [_dataset(row) for row in connection.execute(query)]

    def dataset(self, caller: Caller, name_or_id: str) -> Dataset:
        known = self.datasets(caller)
        for one in known:
            if name_or_id in (one.name, one.id):
                return one
        raise not_found(
            "dataset", name_or_id, [one.name for one in known], hint="Create it: sightloop dataset create NAME"
        )


def check_name(kind: str, name: str) -> None:
    """Nothing; raises InvalidInput unless the name can stand in commands and addresses."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f'"{name[:100]}" cannot name a {kind}.', hint="Use letters, digits, dot, dash and underscore, at most 100."
        )


def _check_classes(classes: Sequence[str]) -> None:
    if not 1 <= len(classes) <= MAX_CLASSES or not _names(classes):
        raise InvalidInput(
            "The classes are not a list of different names.", hint=f'Give 1 to {MAX_CLASSES}, like ["ok", "defect"].'
        )


def check_attributes(schema: LabelSchema, values: Mapping[str, Any]) -> None:
    """Nothing; raises InvalidInput unless every value fits the attribute of its name."""
    for name, value in values.items():
        declared = schema.attributes.get(name)
        if declared is None:
            raise InvalidInput(
                f'The schema "{schema.name}" has no attribute "{name[:100]}".',
                hint=f"It has {', '.join(schema.attributes) or 'none'}. Create a new version of it.",
            )
        kind = declared["type"]
        good = {
            "bool": isinstance(value, bool),
            "number": isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300,
            "text": isinstance(value, str) and len(value) <= 1000,
            "choice": value in declared.get("choices", ()),
        }[kind]
        if not good:
            wanted = f"one of {', '.join(declared['choices'][:10])}" if kind == "choice" else f"a {kind}"
            raise InvalidInput(f'The value of the attribute "{name}" does not fit.', hint=f"Give {wanted}.")


def read_attribute(schema: LabelSchema, name: str, value: Any) -> Any:
    """The value as the schema means it where a file holds it as text: a number, or true or false; else as it is."""
    kind = schema.attributes.get(name, {}).get("type")
    if isinstance(value, str) and kind == "bool":
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    if isinstance(value, str) and kind == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes as they are kept; raises InvalidInput."""
    kept = {}
    for name, one in given.items():
        kind = one.get("type") if isinstance(one, Mapping) else None
        choices = list(one.get("choices") or ()) if isinstance(one, Mapping) else []
        good = kind in ATTRIBUTE_TYPES and 0 < len(name) <= 100 and set(one) <= {"type", "choices"}
        if not good or len(given) > MAX_ATTRIBUTES or (kind == "choice") != bool(choices) or not _names(choices):
            raise InvalidInput(
                f'The attribute "{name[:100]}" cannot be read.',
                hint='Write {"occluded": {"type": "bool"}, "side": {"type": "choice", "choices": ["left", "right"]}}.',
            )
        kept[name] = {"type": kind, "choices": choices} if choices else {"type": kind}
    return kept


def _skeleton(given: Mapping[str, Any], needed: bool) -> dict[str, Any]:
    """The skeleton as it is kept; raises InvalidInput."""
    if not given and not needed:
        return {}
    points, edges = given.get("points") or [], given.get("edges") or []
    good = set(given) <= {"points", "edges"} and isinstance(points, list) and isinstance(edges, list)
    good = good and 0 < len(points) <= MAX_KEYPOINTS and _names(points) and len(edges) <= MAX_KEYPOINTS**2
    for edge in edges if good else ():
        pair = isinstance(edge, list | tuple) and len(edge) == 2 and all(type(one) is int for one in edge)
        good = good and pair and all(0 <= one < len(points) for one in edge)
    if not good:
        raise InvalidInput(
            "The skeleton cannot be read, or keypoints have none.",
            hint='Write {"points": ["head", "tail"], "edges": [[0, 1]]}: edges join points by their number, from 0 on.',
        )
    return {"points": list(points), "edges": [list(edge) for edge in edges]}


def _colours(given: Mapping[str, str] | None, classes: Sequence[str]) -> dict[str, str] | None:
    for name, colour in (given or {}).items():
        if name not in classes or not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
            raise InvalidInput(
                f'The colour of "{name[:100]}" cannot be read.', hint='Give "#rrggbb" for classes of the schema.'
            )
    return None if given is None else dict(given)


def _kept(newest: Any, classes: Sequence[str]) -> dict[str, str]:
    """The colours of the version before, of the classes that go on."""
    return {name: colour for name, colour in newest.colours.items() if name in classes} if newest else {}


def _names(values: Sequence[Any]) -> bool:
    good = all(isinstance(one, str) and one.strip() == one and 0 < len(one) <= 100 for one in values)
    return good and len(set(values)) == len(values)


def _schema(row: Any) -> LabelSchema:
    return LabelSchema(
        row.id, row.name, row.version, tuple(row.classes), tuple(row.geometry_types), dict(row.attributes),
        dict(row.colours), dict(row.skeleton),
    )  # fmt: skip


def _dataset(row: Any) -> Dataset:
    return Dataset(row.id, row.name, row.schema_id, datetime.fromisoformat(row.made_at))
