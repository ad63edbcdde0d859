"""Who may do what: pure rules over roles and permissions. Deny by default; ids never carry rights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sightloop.domain.ids import derived_id, new_id
from sightloop.errors import Forbidden, Unauthenticated


class Role(StrEnum):
    ANONYMOUS = "anonymous"
    PREDICTOR = "predictor"
    PUSHER = "pusher"
    VIEWER = "viewer"
    LABELER = "labeler"
    ENGINEER = "engineer"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route asks for. PUBLIC is said aloud, never assumed."""

    PUBLIC = "public"
    READ = "read"
    MEDIA_READ = "media.read"
    PREDICT = "predict"
    LABEL = "label"
    PUSH = "push"
    INGEST = "ingest"
    DATASET_WRITE = "dataset.write"
    TRAIN = "train"
    MODEL_WRITE = "model.write"
    PROMOTE = "promote"
    DEPLOY = "deploy"
    MONITOR_WRITE = "monitor.write"
    RUN_CANCEL = "run.cancel"
    LOOP_WRITE = "loop.write"
    OUTCOME_WRITE = "outcome.write"
    AUDIT_READ = "audit.read"
    ADMIN = "admin"


_VIEW = frozenset({Permission.PUBLIC, Permission.READ, Permission.MEDIA_READ})
_LABEL = _VIEW | {Permission.LABEL}
_ENGINEER = _LABEL | {
    Permission.PREDICT, Permission.PUSH, Permission.INGEST, Permission.DATASET_WRITE, Permission.TRAIN,
    Permission.MODEL_WRITE, Permission.PROMOTE, Permission.DEPLOY, Permission.MONITOR_WRITE, Permission.LOOP_WRITE,
    Permission.OUTCOME_WRITE, Permission.RUN_CANCEL, Permission.AUDIT_READ,
}  # fmt: skip
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ANONYMOUS: frozenset({Permission.PUBLIC}),
    Role.PREDICTOR: frozenset({Permission.PUBLIC, Permission.PREDICT}),
    Role.PUSHER: frozenset({Permission.PUBLIC, Permission.PUSH}),
    Role.VIEWER: _VIEW,
    Role.LABELER: _LABEL,
    Role.ENGINEER: _ENGINEER,
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf something happens, in which workspace; every query and every change carries one.

    Attributes:
        workspace: id of the workspace; the tenant of every query.
        actor: opaque id of the person, key or policy that acts.
        role: what the actor may do in this workspace.
        idempotency_key: the key of the request, if it has one: the same key makes the same ids.
        deployment: the only deployment that the actor may ask, by name; empty for any.
        trace_id: W3C trace id of the request, or empty.
    """

    workspace: str
    actor: str
    role: Role
    idempotency_key: str | None = None
    trace_id: str = ""
    deployment: str = ""

    def new_id(self, prefix: str) -> str:
        """A fresh id, or with an idempotency key the one that this key always makes."""
        if self.idempotency_key is None:
            return new_id(prefix)
        return derived_id(prefix, self.workspace, self.idempotency_key)

    def keyed(self, *parts: str) -> Caller:
        """The same caller under a key derived from these parts: for steps that may run again."""
        return replace(self, idempotency_key=derived_id("key", *parts))


def allowed(role: Role, permission: Permission) -> bool:
    """Whether the role holds the permission."""
    return permission in GRANTS[role]


def require(caller: Caller, permission: Permission) -> None:
    """Returns silently where the caller holds the permission; raises Unauthenticated or Forbidden otherwise."""
    if allowed(caller.role, permission):
        return
    if caller.role is Role.ANONYMOUS:
        raise Unauthenticated("This needs an API key.", hint="Send it as 'Authorization: Bearer KEY'.")
    needed = next(role for role in Role if permission in GRANTS[role])
    raise Forbidden(
        f'The role "{caller.role}" does not hold the permission "{permission}".',
        hint=f'Ask an admin of the workspace for the role "{needed}".',
        permission=str(permission),
        role_needed=str(needed),
    )
