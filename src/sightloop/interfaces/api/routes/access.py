"""Workspaces and API keys."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pydantic import Field

from sightloop.domain import Permission, Role, now
from sightloop.interfaces.api.parsing import Body, Name, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("access")


class NewWorkspace(Body):
    name: Name


class NewKey(Body):
    role: Role
    name: str = Field("unnamed", max_length=200)
    days: int | None = Field(None, ge=1, le=36500)
    deployment: Name = ""


@routes.post("/workspaces", permission=Permission.ADMIN, kept=False)
def create_workspace(ask: Ask, body: NewWorkspace) -> Any:
    """A new workspace with its first admin key, whose secret is shown this once."""
    workspace, key, secret = ask.installation.identity.create_workspace(ask.caller, body.name)
    return {"id": workspace, "name": body.name, "key": key, "secret": secret}


@routes.get("/workspaces", permission=Permission.ADMIN)
def workspaces(ask: Ask) -> Any:
    """The caller's workspace; to an admin of the default one, all of them."""
    found = ask.installation.identity.workspaces()
    all_of_them = ask.caller.workspace == "default"
    return items_of({"id": id, "name": name} for id, name in found.items() if all_of_them or id == ask.caller.workspace)


@routes.post("/keys", permission=Permission.ADMIN, kept=False)
def create_key(ask: Ask, body: NewKey) -> Any:
    """An API key; its secret is shown this once."""
    expires_at = None if body.days is None else now() + timedelta(days=body.days)
    if body.deployment:
        ask.installation.deployments.get(ask.caller, body.deployment)
    key, secret = ask.installation.identity.create_key(
        ask.caller, body.name, body.role, expires_at=expires_at, deployment=body.deployment
    )
    return {**asdict(key), "secret": secret}


@routes.get("/keys", permission=Permission.ADMIN)
def keys(ask: Ask) -> Any:
    """The API keys of the workspace, without their secrets."""
    return items_of(ask.installation.identity.keys(ask.caller))


@routes.delete("/keys/{key}", permission=Permission.ADMIN)
def revoke(ask: Ask, key: str) -> Any:
    """The key, revoked."""
    return ask.installation.identity.revoke(ask.caller, key)
