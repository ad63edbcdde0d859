"""Health, the owner's one-time link, the API's own description, settings and an overview."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from sightloop.domain import Permission
from sightloop.errors import Unauthenticated
from sightloop.interfaces.api.credentials import SESSION_COOKIE, Credentials
from sightloop.interfaces.api.description import described
from sightloop.interfaces.api.parsing import items_of
from sightloop.interfaces.api.routing import PREFIX, Ask, Routes
from sightloop.settings import describe_settings

routes = Routes("system", prefix="")

_PAGE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_SIGNED_IN = """<!doctype html><meta charset="utf-8"><title>Sightloop</title>
<p>You are signed in as the owner of this installation. <a href="/api/v1/status">See what it holds.</a></p>"""


@routes.get("/healthz", permission=Permission.PUBLIC)
async def health(ask: Ask) -> Any:
    """Whether the process answers; it waits for no thread."""
    return {"status": "ok", "version": ask.installation.version}


@routes.get("/owner/{link}", permission=Permission.PUBLIC, gives="text/html")
def redeem(ask: Ask, link: str) -> Response:
    """A page, and a session cookie for the browser; the link works once."""
    credentials: Credentials = ask.request.app.state.credentials
    address = ask.request.client.host if ask.request.client else ""
    credentials.guess(address)
    try:
        key, session = ask.installation.identity.redeem(link)
    except Unauthenticated:
        credentials.failed(address)
        raise
    response = Response(_SIGNED_IN, media_type="text/html", headers={"Content-Security-Policy": _PAGE_POLICY})
    response.set_cookie(
        SESSION_COOKIE,
        session,
        expires=key.expires_at,
        httponly=True,
        samesite="strict",
        secure=ask.request.url.scheme == "https",
    )
    return response


@routes.get(f"{PREFIX}/openapi.json", permission=Permission.PUBLIC)
def openapi(ask: Ask) -> Any:
    """The description of this API, with the permission that each route needs."""
    return described(ask.request.app)


@routes.get(f"{PREFIX}/settings", permission=Permission.ADMIN)
def settings(ask: Ask) -> Any:
    """Every setting with its value and meaning; secrets are masked."""
    return items_of(describe_settings(ask.installation.settings))


@routes.post(f"{PREFIX}/backups", permission=Permission.ADMIN)
def create_backup(ask: Ask) -> Any:
    """The run that makes a backup of the installation; its output names the backup."""
    return ask.installation.backups.create(ask.caller)


@routes.get(f"{PREFIX}/backups", permission=Permission.ADMIN)
def backups(ask: Ask) -> Any:
    """Every whole backup, oldest first."""
    return items_of(ask.installation.backups.list(ask.caller))


@routes.post(f"{PREFIX}/retention", permission=Permission.ADMIN)
def apply_retention(ask: Ask) -> Any:
    """What the workspace lets go because it is older than the settings' section `retention` says."""
    return ask.installation.retention.apply(ask.caller)


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
