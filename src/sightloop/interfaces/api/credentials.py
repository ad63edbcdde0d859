"""Who asks: an API key, the owner's browser session, or the owner's own process."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from sightloop.app import Installation
from sightloop.domain import Caller, Role

SESSION_COOKIE = "sightloop_session"
_OWNER_ACTOR = "owner"


class Credentials:
    """Turns the headers of a request into a caller; without credentials the caller is anonymous."""

    def __init__(self, installation: Installation) -> None:
        self._identity = installation.identity
        self._owner_token = installation.owner_token

    def caller(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Caller:
        """The caller. The owner's process names its workspace in a header; a key belongs to one.

        Raises:
            Unauthenticated: the key is unknown, expired or revoked.
            NotFound: the owner names a workspace that does not exist.
        """
        scheme, _, given = headers.get("authorization", "").partition(" ")
        token = given.strip() if scheme.lower() == "bearer" else cookies.get(SESSION_COOKIE, "")
        if not token:
            return Caller("", "anonymous", Role.ANONYMOUS)
        if hmac.compare_digest(token.encode(), self._owner_token.encode()):
            workspace = self._identity.workspace(headers.get("sightloop-workspace", "default"))
            return Caller(workspace.id, _OWNER_ACTOR, Role.ADMIN)
        return self._identity.authenticate(token)
