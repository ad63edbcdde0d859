"""Health, the owner's one-time link, the API's own description, settings and an overview."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from fastapi.openapi.utils import get_openapi

from sightloop.domain import Permission
from sightloop.interfaces.api.credentials import SESSION_COOKIE
from sightloop.interfaces.api.parsing import items_of
from sightloop.interfaces.api.routing import PREFIX, Ask, Routes
from sightloop.settings import describe_settings
from sightloop.storage import disk_state

routes = Routes("system", prefix="")

_SIGNED_IN = """<!doctype html><meta charset="utf-8"><title>Sightloop</title>
<p>You are signed in as the owner of this installation. <a href="/api/v1/status">See what it holds.</a></p>"""


@routes.get("/healthz", permission=Permission.PUBLIC)
def health(ask: Ask) -> Any:
    """Whether the process answers, and whether the disk of its folder is "ok", "full" or "read-only"."""
    house = ask.installation
    storage = disk_state(house.folder, house.settings.storage.free_bytes_floor)
    return {"status": "ok", "version": house.version, "storage": storage}


@routes.get("/owner/{link}", permission=Permission.PUBLIC)
def redeem(ask: Ask, link: str) -> Response:
    """A page, and a session cookie for the browser; the link works once."""
    _, session = ask.installation.identity.redeem(link)
    response = Response(_SIGNED_IN, media_type="text/html", headers={"Referrer-Policy": "no-referrer"})
    response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="strict", path="/")
    return response


@routes.get(f"{PREFIX}/openapi.json", permission=Permission.PUBLIC)
def openapi(ask: Ask) -> Any:
    """The description of this API, with the permission that each route needs."""
    app = ask.request.app
    return get_openapi(title=app.title, version=app.version, routes=app.routes)


@routes.get(f"{PREFIX}/settings", permission=Permission.ADMIN)
def settings(ask: Ask) -> Any:
    """Every setting with its value and meaning; secrets are masked."""
    return items_of(describe_settings(ask.installation.settings))


@routes.get(f"{PREFIX}/status", permission=Permission.READ)
def status(ask: Ask) -> Any:
    """An overview in counts."""
    house, caller = ask.installation, ask.caller
    alerts = house.monitoring.alerts(caller)
    return {
        "version": house.version,
        "workspace": caller.workspace,
        "samples": house.datasets.count(caller),
        "quarantined": len(house.datasets.quarantine(caller)),
        "datasets": len(house.datasets.list(caller)),
        "campaigns": len(house.labeling.campaigns(caller)),
        "models": len(house.registry.models(caller)),
        "deployments": [
            {"name": found.name, "state": found.state, "model_version": found.model_version}
            for found in house.deployments.list(caller)
        ],
        "monitors": [{"name": found.name, "state": found.state} for found in house.monitoring.list(caller)],
        "alerts": {"raised": sum(alert.state == "raised" for alert in alerts), "all": len(alerts)},
        "cycles": len(house.loop.cycles(caller)),
    }
