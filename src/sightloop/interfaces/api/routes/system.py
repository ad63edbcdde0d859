"""Health, the owner's one-time link, the API's own description, settings and an overview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Response

from sightloop.domain import Permission, Run
from sightloop.errors import Unauthenticated
from sightloop.governance import Backup, Retired
from sightloop.interfaces.api.credentials import Credentials, address_of
from sightloop.interfaces.api.description import described
from sightloop.interfaces.api.parsing import Listed, items_of
from sightloop.interfaces.api.routes.access import keep_session
from sightloop.interfaces.api.routing import PREFIX, Ask, Routes
from sightloop.settings import SettingShown, describe_settings
from sightloop.storage import disk_state

routes = Routes("system", prefix="")

_PAGE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# The cookie is for our own pages only, so the way to the dashboard must begin at a page of ours.
_SIGNED_IN = """<!doctype html><meta charset="utf-8"><title>Sightloop</title>
<meta http-equiv="refresh" content="0; url=../w/default">
<p>You are signed in as the owner of this installation. <a href="../w/default">Open the dashboard.</a></p>"""


@dataclass(frozen=True, slots=True)
class Health:
    """The process, and the disk of its folder: "ok", "full" or "read-only"."""

    status: str
    version: str
    storage: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """ "ready", or no answer but a problem."""

    status: str


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """A deployment in brief."""

    name: str
    state: str
    model_version: str


@dataclass(frozen=True, slots=True)
class MonitorState:
    """A monitor in brief."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """Alerts that nobody has acknowledged, and all."""

    raised: int
    all: int


@dataclass(frozen=True, slots=True)
class Status:
    """A workspace in counts."""

    version: str
    workspace: str
    samples: int
    quarantined: int
    datasets: int
    campaigns: int
    models: int
    deployments: list[DeploymentState]
    monitors: list[MonitorState]
    alerts: AlertCounts
    cycles: int


@routes.get("/healthz", permission=Permission.PUBLIC)
async def show_health(ask: Ask) -> Health:
    """Whether the process answers, and whether the disk of its folder is "ok", "full" or "read-only".

    It waits for no thread.
    """
    house = ask.installation
    storage = disk_state(house.folder, house.settings.storage.free_bytes_floor)
    return Health("ok", house.version, storage)


@routes.get("/readyz", permission=Permission.PUBLIC)
def show_readiness(ask: Ask) -> Readiness:
    """Whether the process can work: 503 while the record database does not answer."""
    with ask.installation.records.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return Readiness("ready")


@routes.get("/owner/{link}", permission=Permission.PUBLIC, gives="text/html")
def redeem_link(ask: Ask, link: str) -> Response:
    """A page, and a session cookie for the browser; the link works once."""
    credentials: Credentials = ask.request.app.state.credentials
    address = address_of(ask.request)
    credentials.guess(address)
    try:
        key, session = ask.installation.identity.redeem(link)
    except Unauthenticated:
        credentials.failed(address)
        raise
    response = Response(_SIGNED_IN, media_type="text/html", headers={"Content-Security-Policy": _PAGE_POLICY})
    keep_session(ask.request, response, key.workspace, session, key.expires_at)
    return response


@routes.get(f"{PREFIX}/openapi.json", permission=Permission.PUBLIC)
def show_openapi(ask: Ask) -> Mapping[str, Any]:
    """The description of this API, with the permission that each route needs."""
    return described(ask.request.app)


@routes.get(f"{PREFIX}/settings", permission=Permission.ADMIN)
def list_settings(ask: Ask) -> Listed[SettingShown]:
    """Every setting with its value and meaning; secrets are masked."""
    return items_of(describe_settings(ask.installation.settings))


@routes.post(f"{PREFIX}/backups", permission=Permission.ADMIN)
def create_backup(ask: Ask) -> Run:
    """The run that makes a backup of the installation; its output names the backup."""
    return ask.installation.backups.create(ask.caller)


@routes.get(f"{PREFIX}/backups", permission=Permission.ADMIN)
def list_backups(ask: Ask) -> Listed[Backup]:
    """Every whole backup, oldest first."""
    return items_of(ask.installation.backups.list(ask.caller))


@routes.post(f"{PREFIX}/retention", permission=Permission.ADMIN)
def apply_retention(ask: Ask) -> Retired:
    """What the workspace lets go because it is older than the settings' section `retention` says."""
    return ask.installation.retention.apply(ask.caller)


@routes.get(f"{PREFIX}/status", permission=Permission.READ)
def show_status(ask: Ask) -> Status:
    """An overview in counts."""
    house, caller = ask.installation, ask.caller
    alerts = house.monitoring.alerts(caller)
    return Status(
        version=house.version,
        workspace=caller.workspace,
        samples=house.datasets.count(caller),
        quarantined=len(house.datasets.quarantine(caller)),
        datasets=len(house.datasets.list(caller)),
        campaigns=len(house.labeling.campaigns(caller)),
        models=len(house.registry.models(caller)),
        deployments=[
            DeploymentState(found.name, found.state, found.model_version) for found in house.deployments.list(caller)
        ],
        monitors=[MonitorState(found.name, found.state) for found in house.monitoring.list(caller)],
        alerts=AlertCounts(sum(alert.state == "raised" for alert in alerts), len(alerts)),
        cycles=len(house.loop.cycles(caller)),
    )
