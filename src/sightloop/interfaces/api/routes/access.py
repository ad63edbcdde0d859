"""Workspaces, API keys and the owner's one-time link."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sightloop.domain import Permission, Role
from sightloop.interfaces.api.parsing import Body, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("access")


class NewWorkspace(Body):
    name: str


class NewKey(Body):
    role: Role
    name: str = ""
    days: int | None = Field(None, ge=1)


@routes.post("/workspaces", permission=Permission.ADMIN)
def create_workspace(ask: Ask, body: NewWorkspace) -> Any:
    """A new workspace; the owner of the installation enters it by name."""
    return ask.installation.identity.create_workspace(ask.caller, body.name)


@routes.get("/workspaces", permission=Permission.READ)
def workspaces(ask: Ask) -> Any:
    """The workspaces that the caller may see."""
    return items_of(ask.installation.identity.workspaces(ask.caller))


@routes.post("/keys", permission=Permission.ADMIN, kept=False)
def create_key(ask: Ask, body: NewKey) -> Any:
    """An API key; its secret is shown this once."""
    made, secret = ask.installation.identity.create_key(ask.caller, body.role, name=body.name, days=body.days)
    return {**ask.installation.identity.shown(made), "secret": secret}


@routes.get("/keys", permission=Permission.ADMIN)
def keys(ask: Ask) -> Any:
    """The API keys of the workspace, without their secrets."""
    return items_of(ask.installation.identity.keys(ask.caller))


@routes.delete("/keys/{key}", permission=Permission.ADMIN)
def revoke(ask: Ask, key: str) -> Any:
    """The key, revoked."""
    return ask.installation.identity.revoke(ask.caller, key)
