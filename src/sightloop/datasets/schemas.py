"""Label schemas and the names of datasets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.domain import Caller, LabelSchema, now
from sightloop.errors import Conflict, InvalidInput, not_found
from sightloop.events import Events
from sightloop.storage import Records

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
GEOMETRY_TYPES: Final = ("class", "boxes")
MAX_CLASSES: Final = 1000


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
        self, caller: Caller, name: str, classes: Sequence[str], geometry_types: Sequence[str] = ("class",)
    ) -> LabelSchema:
        check_name("label schema", name)
        _check_classes(classes)
        unknown = sorted(set(geometry_types) - set(GEOMETRY_TYPES))
        if unknown:
            raise InvalidInput(f'There is no geometry type "{unknown[0]}".', hint=f"Use {' or '.join(GEOMETRY_TYPES)}.")
        home = tables.label_schemas
        with self._records.read() as connection:
            newest = connection.execute(
                sa.select(home)
                .where(home.c.workspace_id == caller.workspace, home.c.name == name)
                .order_by(home.c.version.desc())
                .limit(1)
            ).first()
        if newest and newest.classes == list(classes) and newest.geometry_types == list(geometry_types):
            return _schema(newest)
        row: dict[str, Any] = {
            "workspace_id": caller.workspace,
            "id": caller.new_id("sch"),
            "name": name,
            "version": newest.version + 1 if newest else 1,
            "classes": list(classes),
            "geometry_types": list(geometry_types),
            "attributes": {},
            "made_at": now().isoformat(),
        }
        with self._events.change(caller, "schema.create", row["id"]) as change:
            change.execute(sa.insert(home), row)
            change.emit("sightloop.schema.created", {"schema": row["id"], "version": row["version"]})
        return self.schema(caller, row["id"])

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
    good = all(isinstance(one, str) and one.strip() == one and 0 < len(one) <= 100 for one in classes)
    if not good or not 1 <= len(classes) <= MAX_CLASSES or len(set(classes)) != len(classes):
        raise InvalidInput(
            "The classes are not a list of different names.", hint=f'Give 1 to {MAX_CLASSES}, like ["ok", "defect"].'
        )


def _schema(row: Any) -> LabelSchema:
    return LabelSchema(
        row.id, row.name, row.version, tuple(row.classes), tuple(row.geometry_types), dict(row.attributes)
    )


def _dataset(row: Any) -> Dataset:
    return Dataset(row.id, row.name, row.schema_id, datetime.fromisoformat(row.made_at))
