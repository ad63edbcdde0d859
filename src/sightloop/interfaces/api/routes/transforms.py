"""Declared transforms, and samples made by them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sightloop.domain import Permission, Run
from sightloop.inference import Transform
from sightloop.interfaces.api.parsing import Body, Listed, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("transforms")


class NewTransform(Body):
    text: str = Field(max_length=20_000)


class Backfill(Body):
    where: dict[str, Any] | None = None


@routes.post("/transforms", permission=Permission.DATASET_WRITE)
def set_transform(ask: Ask, body: NewTransform) -> Transform:
    """The transform in the YAML, the next number of its name; the same steps again are the same one."""
    return ask.installation.datasets.transforms.set(ask.caller, body.text)


@routes.get("/transforms", permission=Permission.READ)
def list_transforms(ask: Ask) -> Listed[Transform]:
    """Every version, by name and number."""
    return items_of(ask.installation.datasets.transforms.list(ask.caller))


@routes.get("/transforms/{transform}", permission=Permission.READ)
def show_transform(ask: Ask, transform: str) -> Transform:
    """One, by "cells@2" or by its name for the newest."""
    return ask.installation.datasets.transforms.get(ask.caller, transform)


@routes.post("/transforms/{transform}/backfill", permission=Permission.INGEST)
def backfill_transform(ask: Ask, transform: str, body: Backfill) -> Run:
    """The run that makes, of the samples which the filter selects, what the transform has not made yet."""
    return ask.installation.datasets.backfill(ask.caller, transform, body.where)
