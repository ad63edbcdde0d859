"""What is expected of samples, and the schema of each source with its drift."""

from __future__ import annotations

from pydantic import Field

from sightloop.datasets import Expectations, RuleReport, SourceSchema
from sightloop.domain import Permission
from sightloop.interfaces.api.parsing import Body, Listed, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("expectations")


class Rules(Body):
    text: str = Field(max_length=100_000)


@routes.post("/expectations", permission=Permission.DATASET_WRITE)
def set_expectations(ask: Ask, body: Rules) -> Expectations:
    """The rules of a source, a dataset or all sources, as YAML, in force from now on."""
    return ask.installation.datasets.expectations.set(ask.caller, body.text)


@routes.get("/expectations", permission=Permission.READ)
def list_expectations(ask: Ask) -> Listed[Expectations]:
    """Those in force, by scope."""
    return items_of(ask.installation.datasets.expectations.list(ask.caller))


@routes.get("/expectations/{expectations}", permission=Permission.READ)
def show_expectations(ask: Ask, expectations: str) -> Expectations:
    """One version, also one that is in force no longer."""
    return ask.installation.datasets.expectations.get(ask.caller, expectations)


@routes.post("/expectations/check", permission=Permission.READ, kept=False)
def check_expectations(ask: Ask, body: Rules) -> Listed[RuleReport]:
    """How each rule stands with the samples that are there; nothing is changed."""
    return items_of(ask.installation.datasets.expectations.check(ask.caller, body.text))


@routes.get("/source-schemas", permission=Permission.READ)
def list_source_schemas(ask: Ask) -> Listed[SourceSchema]:
    """Of each source the newest window with findings that nobody accepted, else its newest."""
    return items_of(ask.installation.datasets.source_schemas.current(ask.caller))


@routes.get("/sources/{name}/schema", permission=Permission.READ)
def show_source_schema(ask: Ask, name: str) -> Listed[SourceSchema]:
    """The fields of a source, window by window of its runs, the newest first, each with what differs from before."""
    return items_of(ask.installation.datasets.source_schemas.list(ask.caller, name))


@routes.post("/sources/{name}/schema/accept", permission=Permission.INGEST)
def accept_source_schema(ask: Ask, name: str) -> Listed[SourceSchema]:
    """The same windows, whose findings are as they should be."""
    return items_of(ask.installation.datasets.source_schemas.accept(ask.caller, name))
