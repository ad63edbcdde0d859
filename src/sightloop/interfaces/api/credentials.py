"""Who asks: an API key, the owner's browser session, or the owner's own process."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping

from starlette.requests import Request

from sightloop.app import Installation
from sightloop.domain import Caller, Permission, Role, require
from sightloop.errors import Forbidden, InvalidInput, Unauthenticated, not_found
from sightloop.interfaces.api.limits import Limits

SESSION_COOKIE = "sightloop_session"
_OWNER_ACTOR = "owner"
_OWNERS_WORKSPACE = "default"
_MOST_KNOWN = 10_000


class Credentials:
    """Turns the headers of a request into a caller; without credentials the caller is anonymous."""

    def __init__(self, installation: Installation) -> None:
        self._identity = installation.identity
        self._owner_token = installation.owner_token
        self._limits = Limits(installation.settings.api)
        self._known: OrderedDict[str, None] = OrderedDict()

    def caller(self, headers: Mapping[str, str], cookies: Mapping[str, str], address: str) -> Caller:
        """The caller. The owner's process names its workspace in a header; a key belongs to one.

        Raises:
            Unauthenticated: the key is unknown, expired or revoked.
            NotFound: the owner names a workspace that does not exist.
            RateLimited: the key or the address asks too often, or the address showed too many wrong keys.
        """
        scheme, _, given = headers.get("authorization", "").partition(" ")
        workspace = headers.get("sightloop-workspace", "")
        token = given.strip() if scheme.lower() == "bearer" else _session(cookies, workspace)
        if token and hmac.compare_digest(token.encode(), self._owner_token.encode()):
            return Caller(self._workspace(workspace or _OWNERS_WORKSPACE), _OWNER_ACTOR, Role.ADMIN)
        self._limits.address(address)
        if not token:
            return Caller("", "anonymous", Role.ANONYMOUS)
        digest = hashlib.sha256(token.encode()).hexdigest()
        if digest not in self._known:
            self._limits.guess(address)
        try:
            caller = self._identity.authenticate(token)
        except Unauthenticated:
            self._known.pop(digest, None)
            self._limits.failed(address)
            raise
        self._known[digest] = None
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        self._limits.key(caller.actor)
        return caller

    def anonymous(self, address: str) -> Caller:
        """Nobody in particular, for what is public; raises RateLimited."""
        self._limits.address(address)
        return Caller("", "anonymous", Role.ANONYMOUS)

    def guess(self, address: str) -> None:
        """Returns where the address may try a one-time link; raises RateLimited."""
        self._limits.guess(address)

    def failed(self, address: str) -> None:
        """Returns once it is noted that the address tried a wrong link."""
        self._limits.failed(address)

    def _workspace(self, asked: str) -> str:
        """The id of the workspace that an id or a name stands for."""
        known = self._identity.workspaces()
        if asked in known:
            return asked
        named = [id for id, name in known.items() if name == asked]
        if not named:
            raise not_found("workspace", asked, known.values(), hint="List them: sightloop workspace list")
        if len(named) > 1:
            raise InvalidInput(f'Several workspaces are called "{asked}".', hint=f"Use an id: {', '.join(named)}.")
        return named[0]


def session_cookie(workspace: str) -> str:
    """The name of the cookie that holds a browser's key of the workspace."""
    return f"{SESSION_COOKIE}.{workspace}"


def _session(cookies: Mapping[str, str], workspace: str) -> str:
    """The key that the browser holds for the workspace that it names; the newest one where it names none."""
    return cookies.get(session_cookie(workspace) if workspace else SESSION_COOKIE, "")


def address_of(request: Request) -> str:
    """The address that the request comes from; empty where there is none."""
    return request.client.host if request.client else ""


def require_installation_owner(caller: Caller) -> None:
    """Returns silently for the owner's own process and for admins of the default workspace; raises Forbidden else."""
    require(caller, Permission.ADMIN)
    if caller.actor != _OWNER_ACTOR and caller.workspace != _OWNERS_WORKSPACE:
        raise Forbidden(
            "Only the owner of the installation may name a path on its disk.", hint="Upload the files instead."
        )
