"""What is labelled on a sample, object by object, and what models suggest of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from sightloop.datasets import LabelledObject, ObjectsWritten, Operation, SampleObjects, SuggestionReport
from sightloop.domain import Permission
from sightloop.interfaces.api.parsing import Body, Listed, Name, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("objects")
Schema = Annotated[str, Query(description="The label schema: its name (the newest version) or id.")]


class GivenObject(Body):
    label: str = ""
    geometry_type: str = "class"
    geometry: dict[str, Any] = Field(default_factory=dict)
    attributes: dict[str, Any] = Field(default_factory=dict)
    basis: Literal["drawn", "accepted", "corrected"] = "drawn"

    def operation(self, name: str) -> Operation:
        """The putting of this object, whatever stands there."""
        given = self.model_dump(include=set(GivenObject.model_fields))
        return Operation("put", name, None, **given)


class ObjectOperation(GivenObject):
    op: Literal["put", "remove", "restore"]
    object: str = Field(max_length=64)
    expected_revision: int | None = Field(None, ge=0, lt=2**31)
    duration_s: float = Field(0.0, ge=0, le=1e6)


class Write(Body):
    label_schema: str = Field(alias="schema")
    operations: list[ObjectOperation] = Field(min_length=1, max_length=2000)


class SuggestionRow(Body):
    sample: str = ""
    digest: str = ""
    name: str = ""
    objects: list[dict[str, Any]] = Field(max_length=2000)


class Suggestions(Body):
    label_schema: str = Field(alias="schema")
    model_version: Name
    rows: list[SuggestionRow] = Field(min_length=1, max_length=10_000)


@routes.get("/samples/{sample}/objects", permission=Permission.READ)
def show_objects(ask: Ask, sample: str, schema: Schema) -> SampleObjects:
    """What stands on the sample: its objects, the class of the whole image as the object "", rejected suggestions."""
    return ask.installation.datasets.objects.read(ask.caller, sample, schema)


@routes.post("/samples/{sample}/objects", permission=Permission.LABEL)
def write_objects(ask: Ask, sample: str, body: Write) -> ObjectsWritten:
    """What was written; an operation that did not see what stands is answered as a conflict, the others go on."""
    operations = [Operation(**one.model_dump()) for one in body.operations]
    return ask.installation.datasets.objects.write(ask.caller, sample, body.label_schema, operations)


@routes.get("/samples/{sample}/suggestions", permission=Permission.READ)
def list_suggestions(ask: Ask, sample: str, schema: Schema) -> Listed[LabelledObject]:
    """What the newest prediction, or a newer import, suggests for the sample."""
    return items_of(ask.installation.reviews.suggestions(ask.caller, sample, schema))


@routes.post("/samples/suggestions", permission=Permission.DATASET_WRITE)
def import_suggestions(ask: Ask, body: Suggestions) -> SuggestionReport:
    """What was taken over of a model's predictions, made here or elsewhere, to be reviewed as suggestions."""
    rows = [row.model_dump() for row in body.rows]
    return ask.installation.datasets.objects.suggest(ask.caller, body.label_schema, body.model_version, rows)
