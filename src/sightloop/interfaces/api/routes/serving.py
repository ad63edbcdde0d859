"""Deployments and the prediction log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import Query, Response
from pydantic import BaseModel, Field

from sightloop.domain import Deployment, Permission, Prediction, Role, Run, now
from sightloop.errors import not_found
from sightloop.interfaces.api.answers import attachment
from sightloop.interfaces.api.parsing import Body, Cursor, Limit, Listed, Name, items_of, page_of, sequence_of
from sightloop.interfaces.api.routing import Ask, Routes
from sightloop.serving import Marker, Predicted, TrafficBin, window_of

routes = Routes("serving")


class Metrics(BaseModel):
    """What a deployment answered in a window, bin by bin, and when it was switched."""

    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    bin_s: float
    bins: Sequence[TrafficBin]
    markers: Sequence[Marker]


class NewDeployment(Body):
    name: Name
    model: str
    alias: str = "champion"


class Client(Body):
    days: int = Field(1, ge=1, le=365)


class Outcome(Body):
    outcome: dict[str, Any]


class Batch(Body):
    model_version: str
    samples: list[str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address with the headers of a key that may ask it until it expires."""

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@routes.post("/deployments", permission=Permission.DEPLOY)
def deploy(ask: Ask, body: NewDeployment) -> Deployment:
    """The deployment, once its endpoint answers with the version."""
    return ask.installation.deployments.deploy(ask.caller, body.name, model=body.model, alias=body.alias)


@routes.get("/deployments", permission=Permission.READ)
def list_deployments(ask: Ask) -> Listed[Deployment]:
    """All deployments."""
    return items_of(ask.installation.deployments.list(ask.caller))


@routes.get("/deployments/{name}", permission=Permission.READ)
def show_deployment(ask: Ask, name: str) -> Deployment:
    """One deployment."""
    return ask.installation.deployments.get(ask.caller, name)


@routes.get("/deployments/{name}/metrics", permission=Permission.READ)
def show_deployment_metrics(
    ask: Ask,
    name: str,
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
    bins: Annotated[int, Query(ge=1, le=500)] = 48,
) -> Metrics:
    """What the deployment answered over time, in bins, by default over the last 24 hours; and when it was switched."""
    window = window_of(since, until, bins, now())
    markers = ask.installation.deployments.switches(ask.caller, name, window)
    ask.installation.predictions.import_segments(ask.caller.workspace)
    answered = ask.installation.predictions.traffic(ask.caller, name, window)
    return Metrics(since=window.start, until=window.end, bin_s=window.bin_s, bins=answered, markers=markers)


@routes.post("/deployments/{name}/sync", permission=Permission.DEPLOY)
def sync_deployment(ask: Ask, name: str) -> Deployment:
    """The deployment, once it answers with the version that its alias names now."""
    return ask.installation.deployments.sync(ask.caller, name)


@routes.post("/deployments/{name}/rollback", permission=Permission.PROMOTE)
def roll_deployment_back(ask: Ask, name: str) -> Deployment:
    """The deployment, once it answers with the version that held its alias before; the alias goes back with it."""
    return ask.installation.deployments.rollback(ask.caller, name)


@routes.post("/deployments/{name}/stop", permission=Permission.DEPLOY)
def stop_deployment(ask: Ask, name: str) -> Deployment:
    """The deployment, answering no more."""
    return ask.installation.deployments.stop(ask.caller, name)


@routes.post("/deployments/{name}/endpoint", permission=Permission.ADMIN, kept=False)
def open_endpoint(ask: Ask, name: str, body: Client) -> Endpoint:
    """The address that answers, with the headers of a new key that may ask it and nothing else."""
    found = ask.installation.deployments.sync(ask.caller, name)
    expires_at = now() + timedelta(days=body.days)
    _, secret = ask.installation.identity.create_key(
        ask.caller, f"client of {name}"[:200], Role.PREDICTOR, expires_at=expires_at, deployment=name
    )
    return Endpoint(found.endpoint, {"Authorization": f"Bearer {secret}"}, expires_at)


@routes.post("/deployments/{name}/predict", permission=Permission.PREDICT, kept=False, takes="application/octet-stream")
async def predict(ask: Ask, name: str) -> Predicted:
    """The prediction for the bytes of one image; the same idempotency key is the same prediction."""
    if ask.caller.deployment not in ("", name):
        raise not_found("deployment", name, [ask.caller.deployment])
    image = await ask.request.body()
    request_id = ask.caller.idempotency_key or ""
    predict = ask.installation.deployments.predict
    return await run_sync(lambda: predict(ask.caller, name, image, request_id=request_id))


@routes.post("/batches", permission=Permission.TRAIN)
def predict_batch(ask: Ask, body: Batch) -> Run:
    """The run that predicts samples with a model version."""
    version = ask.installation.registry.version(ask.caller, body.model_version).id
    return ask.installation.deployments.batch(ask.caller, version, body.samples)


@routes.get("/predictions", permission=Permission.READ)
def list_predictions(
    ask: Ask,
    deployment: str | None = None,
    sample: str | None = None,
    model_version: str | None = None,
    order: Literal["oldest", "newest"] = "oldest",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Listed[Prediction]:
    """Predictions in the order of the log, what was just answered included; "newest" turns it round."""
    log = ask.installation.predictions
    log.import_segments(ask.caller.workspace, flush=True)
    found = log.list(
        ask.caller,
        deployment=deployment,
        sample=sample,
        model_version=model_version,
        limit=limit,
        after=sequence_of(cursor),
        newest=order == "newest",
    )
    return page_of(found, limit, lambda last: str(last.sequence))


@routes.get("/predictions/{prediction}", permission=Permission.READ)
def show_prediction(ask: Ask, prediction: str) -> Prediction:
    """One prediction with its outcome."""
    return ask.installation.predictions.get(ask.caller, prediction)


@routes.get("/predictions/{prediction}/media", permission=Permission.MEDIA_READ, gives="application/octet-stream")
def download_prediction_media(ask: Ask, prediction: str) -> Response:
    """The bytes that were predicted on, as long as serving keeps them or they are a sample."""
    found = ask.installation.predictions.get(ask.caller, prediction)
    data = ask.installation.predictions.media(ask.caller, found.media_digest)
    if data is None and found.sample:
        data = ask.installation.datasets.media(ask.caller, found.sample)
    if data is None:
        raise not_found("medium of prediction", prediction, hint="Serving keeps media while there is room.")
    return attachment(data)


@routes.post("/predictions/{prediction}/outcome", permission=Permission.OUTCOME_WRITE)
def tell_outcome(ask: Ask, prediction: str, body: Outcome) -> Prediction:
    """The prediction with its delayed truth or business result."""
    return ask.installation.predictions.outcome(ask.caller, prediction, body.outcome)
