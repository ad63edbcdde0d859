"""Annotations: append-only revisions of the truth about a sample, under a label schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.schemas import Schemas
from sightloop.domain import Annotation, AuthorKind, Basis, Caller, LabelSchema, derived_id, now
from sightloop.errors import Conflict, InvalidInput, not_found
from sightloop.events import Change
from sightloop.storage import Records, faultpoint

_LISTED: Final = 500  # ids in one SQL list; beyond it, all heads of the schema are read


@dataclass(frozen=True, slots=True)
class NewAnnotation:
    """What somebody says about a sample.

    Attributes:
        schema: id of the label schema.
        label: a class of the schema; empty to retract what was said before.
        expected_revision: the revision that the author saw, 0 for none; None to write whatever stands there.
    """

    sample: str
    schema: str
    label: str
    basis: Basis
    author: str
    author_kind: AuthorKind = AuthorKind.PERSON
    expected_revision: int | None = None
    receipt: str = ""
    queue_item: str = ""
    duration_s: float = 0.0
    geometry_type: str = "class"
    geometry: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Annotations:
    """Writes inside another room's unit of work, and reads what stands."""

    def __init__(self, records: Records, catalogue: Catalogue, schemas: Schemas) -> None:
        self._records = records
        self._catalogue = catalogue
        self._schemas = schemas

    def write(self, change: Change, caller: Caller, items: Sequence[NewAnnotation]) -> list[Annotation]:
        """The new revisions, in order. Under an idempotency key the same writing again returns the same revisions.

        Raises:
            Conflict: `expected_revision` is not the newest one; the message names both. Nothing is written.
            InvalidInput: the label is no class of the schema, or the geometry type is not allowed.
            NotFound: no such sample or schema in this workspace.
        """
        schemas = {one: self._schemas.schema(caller, one) for one in {item.schema for item in items}}
        self._catalogue.view(caller).row_numbers(item.sample for item in items)
        for item in items:
            _check(item, schemas[item.schema])
        heads: dict[tuple[str, str], Annotation] = {}
        for schema in schemas.values():
            samples = [item.sample for item in items if schemas[item.schema] is schema]
            for sample, head in _heads(change.connection, caller, schema.id, samples).items():
                heads[schema.id, sample] = head
        made_at = now()
        written, fresh = [], []
        for ordinal, item in enumerate(items):
            key = (schemas[item.schema].id, item.sample)
            one, is_new = self._next(change.connection, caller, item, key, ordinal, heads.get(key), made_at)
            written.append(one)
            if is_new:
                fresh.append(one)
                heads[key] = one
        self._insert(change, caller, fresh)
        return written

    def heads(self, caller: Caller, schema: str, samples: Sequence[str] | None = None) -> dict[str, Annotation]:
        """The newest revision by sample, retractions left out; `schema` is a name or an id."""
        schema_id = self._schemas.schema(caller, schema).id
        with self._records.read() as connection:
            found = _heads(connection, caller, schema_id, samples)
        return {sample: head for sample, head in found.items() if head.label}

    def page(self, caller: Caller, schema: str, limit: int, cursor: str) -> list[Annotation]:
        """Up to `limit` newest revisions by sample id, after the cursor, retractions left out."""
        home = tables.revisions
        mine = _mine(caller).where(home.c.schema_id == self._schemas.schema(caller, schema).id, home.c.head)
        query = mine.where(home.c.label != "", home.c.sample > cursor).order_by(home.c.sample).limit(limit)
        with self._records.read() as connection:
            return [_annotation(row) for row in connection.execute(query)]

    def history(self, caller: Caller, sample: str) -> list[Annotation]:
        """All revisions about a sample, oldest first, schema by schema."""
        self._catalogue.view(caller).row_numbers([sample])
        home = tables.revisions
        query = _mine(caller).where(home.c.sample == sample).order_by(home.c.schema_id, home.c.revision)
        with self._records.read() as connection:
            return [_annotation(row) for row in connection.execute(query)]

    def get(self, caller: Caller, annotation_id: str) -> Annotation:
        """One revision."""
        with self._records.read() as connection:
            row = connection.execute(_mine(caller).where(tables.revisions.c.id == annotation_id)).first()
        if row is None:
            raise not_found("annotation", annotation_id)
        return _annotation(row)

    def _next(
        self,
        connection: sa.Connection,
        caller: Caller,
        item: NewAnnotation,
        key: tuple[str, str],
        ordinal: int,
        head: Annotation | None,
        made_at: datetime,
    ) -> tuple[Annotation, bool]:
        """The revision of an item, and whether it is new or was written under the same key before."""
        annotation_id = caller.new_id("ann")
        if caller.idempotency_key is not None:
            annotation_id = derived_id("ann", annotation_id, *key, str(ordinal))
            before = connection.execute(_mine(caller).where(tables.revisions.c.id == annotation_id)).first()
            if before is not None:
                return _annotation(before), False
        revision = head.revision if head else 0
        if item.expected_revision is not None and item.expected_revision != revision:
            raise Conflict(
                f"The annotation of {item.sample} stands at revision {revision}, not {item.expected_revision}.",
                hint="Look at what was written meanwhile, then answer again.",
                sample=item.sample,
                revision=revision,
                expected_revision=item.expected_revision,
            )
        fresh = Annotation(
            id=annotation_id,
            sample=item.sample,
            schema=key[0],
            revision=revision + 1,
            label=item.label,
            author=item.author,
            author_kind=item.author_kind,
            basis=item.basis,
            made_at=made_at,
            geometry_type=item.geometry_type,
            geometry=dict(item.geometry),
            attributes=dict(item.attributes),
            duration_s=item.duration_s,
            receipt=item.receipt,
            queue_item=item.queue_item,
        )
        return fresh, True

    def _insert(self, change: Change, caller: Caller, fresh: Sequence[Annotation]) -> None:
        if not fresh:
            return
        home = tables.revisions
        change.execute(
            sa.update(home)
            .where(
                home.c.workspace_id == caller.workspace,
                home.c.head,
                home.c.schema_id == sa.bindparam("of_schema"),
                home.c.sample == sa.bindparam("of_sample"),
            )
            .values(head=False),
            [{"of_schema": one.schema, "of_sample": one.sample} for one in fresh],
        )
        faultpoint("label.demoted")
        newest = {(one.schema, one.sample): one.revision for one in fresh}
        change.execute(
            sa.insert(home),
            [_row(caller, one, newest[one.schema, one.sample] == one.revision) for one in fresh],
        )


def _check(item: NewAnnotation, schema: LabelSchema) -> None:
    if item.label and item.label not in schema.classes:
        raise InvalidInput(
            f'"{item.label}" is no class of the schema "{schema.name}".',
            hint=f"Classes: {', '.join(schema.classes[:10])}.",
        )
    if item.geometry_type not in schema.geometry_types:
        raise InvalidInput(
            f'The schema "{schema.name}" does not hold "{item.geometry_type}".',
            hint=f"It holds {', '.join(schema.geometry_types)}. Create a new version of it.",
        )


def _mine(caller: Caller) -> sa.Select[Any]:
    return sa.select(tables.revisions).where(tables.revisions.c.workspace_id == caller.workspace)


def _heads(
    connection: sa.Connection, caller: Caller, schema_id: str, samples: Sequence[str] | None
) -> dict[str, Annotation]:
    home = tables.revisions
    query = _mine(caller).where(home.c.head, home.c.schema_id == schema_id)
    wanted = None if samples is None else set(samples)
    if wanted is not None and len(wanted) <= _LISTED:
        query = query.where(home.c.sample.in_(sorted(wanted)))
    rows = connection.execute(query.order_by(home.c.sample))
    return {row.sample: _annotation(row) for row in rows if wanted is None or row.sample in wanted}


def _row(caller: Caller, one: Annotation, head: bool) -> dict[str, Any]:
    return {
        "workspace_id": caller.workspace, "id": one.id, "schema_id": one.schema, "sample": one.sample,
        "revision": one.revision, "head": head, "label": one.label, "author": one.author,
        "author_kind": str(one.author_kind), "basis": str(one.basis), "made_at": one.made_at.isoformat(),
        "geometry_type": one.geometry_type, "geometry": dict(one.geometry), "attributes": dict(one.attributes),
        "duration_s": one.duration_s, "receipt": one.receipt, "queue_item": one.queue_item,
    }  # fmt: skip


def _annotation(row: Any) -> Annotation:
    return Annotation(
        id=row.id, sample=row.sample, schema=row.schema_id, revision=row.revision, label=row.label,
        author=row.author, author_kind=AuthorKind(row.author_kind), basis=Basis(row.basis),
        made_at=datetime.fromisoformat(row.made_at), geometry_type=row.geometry_type, geometry=row.geometry,
        attributes=row.attributes, duration_s=row.duration_s, receipt=row.receipt, queue_item=row.queue_item,
    )  # fmt: skip
