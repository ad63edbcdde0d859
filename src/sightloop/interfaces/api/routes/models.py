"""Recipes, training, evaluation, models, gates and aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Response
from pydantic import Field

from sightloop.domain import AliasMove, GateResult, ModelVersion, Permission, Run
from sightloop.interfaces.api.parsing import Body, Listed, items_of
from sightloop.interfaces.api.routing import Ask, Routes
from sightloop.registry import Model, TestResults
from sightloop.training import Recipe, validate_recipe

routes = Routes("models")


class GivenRecipe(Body):
    recipe: dict[str, Any]


class Training(Body):
    recipe: dict[str, Any] = Field(default_factory=dict)
    model: str
    dataset: str
    test: str
    accept_leaks: str = ""


class LabelErrors(Body):
    dataset_version: str


class Evaluation(Body):
    model_version: str
    test: str


class Gate(Body):
    challenger: str
    champion: str | None = None
    margin: float = Field(0.05, gt=0, le=0.2)
    alpha: float = Field(0.05, gt=0, le=0.2)
    slices: tuple[str, ...] = ()
    superiority: tuple[str, ...] = ()
    minimum_auroc: float | None = None


class Promotion(Body):
    version: str
    gate: str | None = None
    alias: str = "champion"
    reason: str = ""


class Rollback(Body):
    alias: str = "champion"


@routes.post("/recipes/validate", permission=Permission.READ, kept=False)
def validate(ask: Ask, body: GivenRecipe) -> Recipe:
    """The recipe with every default filled in."""
    return validate_recipe(body.recipe)


@routes.post("/trainings", permission=Permission.TRAIN)
def train(ask: Ask, body: Training) -> Run:
    """The run that trains a version of the model."""
    return ask.installation.training.train(
        ask.caller,
        body.recipe,
        model=body.model,
        dataset_version=body.dataset,
        test_version=body.test,
        accept_leaks=body.accept_leaks,
    )


@routes.post("/label-errors", permission=Permission.TRAIN)
def find_label_errors(ask: Ask, body: LabelErrors) -> Run:
    """The run whose output ranks the labels of a dataset version that are probably wrong."""
    return ask.installation.label_errors.find(ask.caller, body.dataset_version)


@routes.post("/evaluations", permission=Permission.TRAIN)
def evaluate(ask: Ask, body: Evaluation) -> Run:
    """The run that evaluates a model version on another test version."""
    return ask.installation.training.evaluate(ask.caller, body.model_version, body.test)


@routes.get("/models", permission=Permission.READ)
def list_models(ask: Ask) -> Listed[Model]:
    """All models."""
    return items_of(ask.installation.registry.models(ask.caller))


@routes.get("/models/{model}", permission=Permission.READ)
def show_model(ask: Ask, model: str) -> Model:
    """One model with its aliases."""
    return ask.installation.registry.model(ask.caller, model)


@routes.get("/models/{model}/versions", permission=Permission.READ)
def list_model_versions(ask: Ask, model: str) -> Listed[ModelVersion]:
    """The versions of a model, oldest first."""
    return items_of(ask.installation.registry.versions(ask.caller, model))


@routes.post("/models/{model}/versions", permission=Permission.MODEL_WRITE, takes="application/octet-stream")
async def import_model_version(ask: Ask, model: str, test: str, dataset: str = "") -> Run:
    """The run that evaluates a bundle archive (the body) on a test version and makes it a version of the model."""
    archive = await ask.request.body()
    start = ask.installation.training.import_bundle
    return await run_sync(lambda: start(ask.caller, archive, model=model, test_version=test, dataset_version=dataset))


@routes.get("/model-versions/{version}", permission=Permission.READ)
def show_model_version(ask: Ask, version: str) -> ModelVersion:
    """A version by id, or as "cells@champion" or "cells@3"."""
    return ask.installation.registry.version(ask.caller, version)


@routes.get("/model-versions/{version}/card", permission=Permission.READ, gives="text/markdown")
def show_model_card(ask: Ask, version: str) -> Response:
    """The model card, in Markdown."""
    found = ask.installation.registry.version(ask.caller, version)
    return Response(ask.installation.registry.card(ask.caller, found.id), media_type="text/markdown; charset=utf-8")


@routes.get("/model-versions/{version}/gates", permission=Permission.READ)
def list_gates(ask: Ask, version: str) -> Listed[GateResult]:
    """The gates that the version went through, oldest first."""
    found = ask.installation.registry.version(ask.caller, version)
    return items_of(ask.installation.registry.gates(ask.caller, found.id))


@routes.get("/model-versions/{version}/evaluation", permission=Permission.READ)
def show_evaluation(ask: Ask, version: str, test: str = "") -> TestResults:
    """Results on a frozen test version (by default the one of its registration), sample by sample."""
    found = ask.installation.registry.version(ask.caller, version)
    return ask.installation.registry.evaluation(ask.caller, found.id, test)


@routes.get("/model-versions/{version}/bundle", permission=Permission.READ, gives="application/zip")
def download_bundle(ask: Ask, version: str) -> Response:
    """The bundle archive."""
    found = ask.installation.registry.version(ask.caller, version)
    return Response(ask.installation.registry.bundle(ask.caller, found.id), media_type="application/zip")


@routes.post("/gates", permission=Permission.MODEL_WRITE)
def gate(ask: Ask, body: Gate) -> GateResult:
    """The verdict of the gates: not worse than the champion, overall and on every slice."""
    given = body.model_dump()
    challenger = ask.installation.registry.version(ask.caller, given.pop("challenger")).id
    champion = given.pop("champion")
    champion = champion and ask.installation.registry.version(ask.caller, champion).id
    return ask.installation.registry.gate(ask.caller, challenger, champion, **given)


@routes.post("/models/{model}/promote", permission=Permission.PROMOTE)
def promote(ask: Ask, model: str, body: Promotion) -> AliasMove:
    """The move of the alias to the version."""
    version = ask.installation.registry.version(ask.caller, body.version).id
    return ask.installation.registry.promote(
        ask.caller, model, version, alias=body.alias, gate=body.gate, reason=body.reason
    )


@routes.post("/models/{model}/rollback", permission=Permission.PROMOTE)
def rollback(ask: Ask, model: str, body: Rollback) -> AliasMove:
    """The move of the alias back to the version that held it before."""
    return ask.installation.registry.rollback(ask.caller, model, body.alias)


@routes.get("/models/{model}/aliases", permission=Permission.READ)
def show_aliases(ask: Ask, model: str) -> Mapping[str, str]:
    """Version id by alias."""
    ask.installation.registry.model(ask.caller, model)
    return ask.installation.registry.aliases(ask.caller, model)


@routes.get("/models/{model}/aliases/{alias}/history", permission=Permission.READ)
def list_alias_moves(ask: Ask, model: str, alias: str) -> Listed[AliasMove]:
    """Every move of the alias, oldest first."""
    ask.installation.registry.model(ask.caller, model)
    return items_of(ask.installation.registry.history(ask.caller, model, alias))
