"""Workspaces, API keys, and the session of a browser."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from anyio.to_thread import run_sync
from fastapi import Request, Response
from pydantic import Field

from sightloop.domain import GRANTS, Caller, Permission, Role, now
from sightloop.errors import Unauthenticated
from sightloop.governance import ApiKey
from sightloop.interfaces.api.answers import Answered, answer
from sightloop.interfaces.api.credentials import SESSION_COOKIE, Credentials, address_of, session_cookie
from sightloop.interfaces.api.parsing import Body, Listed, Name, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("access")


class NewWorkspace(Body):
    name: Name


class NewKey(Body):
    role: Role
    name: str = Field("unnamed", max_length=200)
    days: int | None = Field(None, ge=1, le=36500)
    deployment: Name = ""


class SignIn(Body):
    key: str = Field(max_length=200)


@dataclass(frozen=True, slots=True)
class WorkspaceName:
    """A workspace and what people call it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks, in which workspace, and what they may do.

    Attributes:
        permissions: what the caller holds. roles_needed: the lowest role that holds a permission, for every permission.
        workspaces: those that this browser holds a key of; all but the first texts are empty where nobody is signed in.
    """

    signed_in: bool
    version: str
    actor: str
    role: Role
    workspace: str
    workspace_name: str
    permissions: list[Permission]
    roles_needed: dict[Permission, Role]
    workspaces: list[WorkspaceName]


@dataclass(frozen=True, slots=True)
class WorkspaceMade:
    """A new workspace with its first admin key; the secret is shown this once."""

    id: str
    name: str
    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMade(ApiKey):
    """A new key; its secret is shown this once."""

    secret: str


@routes.get("/session", permission=Permission.PUBLIC)
async def show_session(ask: Ask) -> Session:
    """Who the browser is signed in as, if it is."""
    credentials: Credentials = ask.request.app.state.credentials
    request = ask.request
    try:
        caller = await run_sync(credentials.caller, request.headers, request.cookies, address_of(request))
    except Unauthenticated:
        caller = ask.caller
    return await run_sync(_session, ask, caller)


@routes.post("/session", permission=Permission.PUBLIC, kept=False)
async def sign_in(ask: Ask, body: SignIn) -> Answered[Session]:
    """Who the key stands for; the browser keeps the key in a cookie that no script can read."""
    credentials: Credentials = ask.request.app.state.credentials
    caller = await run_sync(credentials.caller, {"authorization": f"Bearer {body.key}"}, {}, address_of(ask.request))
    if caller.role is Role.ANONYMOUS:
        raise Unauthenticated("This API key is not valid.", hint="Ask an admin of the workspace for a key.")
    response = answer(await run_sync(_session, ask, caller))
    keep_session(ask.request, response, caller.workspace, body.key, None)
    return response


@routes.delete("/session", permission=Permission.PUBLIC)
def sign_out(ask: Ask) -> Answered[Session]:
    """Who asks from now on: nobody. The keys themselves hold on; revoke one with DELETE /keys/{key}."""
    response = answer(_session(ask, ask.caller))
    for name in ask.request.cookies:
        if name.partition(".")[0] == SESSION_COOKIE:
            response.delete_cookie(name, httponly=True, samesite="strict")
    return response


def keep_session(request: Request, response: Response, workspace: str, key: str, until: datetime | None) -> None:
    """Adds the cookies of a browser that holds a key of the workspace, for 30 days where no end is given."""
    for name in (SESSION_COOKIE, session_cookie(workspace)):
        response.set_cookie(
            name,
            key,
            expires=until or now() + timedelta(days=30),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )


def _session(ask: Ask, caller: Caller) -> Session:
    known = ask.installation.identity.workspaces()
    mine = {*_held(ask), caller.workspace}
    return Session(
        signed_in=caller.role is not Role.ANONYMOUS,
        version=ask.installation.version,
        actor=caller.actor,
        role=caller.role,
        workspace=caller.workspace,
        workspace_name=known.get(caller.workspace, ""),
        permissions=sorted(GRANTS[caller.role]),
        roles_needed={one: next(role for role in Role if one in GRANTS[role]) for one in Permission},
        workspaces=[WorkspaceName(id, known[id]) for id in sorted(mine) if id in known],
    )


def _held(ask: Ask) -> set[str]:
    """The workspaces that this browser's cookies hold a valid key of."""
    credentials: Credentials = ask.request.app.state.credentials
    held = set()
    for name in ask.request.cookies:
        workspace = name.removeprefix(f"{SESSION_COOKIE}.")
        if workspace != name:
            with suppress(Unauthenticated):
                named = {"sightloop-workspace": workspace}
                held.add(credentials.caller(named, ask.request.cookies, address_of(ask.request)).workspace)
    return held


@routes.post("/workspaces", permission=Permission.ADMIN, kept=False)
def create_workspace(ask: Ask, body: NewWorkspace) -> WorkspaceMade:
    """A new workspace with its first admin key, whose secret is shown this once."""
    workspace, key, secret = ask.installation.identity.create_workspace(ask.caller, body.name)
    return WorkspaceMade(workspace, body.name, key, secret)


@routes.get("/workspaces", permission=Permission.ADMIN)
def list_workspaces(ask: Ask) -> Listed[WorkspaceName]:
    """The caller's workspace; to an admin of the default one, all of them."""
    found = ask.installation.identity.workspaces()
    all_of_them = ask.caller.workspace == "default"
    return items_of(WorkspaceName(id, name) for id, name in found.items() if all_of_them or id == ask.caller.workspace)


@routes.post("/keys", permission=Permission.ADMIN, kept=False)
def create_key(ask: Ask, body: NewKey) -> KeyMade:
    """An API key; its secret is shown this once."""
    expires_at = None if body.days is None else now() + timedelta(days=body.days)
    if body.deployment:
        ask.installation.deployments.get(ask.caller, body.deployment)
    key, secret = ask.installation.identity.create_key(
        ask.caller, body.name, body.role, expires_at=expires_at, deployment=body.deployment
    )
    return KeyMade(**asdict(key), secret=secret)


@routes.get("/keys", permission=Permission.ADMIN)
def list_keys(ask: Ask) -> Listed[ApiKey]:
    """The API keys of the workspace, without their secrets."""
    return items_of(ask.installation.identity.keys(ask.caller))


@routes.delete("/keys/{key}", permission=Permission.ADMIN)
def revoke_key(ask: Ask, key: str) -> ApiKey:
    """The key, revoked."""
    return ask.installation.identity.revoke(ask.caller, key)
