"""Cameras, assets, persons and work orders behind samples."""

from __future__ import annotations

from dataclasses import dataclass

from sightloop.datasets import Entity
from sightloop.domain import Permission
from sightloop.interfaces.api.parsing import Body, Listed, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("entities")


class NewRule(Body):
    field: str
    kind: str = ""


class NewMerge(Body):
    kind: str
    name: str
    into: str


class TakenApart(Body):
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class EntityRule:
    """The values of the field name entities of the kind."""

    field: str
    kind: str


@routes.get("/entities", permission=Permission.READ)
def list_entities(ask: Ask, kind: str | None = None) -> Listed[Entity]:
    """What samples are of, the most frequent first; of one kind or all. GET /lineage/ID tells what stands on one."""
    return items_of(ask.installation.datasets.entities.listed(ask.caller, kind))


@routes.get("/entity-rules", permission=Permission.READ)
def list_entity_rules(ask: Ask) -> Listed[EntityRule]:
    """Which field names entities of which kind."""
    return _rules(ask.installation.datasets.entities.rules(ask.caller))


@routes.post("/entity-rules", permission=Permission.DATASET_WRITE)
def set_entity_rule(ask: Ask, body: NewRule) -> Listed[EntityRule]:
    """The rules after a field was given a kind: camera, asset, person, work_order; an empty one takes it away."""
    return _rules(ask.installation.datasets.entities.set_rule(ask.caller, body.field, body.kind))


@routes.post("/entities/merges", permission=Permission.DATASET_WRITE)
def merge_entities(ask: Ask, body: NewMerge) -> Entity:
    """The entity that both names mean from now on; POST /entities/splits takes it back."""
    return ask.installation.datasets.entities.merge(ask.caller, body.kind, body.name, body.into)


@routes.post("/entities/splits", permission=Permission.DATASET_WRITE)
def split_entity(ask: Ask, body: TakenApart) -> Listed[Entity]:
    """The entities of the kind after the merge of a name was taken back."""
    return items_of(ask.installation.datasets.entities.split(ask.caller, body.kind, body.name))


def _rules(found: dict[str, str]) -> Listed[EntityRule]:
    return items_of(EntityRule(field, kind) for field, kind in found.items())
