"""Credentials of object stores: named, sealed in SQL, never shown again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.buckets import Access
from sightloop.domain import Caller, now
from sightloop.errors import Conflict, InvalidInput, Refused, not_found
from sightloop.events import Egress, Events
from sightloop.storage import Records, Stores, insert_once

# What each kind needs, then what it may have; of Azure's two one is enough.
SECRETS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "s3": (("access_key_id", "secret_access_key"), ("session_token",)),
    "gcs": (("service_account",), ()),
    "azure": ((), ("account_key", "sas_token")),
}
_REGION: Final = re.compile(r"[a-z0-9-]{0,40}")
_ACCOUNT: Final = re.compile(r"[a-z0-9]{0,24}")
_LIST: Final = "List them: sightloop credentials list"


@dataclass(frozen=True, slots=True)
class StoredCredentials:
    """Credentials without their secrets.

    Attributes:
        kind: s3, gcs or azure.
        endpoint: of a store that is not the provider's own; the secrets are for it alone.
        used_by: names of the sources that use them.
    """

    id: str
    name: str
    kind: str
    endpoint: str
    region: str
    account: str
    made_at: str
    rotated_at: str
    used_by: tuple[str, ...] = ()


class Credentials:
    """The credentials of a workspace."""

    def __init__(self, records: Records, stores: Stores, events: Events, egress: Egress) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._egress = egress

    def create(
        self,
        caller: Caller,
        name: str,
        kind: str,
        secrets: Mapping[str, str],
        *,
        endpoint: str = "",
        region: str = "",
        account: str = "",
    ) -> StoredCredentials:
        """The credentials, whose secrets nobody sees again.

        Raises:
            Refused: the endpoint lies where requests may not go.
            Conflict: the name is taken.
        """
        _check_secrets(kind, secrets, account)
        if not _REGION.fullmatch(region) or not _ACCOUNT.fullmatch(account):
            raise InvalidInput("This is no region, or no storage account.", hint='Such as "eu-west-1" or "plantmedia".')
        if endpoint:
            self._egress.resolve(endpoint)
        if not name or "/" in name:
            raise InvalidInput("Credentials need a name without slashes.", hint='Such as "line-2-bucket".')
        made_at = now().isoformat()
        row = {
            "workspace_id": caller.workspace,
            "id": caller.new_id("crd"),
            "name": name,
            "kind": kind,
            "endpoint": endpoint,
            "region": region,
            "account": account,
            "made_at": made_at,
            "rotated_at": made_at,
        }
        sealed = self._sealed(caller, row["id"], secrets)
        with self._events.change(caller, "credentials.create", row["id"]) as change:
            if not insert_once(change.connection, tables.source_credentials, [{**row, "secrets": sealed}]):
                raise Conflict(f'There are credentials "{name}" already.', hint="Rotate them, or take another name.")
            change.emit("sightloop.credentials.created", {"kind": kind})
        return self.get(caller, name)

    def list(self, caller: Caller) -> Sequence[StoredCredentials]:
        """The workspace's credentials by name, without their secrets."""
        home, used = tables.source_credentials, tables.sources
        with self._records.read() as connection:
            rows = connection.execute(
                sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name)
            ).all()
            uses = connection.execute(
                sa.select(used.c.name, used.c.settings).where(used.c.workspace_id == caller.workspace)
            ).all()
        by = {row.name: tuple(one.name for one in uses if one.settings.get("credentials") == row.name) for row in rows}
        return [_stored(row, by[row.name]) for row in rows]

    def get(self, caller: Caller, name: str) -> StoredCredentials:
        found = {one.name: one for one in self.list(caller)}
        if name not in found:
            raise not_found("credentials", name, found, hint=_LIST)
        return found[name]

    def rotate(self, caller: Caller, name: str, secrets: Mapping[str, str]) -> StoredCredentials:
        """The credentials with other secrets; what uses them asks with these from now on."""
        known = self.get(caller, name)
        _check_secrets(known.kind, secrets, known.account)
        home = tables.source_credentials
        with self._events.change(caller, "credentials.rotate", known.id) as change:
            change.execute(
                sa.update(home)
                .where(home.c.workspace_id == caller.workspace, home.c.id == known.id)
                .values(secrets=self._sealed(caller, known.id, secrets), rotated_at=now().isoformat())
            )
            change.emit("sightloop.credentials.rotated", {"kind": known.kind})
        return self.get(caller, name)

    def delete(self, caller: Caller, name: str) -> StoredCredentials:
        """What is gone. Samples that lie in a bucket behind them can no longer be read.

        Raises:
            Refused: a source uses them.
        """
        known = self.get(caller, name)
        if known.used_by:
            raise Refused(
                f'The source "{known.used_by[0]}" uses the credentials "{name}".', hint="Remove that source first."
            )
        home = tables.source_credentials
        with self._events.change(caller, "credentials.delete", known.id) as change:
            change.execute(sa.delete(home).where(home.c.workspace_id == caller.workspace, home.c.id == known.id))
            change.emit("sightloop.credentials.deleted", {"kind": known.kind})
        return known

    def access(self, caller: Caller, name: str) -> Access:
        """What opens a bucket; nobody's where no name is given. Raises NotFound for a name that is none."""
        if not name:
            return Access()
        home = tables.source_credentials
        mine = (home.c.workspace_id == caller.workspace) & (home.c.name == name)
        with self._records.read() as connection:
            row = connection.execute(sa.select(home).where(mine)).first()
        if row is None:
            raise not_found("credentials", name, [one.name for one in self.list(caller)], hint=_LIST)
        secrets = json.loads(self._stores.workspace(caller.workspace).unseal(row.secrets, row.id))
        return Access(row.name, row.kind, row.endpoint, row.region, row.account, secrets)

    def _sealed(self, caller: Caller, id: str, secrets: Mapping[str, str]) -> str:
        return self._stores.workspace(caller.workspace).seal(json.dumps(dict(secrets)), id)


def _check_secrets(kind: str, secrets: Mapping[str, str], account: str) -> None:
    if kind not in SECRETS:
        raise not_found("kind of credentials", kind, SECRETS)
    needed, more = SECRETS[kind]
    missing = [one for one in needed if not secrets.get(one)]
    unknown = sorted(set(secrets) - {*needed, *more})
    if missing or unknown or (kind == "azure" and (len(secrets) != 1 or not account)):
        takes = " and ".join(needed) or "an account, and one of account_key and sas_token"
        raise InvalidInput(
            f"Credentials of the kind {kind} take {takes}{f', perhaps {more[0]}' if kind == 's3' else ''}.",
            hint=f"Missing: {', '.join(missing)}." if missing else "Give these and nothing else.",
        )
    if kind == "gcs" and not _is_service_account(secrets["service_account"]):
        raise InvalidInput(
            "This is no key of a service account.", hint="Give the JSON file that Google Cloud made for it, as it is."
        )


def _is_service_account(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and all(isinstance(found.get(one), str) for one in ("client_email", "private_key"))


def _stored(row: Any, used_by: tuple[str, ...]) -> StoredCredentials:
    return StoredCredentials(
        row.id, row.name, row.kind, row.endpoint, row.region, row.account, row.made_at, row.rotated_at, used_by
    )
