"""Annotations: append-only revisions of the truth about a sample, under a label schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.schemas import Schemas, check_attributes
from sightloop.domain import Annotation, AuthorKind, Basis, Caller, LabelSchema, derived_id, now
from sightloop.errors import Conflict, InvalidInput, not_found
from sightloop.events import Change
from sightloop.storage import Records, faultpoint
from sightloop.vision import check_geometry

_LISTED: Final = 500  # ids in one SQL list; beyond it, all heads of the schema are read
Key = tuple[str, str, str]  # schema, sample, object


@dataclass(frozen=True, slots=True)
class NewAnnotation:
    """What somebody says about a sample.

    Attributes:
        schema: id of the label schema.
        label: a class of the schema; empty to retract what was said before.
        expected_revision: the revision that the author saw, 0 for none; None to write whatever stands there.
        object: which thing on the sample; empty for the class of the whole image.
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
    object: str = ""


@dataclass(frozen=True, slots=True)
class Clash:
    """An item that was not written, and the revision that its author had not seen; None where there is none."""

    item: NewAnnotation
    stands: Annotation | None

    @property
    def revision(self) -> int:
        return self.stands.revision if self.stands else 0


class Annotations:
    """Writes inside another room's unit of work, and reads what stands."""

    def __init__(self, records: Records, catalogue: Catalogue, schemas: Schemas) -> None:
        self._records = records
        self._catalogue = catalogue
        self._schemas = schemas

    def write(
        self, change: Change, caller: Caller, items: Sequence[NewAnnotation], *, checked: bool = False
    ) -> list[Annotation]:
        """The new revisions, in order. Under an idempotency key the same writing again returns the same revisions.

        Args:
            checked: the items are as `checked` gives them, and need not be looked at again.

        Raises:
            Conflict: `expected_revision` is not the newest one; the message names both. Nothing is written.
            InvalidInput: the label is no class of the schema, or what is said does not fit the schema or the image.
            NotFound: no such sample or schema in this workspace.
        """
        written = self._written(change, caller, items if checked else self.checked(caller, items))
        for one in written:
            if isinstance(one, Clash):
                raise Conflict(
                    f"The annotation of {one.item.sample} stands at revision {one.revision}, not "
                    f"{one.item.expected_revision}.",
                    hint="Look at what was written meanwhile, then answer again.",
                    sample=one.item.sample,
                    revision=one.revision,
                    expected_revision=one.item.expected_revision,
                )
        return [one for one in written if isinstance(one, Annotation)]

    def write_free(self, change: Change, caller: Caller, items: Sequence[NewAnnotation]) -> list[Annotation | Clash]:
        """As `write`, but what clashes is left out and told, and the rest is written.

        Of several items on one object only the first is compared with what stands; the others share its fate.
        """
        return self._written(change, caller, self.checked(caller, items))

    def _written(self, change: Change, caller: Caller, checked: Sequence[NewAnnotation]) -> list[Annotation | Clash]:
        standing = self._standing(change.connection, caller, checked)
        heads = dict(standing)
        numbers: dict[tuple[str, str], int] = {}
        for (schema, sample, _), one in heads.items():
            numbers[schema, sample] = max(numbers.get((schema, sample), 0), one.revision)
        made_at = now()
        outcomes: list[Annotation | Clash] = []
        fresh: list[Annotation] = []
        first: dict[Key, Annotation | Clash] = {}
        for ordinal, item in enumerate(checked):
            key = (item.schema, item.sample, item.object)
            annotation_id, before = self._before(change.connection, caller, key, ordinal)
            head = heads.get(key)
            told = first.get(key)
            stands = (head.revision, 0) if head and head.basis is Basis.UNDECIDED else (head.revision if head else 0,)
            seen = item.expected_revision in (None, *stands)
            outcome: Annotation | Clash
            if before is not None:
                outcome = before
            elif isinstance(told, Clash) or (told is None and not seen):
                outcome = Clash(item, head)
            else:
                number = numbers[key[:2]] = numbers.get(key[:2], 0) + 1
                outcome = _annotation_of(item, annotation_id, number, made_at)
                fresh.append(outcome)
                heads[key] = outcome
            first.setdefault(key, outcome)
            outcomes.append(outcome)
        written = {(one.schema, one.sample, one.object) for one in fresh}
        self._insert(change, caller, fresh, [standing[key].id for key in written if key in standing])
        return outcomes

    def checked(self, caller: Caller, items: Sequence[NewAnnotation]) -> list[NewAnnotation]:
        """The items under the ids of their schemas, geometry in floats; raises InvalidInput and NotFound as `write`."""
        schemas = {one: self._schemas.schema(caller, one) for one in {item.schema for item in items}}
        sizes = self._sizes(caller, items)
        return [_checked(item, schemas[item.schema], sizes[item.sample]) for item in items]

    def heads(self, caller: Caller, schema: str, samples: Sequence[str] | None = None) -> dict[str, Annotation]:
        """The newest class of each whole image, retractions left out; `schema` is a name or an id."""
        schema_id = self._schemas.schema(caller, schema).id
        with self._records.read() as connection:
            found = _heads(connection, caller, schema_id, samples)
        return {sample: head for sample, head in found.items() if head.label}

    def page(self, caller: Caller, schema: str, limit: int, cursor: str) -> list[Annotation]:
        """Up to `limit` newest classes of whole images by sample id, after the cursor, retractions left out."""
        home = tables.revisions
        mine = _mine(caller).where(home.c.schema_id == self._schemas.schema(caller, schema).id, home.c.head)
        query = (
            mine.where(home.c.object == "", home.c.label != "", home.c.sample > cursor)
            .order_by(home.c.sample)
            .limit(limit)
        )
        with self._records.read() as connection:
            return [_annotation(row) for row in connection.execute(query)]

    def objects(self, caller: Caller, schema: str, samples: Sequence[str] | None = None) -> dict[str, list[Annotation]]:
        """The newest revision of each object by sample, the one last written at the end, retractions left in.

        The class of the whole image is the object "". `schema` is a name or an id; None means every sample.
        """
        schema_id = self._schemas.schema(caller, schema).id
        found: dict[str, list[Annotation]] = {}
        with self._records.read() as connection:
            for head in _every(connection, caller, schema_id, samples):
                found.setdefault(head.sample, []).append(head)
        return found

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

    def _sizes(self, caller: Caller, items: Sequence[NewAnnotation]) -> dict[str, tuple[int, int]]:
        """Width and height of each sample; raises NotFound."""
        view = self._catalogue.view(caller)
        samples = sorted({item.sample for item in items})
        numbers = view.row_numbers(samples)
        widths, heights = view.column("width")[numbers], view.column("height")[numbers]
        return {one: (int(w), int(h)) for one, w, h in zip(samples, widths, heights, strict=True)}

    def _standing(
        self, connection: sa.Connection, caller: Caller, items: Sequence[NewAnnotation]
    ) -> dict[Key, Annotation]:
        heads: dict[Key, Annotation] = {}
        for schema in {item.schema for item in items}:
            for head in _every(connection, caller, schema, [item.sample for item in items if item.schema == schema]):
                heads[schema, head.sample, head.object] = head
        return heads

    def _before(
        self, connection: sa.Connection, caller: Caller, key: Key, ordinal: int
    ) -> tuple[str, Annotation | None]:
        """The id of the next revision, and what was written under the same key before."""
        annotation_id = caller.new_id("ann")
        if caller.idempotency_key is None:
            return annotation_id, None
        annotation_id = derived_id("ann", annotation_id, *(part for part in key if part), str(ordinal))
        row = connection.execute(_mine(caller).where(tables.revisions.c.id == annotation_id)).first()
        return annotation_id, _annotation(row) if row is not None else None

    def _insert(self, change: Change, caller: Caller, fresh: Sequence[Annotation], stood: Sequence[str]) -> None:
        if not fresh:
            return
        home = tables.revisions
        if stood:
            change.execute(
                sa.update(home)
                .where(home.c.workspace_id == caller.workspace, home.c.id == sa.bindparam("stood"))
                .values(head=False),
                [{"stood": one} for one in stood],
            )
        faultpoint("label.demoted")
        newest = {(one.schema, one.sample, one.object): one.revision for one in fresh}
        change.execute(
            sa.insert(home),
            [
                _row(caller, one, newest[one.schema, one.sample, one.object] == one.revision, change.sequence)
                for one in fresh
            ],
        )


def _checked(item: NewAnnotation, schema: LabelSchema, size: tuple[int, int]) -> NewAnnotation:
    """The item under the id of its schema, its geometry in floats; raises InvalidInput."""
    if item.label and item.label not in schema.classes:
        raise InvalidInput(
            f'"{item.label}" is no class of the schema "{schema.name}".',
            hint=f"Classes: {', '.join(schema.classes[:10])}.",
        )
    if not item.label:
        return replace(item, schema=schema.id, geometry_type="class", geometry={}, attributes={})
    if item.geometry_type not in schema.geometry_types:
        raise InvalidInput(
            f'The schema "{schema.name}" does not hold "{item.geometry_type}".',
            hint=f"It holds {', '.join(schema.geometry_types)}. Create a new version of it.",
        )
    if not item.object and item.geometry_type != "class":
        raise InvalidInput(
            f"A {item.geometry_type} is no class of a whole image.", hint="Name the object that it belongs to."
        )
    geometry = check_geometry(item.geometry_type, item.geometry, *size, len(schema.skeleton.get("points", ())))
    check_attributes(schema, item.attributes)
    return replace(item, schema=schema.id, geometry=geometry)


def _annotation_of(item: NewAnnotation, annotation_id: str, revision: int, made_at: datetime) -> Annotation:
    return Annotation(
        id=annotation_id, sample=item.sample, schema=item.schema, revision=revision, label=item.label,
        author=item.author, author_kind=item.author_kind, basis=item.basis, made_at=made_at,
        geometry_type=item.geometry_type, geometry=dict(item.geometry), attributes=dict(item.attributes),
        duration_s=item.duration_s, receipt=item.receipt, queue_item=item.queue_item, object=item.object,
    )  # fmt: skip


def _mine(caller: Caller) -> sa.Select[Any]:
    return sa.select(tables.revisions).where(tables.revisions.c.workspace_id == caller.workspace)


def _heads(
    connection: sa.Connection, caller: Caller, schema_id: str, samples: Sequence[str] | None
) -> dict[str, Annotation]:
    home = tables.revisions
    query = _mine(caller).where(home.c.head, home.c.schema_id == schema_id, home.c.object == "")
    wanted = None if samples is None else set(samples)
    if wanted is not None and len(wanted) <= _LISTED:
        query = query.where(home.c.sample.in_(sorted(wanted)))
    rows = connection.execute(query.order_by(home.c.sample))
    return {row.sample: _annotation(row) for row in rows if wanted is None or row.sample in wanted}


def _every(
    connection: sa.Connection, caller: Caller, schema_id: str, samples: Sequence[str] | None
) -> Iterator[Annotation]:
    """The newest revision of every object, by sample, then in the order in which the objects were last written."""
    home = tables.revisions
    query = _mine(caller).where(home.c.head, home.c.schema_id == schema_id).order_by(home.c.sample, home.c.revision)
    if samples is None:
        yield from map(_annotation, connection.execute(query))
        return
    listed = sorted(set(samples))
    for start in range(0, len(listed), _LISTED):
        rows = connection.execute(query.where(home.c.sample.in_(listed[start : start + _LISTED])))
        yield from map(_annotation, rows)


def _row(caller: Caller, one: Annotation, head: bool, sequence: int) -> dict[str, Any]:
    return {
        "workspace_id": caller.workspace, "id": one.id, "schema_id": one.schema, "sample": one.sample,
        "revision": one.revision, "head": head, "label": one.label, "author": one.author,
        "author_kind": str(one.author_kind), "basis": str(one.basis), "made_at": one.made_at.isoformat(),
        "geometry_type": one.geometry_type, "geometry": dict(one.geometry), "attributes": dict(one.attributes),
        "duration_s": one.duration_s, "receipt": one.receipt, "queue_item": one.queue_item, "object": one.object,
        "sequence": sequence,
    }  # fmt: skip


def _annotation(row: Any) -> Annotation:
    return Annotation(
        id=row.id, sample=row.sample, schema=row.schema_id, revision=row.revision, label=row.label,
        author=row.author, author_kind=AuthorKind(row.author_kind), basis=Basis(row.basis),
        made_at=datetime.fromisoformat(row.made_at), geometry_type=row.geometry_type, geometry=row.geometry,
        attributes=row.attributes, duration_s=row.duration_s, receipt=row.receipt, queue_item=row.queue_item,
        object=row.object,
    )  # fmt: skip
