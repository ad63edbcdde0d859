"""Objects: the labelled things on a sample, each with a truth of its own, and what models suggest of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.annotations import Annotations, Clash, NewAnnotation
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.merkle import canonical
from sightloop.datasets.schemas import Schemas, check_attributes
from sightloop.domain import (
    Annotation,
    AuthorKind,
    Basis,
    Caller,
    LabelSchema,
    PayloadKind,
    Prediction,
    derived_id,
    now,
)
from sightloop.errors import InvalidInput
from sightloop.events import Change, Events
from sightloop.storage import Records
from sightloop.vision import check_geometry

SUGGESTED: Final = "suggested"
MAX_OBJECTS: Final = 2000  # in one request, and of one sample's suggestions
_PREFIX: Final = "sug"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{0,64}")
_BY_HAND: Final = (Basis.DRAWN, Basis.ACCEPTED, Basis.CORRECTED)


@dataclass(frozen=True, slots=True)
class LabelledObject:
    """One thing on a sample as it stands, or as a model suggests it (revision 0, basis "suggested").

    Attributes:
        id: empty for the class of the whole image.
        label: empty where it was removed.
        score: of a suggestion; None for what people said.
    """

    id: str
    revision: int
    label: str
    geometry_type: str
    geometry: Mapping[str, Any]
    attributes: Mapping[str, Any]
    author: str
    author_kind: str
    basis: str
    made_at: datetime
    score: float | None = None
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class SampleObjects:
    """What stands on a sample under a schema (its name): objects, suggestions that a person rejected, newest number."""

    schema: str
    objects: tuple[LabelledObject, ...]
    rejected: tuple[str, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Operation:
    """What somebody does to one object. `expected_revision` is the one that he saw, 0 for none; None writes anyway."""

    op: Literal["put", "remove", "restore"]
    object: str
    expected_revision: int | None = None
    label: str = ""
    geometry_type: str = "class"
    geometry: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    basis: str = Basis.DRAWN
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ObjectConflict:
    """An operation that was not carried out; `theirs` is what stands there, None where it was removed or never was."""

    object: str
    expected_revision: int
    revision: int
    theirs: LabelledObject | None


@dataclass(frozen=True, slots=True)
class ObjectsWritten:
    """What operations made of their objects, removed ones with an empty label, and those that clashed."""

    objects: tuple[LabelledObject, ...]
    conflicts: tuple[ObjectConflict, ...]


@dataclass(frozen=True, slots=True)
class SuggestionReport:
    """Samples that have suggestions now, names without a sample, and objects left out, each with the reason."""

    written: int
    unknown: tuple[str, ...]
    refused: tuple[Mapping[str, Any], ...]


class _NothingToWriteError(Exception):
    """Ends a unit of work in which everything clashed."""


class Objects:
    """Reads and writes what is labelled on samples, object by object."""

    def __init__(
        self, records: Records, events: Events, catalogue: Catalogue, schemas: Schemas, annotations: Annotations
    ) -> None:
        self._records = records
        self._events = events
        self._catalogue = catalogue
        self._schemas = schemas
        self._annotations = annotations

    def read(self, caller: Caller, sample: str, schema: str) -> SampleObjects:
        """What stands on the sample under the schema (name or id)."""
        self._catalogue.view(caller).row_numbers([sample])
        found = self._schemas.schema(caller, schema)
        heads = self._annotations.objects(caller, found.id, [sample]).get(sample, [])
        return SampleObjects(
            found.name,
            tuple(_shown(head) for head in heads if head.label),
            tuple(head.object for head in heads if _rejects(head)),
            max((head.revision for head in heads), default=0),
        )

    def write(self, caller: Caller, sample: str, schema: str, operations: Sequence[Operation]) -> ObjectsWritten:
        """What was written, and what was not because somebody had written there meanwhile.

        To remove a suggestion that nobody accepted is to reject it, and to "restore" it takes that back. Of several
        operations on one object the first is compared with what stands. Under an idempotency key the same operations
        are carried out once.
        """
        found = self._schemas.schema(caller, schema)
        wrong = next((one.basis for one in operations if one.basis not in _BY_HAND), None)
        if wrong is not None:
            raise InvalidInput(f'Nobody can say "{wrong[:40]}" of his own label.', hint=f"Use {', '.join(_BY_HAND)}.")
        try:
            with self._events.change(caller, "objects.write", sample) as change:
                done = self.write_within(change, caller, sample, found.id, operations)
                if not done.objects:
                    raise _NothingToWriteError(done)
                return done
        except _NothingToWriteError as nothing:
            clashed: ObjectsWritten = nothing.args[0]
            return clashed

    def write_within(
        self,
        change: Change,
        caller: Caller,
        sample: str,
        schema: str,
        operations: Sequence[Operation],
        *,
        author: str = "",
        queue_item: str = "",
    ) -> ObjectsWritten:
        """As `write`, inside another room's unit of work, whose caller need not be the author."""
        if not 0 < len(operations) <= MAX_OBJECTS:
            raise InvalidInput(f"There are {len(operations)} operations.", hint=f"Send 1 to {MAX_OBJECTS} at once.")
        items = [_item(one, author or caller.actor, sample, schema, queue_item) for one in operations]
        outcomes = self._annotations.write_free(change, caller, items)
        written = [one for one in outcomes if isinstance(one, Annotation)]
        conflicts = tuple(_conflict(one) for one in outcomes if isinstance(one, Clash))
        if written:
            told = {"sample": sample, "schema": written[0].schema, "removed": sum(not one.label for one in written)}
            told |= {"written": len(written), "revision": written[-1].revision}
            change.emit("sightloop.objects.written", told)
        return ObjectsWritten(tuple(map(_shown, written)), conflicts)

    def checked(
        self, caller: Caller, sample: str, schema: str, operations: Sequence[Operation]
    ) -> list[dict[str, Any]]:
        """The objects that "put" operations give, as JSON values, without writing them; raises InvalidInput."""
        items = [_item(one, caller.actor, sample, schema, "") for one in operations]
        return [
            {
                "id": one.object, "label": one.label, "geometry_type": one.geometry_type, "geometry": one.geometry,
                "attributes": dict(one.attributes), "basis": str(one.basis),
            }
            for one in self._annotations.checked(caller, items)
        ]  # fmt: skip

    def suggest(
        self, caller: Caller, schema: str, model_version: str, rows: Sequence[Mapping[str, Any]]
    ) -> SuggestionReport:
        """What was taken over of the predictions of a model, be it one of this workspace or not.

        They take the place of those that were imported for the same samples and schema before.

        Args:
            model_version: what the suggestions are said to come from.
            rows: {"sample" | "digest" | "name", "objects": [{"label", "score", "geometry_type", "geometry",
                "attributes"}]}.
        """
        found = self._schemas.schema(caller, schema)
        find = self._catalogue.finder(caller)
        view = self._catalogue.view(caller)
        placed, unknown, refused = [], [], []
        for row in rows:
            names = [str(row.get(key) or "") for key in ("sample", "digest", "name")]
            sample = find(*names)
            if not sample:
                unknown.append(next(filter(None, names), ""))
                continue
            number = view.row_numbers([sample])[0]
            size = int(view.column("width")[number]), int(view.column("height")[number])
            kept: dict[str, Any] = {}
            for at, one in enumerate(_objects_of(row)):
                try:
                    suggestion = _checked(one, found, size)
                except InvalidInput as error:
                    refused.append({"sample": sample, "index": at, "reason": error.message})
                else:
                    kept.setdefault(_suggestion_id(caller, found, sample, model_version, suggestion), suggestion)
            placed.append({"sample": sample, "objects": [{"id": key, **one} for key, one in kept.items()]})
        if placed:
            self._keep(caller, found, model_version, placed)
        return SuggestionReport(len(placed), tuple(unknown), tuple(refused[:100]))

    def suggestions(
        self, caller: Caller, sample: str, schema: str, prediction: Prediction | None
    ) -> list[LabelledObject]:
        """What is suggested for the sample: the newer of what was imported for it and of its prediction.

        Of a prediction counts what fits the schema and the image: its top class, or the "objects" of its payload.
        """
        found = self._schemas.schema(caller, schema)
        view = self._catalogue.view(caller)
        number = view.row_numbers([sample])[0]
        home = tables.suggestions
        query = sa.select(home).where(
            home.c.workspace_id == caller.workspace, home.c.schema_id == found.id, home.c.sample == sample
        )
        with self._records.read() as connection:
            row = connection.execute(query).first()
        if row is not None and (prediction is None or datetime.fromisoformat(row.made_at) >= prediction.made_at):
            made_at = datetime.fromisoformat(row.made_at)
            return [_suggestion(one["id"], one, row.model_version, made_at) for one in row.objects]
        if prediction is None:
            return []
        size = int(view.column("width")[number]), int(view.column("height")[number])
        return list(_predicted(prediction, found, size))

    def _keep(
        self, caller: Caller, schema: LabelSchema, model_version: str, placed: Sequence[Mapping[str, Any]]
    ) -> None:
        home = tables.suggestions
        rows = {
            one["sample"]: {
                "workspace_id": caller.workspace, "schema_id": schema.id, "sample": one["sample"],
                "model_version": model_version, "objects": one["objects"], "made_at": now().isoformat(),
            }
            for one in placed
        }  # fmt: skip
        with self._events.change(caller, "objects.suggest", schema.id) as change:
            mine = (home.c.workspace_id == caller.workspace) & (home.c.schema_id == schema.id)
            old = sa.delete(home).where(mine, home.c.sample == sa.bindparam("of_sample"))
            change.execute(old, [{"of_sample": sample} for sample in rows])
            change.execute(sa.insert(home), list(rows.values()))
            change.emit("sightloop.objects.suggested", {"schema": schema.id, "samples": len(rows)})


def _checked(given: Any, schema: LabelSchema, size: tuple[int, int]) -> dict[str, Any]:
    """The suggestion in the form in which it is kept; raises InvalidInput where it does not fit schema or image."""
    if not isinstance(given, Mapping):
        raise InvalidInput("A suggestion is no object.", hint='Give {"label", "score", "geometry_type", "geometry"}.')
    label, kind, score = given.get("label"), given.get("geometry_type", "class"), given.get("score", 1.0)
    if label not in schema.classes or kind not in schema.geometry_types:
        raise InvalidInput(
            f'The schema "{schema.name}" does not hold a {str(kind)[:40]} of "{str(label)[:100]}".',
            hint=f"Classes: {', '.join(schema.classes[:10])}.",
        )
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
        raise InvalidInput("The score is no number from 0 to 1.", hint="Give the probability of the suggestion.")
    geometry, attributes = given.get("geometry") or {}, given.get("attributes") or {}
    checked = check_geometry(str(kind), geometry, *size, len(schema.skeleton.get("points", ())))
    if not isinstance(attributes, Mapping):
        raise InvalidInput("The attributes are no object.", hint="Give values by name.")
    check_attributes(schema, attributes)
    return {
        "label": label, "score": float(score), "geometry_type": kind, "geometry": checked,
        "attributes": dict(attributes),
    }  # fmt: skip


def _suggestion(identity: str, kept: Mapping[str, Any], model_version: str, made_at: datetime) -> LabelledObject:
    """A checked suggestion as it is shown."""
    return LabelledObject(
        id=identity, revision=0, label=kept["label"], geometry_type=kept["geometry_type"], geometry=kept["geometry"],
        attributes=kept["attributes"], author=model_version, author_kind=str(AuthorKind.MODEL), basis=SUGGESTED,
        made_at=made_at, score=kept["score"], model_version=model_version,
    )  # fmt: skip


def _predicted(prediction: Prediction, schema: LabelSchema, size: tuple[int, int]) -> Iterator[LabelledObject]:
    claims = prediction.payload.get("objects", ())
    if prediction.kind is PayloadKind.CLASS_SCORES:
        claims = [{"label": prediction.label, "score": prediction.score}]
    for at, claim in enumerate(claims):
        try:
            kept = _checked(claim, schema, size)
        except InvalidInput:
            continue
        plain = kept["geometry_type"] == "class"
        identity = "" if plain else derived_id(_PREFIX, prediction.id, str(at))
        yield _suggestion(identity, kept, prediction.model_version, prediction.made_at)


def _suggestion_id(
    caller: Caller, schema: LabelSchema, sample: str, model_version: str, suggestion: Mapping[str, Any]
) -> str:
    if suggestion["geometry_type"] == "class":
        return ""
    content = canonical([suggestion["label"], suggestion["geometry_type"], suggestion["geometry"]])
    return derived_id(_PREFIX, caller.workspace, schema.id, sample, model_version, content)


def _objects_of(row: Mapping[str, Any]) -> Sequence[Any]:
    found = row.get("objects")
    if not isinstance(found, list) or len(found) > MAX_OBJECTS:
        raise InvalidInput(
            "The suggestions of a sample are no list, or too many.",
            hint=f"Give at most {MAX_OBJECTS} objects a sample.",
        )
    return found


def _item(one: Operation, author: str, sample: str, schema: str, queue_item: str) -> NewAnnotation:
    if not _ID.fullmatch(one.object):
        raise InvalidInput(
            f'"{one.object[:64]}" cannot name an object.', hint="Use letters, digits, dash and underscore, at most 64."
        )
    if one.op == "put" and not one.label:
        raise InvalidInput(f'The object "{one.object}" has no label.', hint='Give a class, or remove it: "remove".')
    if one.op == "restore" and not one.object.startswith(f"{_PREFIX}_"):
        raise InvalidInput(f'"{one.object}" is no suggestion.', hint='Put it again: "put".')
    put = one.op == "put"
    basis = Basis.UNDECIDED if one.op == "restore" else Basis(one.basis)
    return NewAnnotation(
        sample=sample, schema=schema, label=one.label if put else "", basis=basis, author=author,
        expected_revision=one.expected_revision, duration_s=one.duration_s, geometry_type=one.geometry_type,
        geometry=one.geometry, attributes=one.attributes if put else {}, object=one.object, queue_item=queue_item,
    )  # fmt: skip


def _rejects(head: Annotation) -> bool:
    """Whether somebody rejected a suggestion, and nobody took that back."""
    return not head.label and head.object.startswith(f"{_PREFIX}_") and head.basis is not Basis.UNDECIDED


def _shown(head: Annotation) -> LabelledObject:
    return LabelledObject(
        id=head.object, revision=head.revision, label=head.label, geometry_type=head.geometry_type,
        geometry=head.geometry, attributes=head.attributes, author=head.author, author_kind=str(head.author_kind),
        basis=str(head.basis), made_at=head.made_at,
    )  # fmt: skip


def _conflict(clash: Clash) -> ObjectConflict:
    stands = clash.stands
    theirs = _shown(stands) if stands is not None and stands.label else None
    return ObjectConflict(clash.item.object, clash.item.expected_revision or 0, clash.revision, theirs)
