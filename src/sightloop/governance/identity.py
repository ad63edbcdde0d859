"""Who calls: API keys, workspaces, and the one-time link that lets the owner in."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sightloop.domain import GRANTS, Caller, Permission, Role, derived_id, now
from sightloop.errors import Conflict, Forbidden, InvalidInput, Unauthenticated, not_found
from sightloop.events import Change, Events
from sightloop.governance.tables import api_keys, owner_links
from sightloop.storage import Records, Stores, metadata

DEFAULT = "default"
LINK_LIFE = timedelta(hours=1)
SESSION_LIFE = timedelta(days=30)
# Noting each use would be a write for each request.
USE_NOTED_EACH = timedelta(hours=1)
# 32 random bytes, URL-safe: 43 characters. 256 bits need neither salt nor a slow hash.
_SECRET_BYTES = 32
_KEY = re.compile(r"sl_[A-Za-z0-9_-]{43}")
_workspaces = metadata.tables["workspaces"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret, which is kept by nobody but its bearer; None where there is no such time.

    `deployment` names the only one that the key may ask; empty for all that its role allows. `last_used` is noted
    by the control process, not by the serving process, which has no database.
    """

    id: str
    workspace: str
    name: str
    role: Role
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used: datetime | None
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class KeyHash:
    """What a serving process needs to know a bearer without asking: the SHA-256 of the key, and whom it stands for."""

    sha256: str
    workspace: str
    role: Role
    actor: str
    expires_at: datetime | None
    deployment: str = ""


class Identity:
    """Keys and workspaces of an installation. `clock` gives the time, UTC."""

    def __init__(self, records: Records, stores: Stores, events: Events, clock: Callable[[], datetime] = now) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._clock = clock

    def authenticate(self, token: str) -> Caller:
        """The caller that the key stands for; raises Unauthenticated, without a reason, if it does not hold."""
        row = self._key_of(token)
        moment = self._clock()
        if row is None or row["revoked_at"] or _over(row["expires_at"], moment):
            raise Unauthenticated("This API key is not valid.", hint="Ask an admin of the workspace for a key.")
        caller = Caller(row["workspace_id"], row["id"], Role(row["role"]), deployment=row["deployment"])
        if not row["last_used"] or datetime.fromisoformat(row["last_used"]) + USE_NOTED_EACH < moment:
            with self._events.change(caller, "key.use", row["id"]) as tx:
                tx.execute(sa.update(api_keys).where(api_keys.c.id == row["id"]).values(last_used=moment.isoformat()))
                tx.emit("sightloop.key.used", {"key": row["id"]})
        return caller

    def create_key(
        self, caller: Caller, name: str, role: Role, *, expires_at: datetime | None = None, deployment: str = ""
    ) -> tuple[ApiKey, str]:
        """The key and its secret, which is shown this once.

        Args:
            deployment: the only deployment that the key may ask; for a role that predicts and nothing else.

        Raises:
            Forbidden: the role holds what the caller's does not.
        """
        if role is Role.ANONYMOUS or not GRANTS[role] <= GRANTS[caller.role]:
            raise Forbidden(f'A caller with the role "{caller.role}" cannot make a key for "{role}".')
        if deployment and not GRANTS[role] <= {Permission.PUBLIC, Permission.PREDICT}:
            raise InvalidInput(
                f'A key for the role "{role}" cannot be bound to one deployment.', hint='Use the role "predictor".'
            )
        if not 0 < len(name) <= 200:
            raise InvalidInput("A key needs a name of at most 200 characters.", hint="Say who or what will use it.")
        if expires_at is not None and (expires_at.tzinfo is None or expires_at <= self._clock()):
            raise InvalidInput("A key must expire in the future, with a time zone.", hint="For example +00:00.")
        key_id = caller.new_id("key")
        if self._row(caller, key_id) is not None:
            raise Conflict("This key was made already, and its secret was shown.", hint="Revoke it and make another.")
        with self._events.change(caller, "key.create", key_id) as tx:
            secret = self._insert_key(tx, caller.workspace, key_id, name, role, expires_at, deployment)
        return self._key(caller, key_id), secret

    def keys(self, caller: Caller) -> list[ApiKey]:
        """The workspace's keys, oldest first."""
        query = sa.select(api_keys).where(api_keys.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(api_keys.c.made_at, api_keys.c.id)).mappings()
            return [_api_key(dict(row)) for row in rows]

    def revoke(self, caller: Caller, key_id: str) -> ApiKey:
        """The key, which holds no more."""
        if self._key(caller, key_id).revoked_at is None:
            with self._events.change(caller, "key.revoke", key_id) as tx:
                values = {"revoked_at": self._clock().isoformat()}
                tx.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(**values))
                tx.emit("sightloop.key.revoked", {"key": key_id})
        return self._key(caller, key_id)

    def hashes(self) -> list[KeyHash]:
        """The hashes of all keys that hold, of all workspaces: the serving process knows bearers without asking."""
        with self._records.read() as connection:
            rows = [dict(row) for row in connection.execute(sa.select(api_keys).order_by(api_keys.c.id)).mappings()]
        moment = self._clock()
        return [
            KeyHash(
                row["secret_sha256"],
                row["workspace_id"],
                Role(row["role"]),
                row["id"],
                _time(row["expires_at"]),
                row["deployment"],
            )
            for row in rows
            if not row["revoked_at"] and not _over(row["expires_at"], moment)
        ]

    def ensure_default(self) -> str:
        """The id of the default workspace, made where there is none."""
        self._stores.workspace(DEFAULT)
        return DEFAULT

    def create_workspace(self, caller: Caller, name: str) -> tuple[str, ApiKey, str]:
        """A new workspace's id, its first admin key, and that key's secret, shown this once.

        Only the default workspace makes others: it belongs to the owner of the installation.
        """
        if caller.workspace != DEFAULT or caller.role is not Role.ADMIN:
            raise Forbidden("Only an admin of the default workspace can make workspaces.")
        if not 0 < len(name) <= 200:
            raise InvalidInput("A workspace needs a name of at most 200 characters.", hint="Give one.")
        workspace = caller.new_id("wsp")
        self._stores.workspace(workspace)
        inside = replace(caller, workspace=workspace)
        key_id = derived_id("key", workspace, "first")
        if self._row(inside, key_id) is not None:
            raise Conflict("This workspace was made already.", hint="Its key was shown once; ask its admin.")
        with self._events.change(inside, "workspace.create", workspace) as tx:
            tx.execute(sa.update(_workspaces).where(_workspaces.c.id == workspace).values(name=name))
            secret = self._insert_key(tx, workspace, key_id, "first admin", Role.ADMIN, None)
            tx.emit("sightloop.workspace.created", {"workspace": workspace})
        return workspace, self._key(inside, key_id), secret

    def workspaces(self) -> Mapping[str, str]:
        """Names by id of all workspaces."""
        with self._records.read() as connection:
            rows = connection.execute(sa.select(_workspaces.c.id, _workspaces.c.name).order_by(_workspaces.c.id))
            return {row.id: row.name for row in rows}

    def owner_link(self) -> str:
        """A token that `redeem` takes once within the hour; whoever can read the server's terminal is the owner."""
        token = secrets.token_urlsafe(_SECRET_BYTES)
        link_id = derived_id("lnk", _sha256(token))
        moment = self._clock()
        with self._events.change(_owner(), "owner_link.create", link_id) as tx:
            row = {
                "workspace_id": DEFAULT, "id": link_id, "secret_sha256": _sha256(token), "used_at": "",
                "made_at": moment.isoformat(), "expires_at": (moment + LINK_LIFE).isoformat(),
            }  # fmt: skip
            tx.execute(sa.insert(owner_links).values(**row))
            tx.emit("sightloop.owner_link.created", {"link": link_id})
        return token

    def redeem(self, token: str) -> tuple[ApiKey, str]:
        """An admin key of the default workspace, for 30 days, for a fresh owner link, which is used up by this."""
        link_id, moment = derived_id("lnk", _sha256(token)), self._clock()
        key_id = derived_id("key", link_id)
        with self._events.change(_owner(), "owner_link.redeem", link_id) as tx:
            used = tx.execute(
                sa.update(owner_links)
                .where(owner_links.c.id == link_id, owner_links.c.secret_sha256 == _sha256(token))
                .where(owner_links.c.used_at == "", owner_links.c.expires_at > moment.isoformat())
                .values(used_at=moment.isoformat())
            )
            if used.rowcount != 1:
                raise Unauthenticated("This link is used or expired.", hint="Restart the server for a new one.")
            secret = self._insert_key(tx, DEFAULT, key_id, "owner", Role.ADMIN, moment + SESSION_LIFE)
        return self._key(_owner(), key_id), secret

    def _insert_key(
        self,
        tx: Change,
        workspace: str,
        key_id: str,
        name: str,
        role: Role,
        expires_at: datetime | None,
        deployment: str = "",
    ) -> str:
        secret = "sl_" + secrets.token_urlsafe(_SECRET_BYTES)
        row = {
            "id": key_id, "workspace_id": workspace, "name": name, "role": str(role), "secret_sha256": _sha256(secret),
            "made_at": self._clock().isoformat(), "expires_at": expires_at.isoformat() if expires_at else "",
            "revoked_at": "", "last_used": "", "deployment": deployment,
        }  # fmt: skip
        tx.execute(sa.insert(api_keys).values(**row))
        tx.emit("sightloop.key.created", {"key": key_id, "role": str(role)})
        return secret

    def _key_of(self, token: str) -> dict[str, Any] | None:
        if not _KEY.fullmatch(token):
            return None
        digest = _sha256(token)
        with self._records.read() as connection:
            row = connection.execute(sa.select(api_keys).where(api_keys.c.secret_sha256 == digest)).mappings().first()
        return dict(row) if row is not None and hmac.compare_digest(row["secret_sha256"], digest) else None

    def _row(self, caller: Caller, key_id: str) -> dict[str, Any] | None:
        query = sa.select(api_keys).where(api_keys.c.workspace_id == caller.workspace, api_keys.c.id == key_id)
        with self._records.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else dict(row)

    def _key(self, caller: Caller, key_id: str) -> ApiKey:
        row = self._row(caller, key_id)
        if row is None:
            raise not_found("key", key_id, hint="List them: sightloop key list")
        return _api_key(row)


def _owner() -> Caller:
    return Caller(DEFAULT, "owner", Role.ADMIN)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _over(text: str, moment: datetime) -> bool:
    return bool(text) and datetime.fromisoformat(text) <= moment


def _api_key(row: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        row["id"], row["workspace_id"], row["name"], Role(row["role"]), datetime.fromisoformat(row["made_at"]),
        _time(row["expires_at"]), _time(row["revoked_at"]), _time(row["last_used"]), row["deployment"],
    )  # fmt: skip
