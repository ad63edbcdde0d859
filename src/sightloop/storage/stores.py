"""A workspace's blobs and tables, behind the workspace's data key."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from obstore.store import LocalStore, ObjectStore

from sightloop.domain import now
from sightloop.errors import InvalidInput
from sightloop.storage.blobs import Blobs
from sightloop.storage.encryption import Cipher, new_wrapped_key, read_master_key, unwrap
from sightloop.storage.faults import faultpoint
from sightloop.storage.lance_tables import Tables
from sightloop.storage.records import Records
from sightloop.storage.tables import workspaces

SHARED_SWEEP_S = 24 * 3600.0  # another process may be writing; no write of a blob takes a day


@dataclass(frozen=True, slots=True)
class Store:
    """What one workspace keeps outside SQL."""

    blobs: Blobs
    tables: Tables
    cipher: Cipher | None = None

    def seal(self, secret: str, bound_to: str) -> str:
        """The secret as text for SQL: encrypted where the workspace has a key."""
        return secret if self.cipher is None else "sealed:" + self.cipher.seal(secret.encode(), bound_to).hex()

    def unseal(self, text: str, bound_to: str) -> str:
        """The secret that `seal` was given."""
        if self.cipher is None or not text.startswith("sealed:"):
            return text
        return self.cipher.open(bytes.fromhex(text.removeprefix("sealed:")), bound_to).decode()


class Stores:
    """Opens workspaces below one installation folder.

    Args:
        folder: the installation folder; workspaces lie under `workspaces/<id>/`.
        master_key: setting `storage.master_key`, base64; empty for no encryption.
        free_bytes_floor: writes of blobs and tables answer StorageFull below this.
    """

    def __init__(self, folder: Path, records: Records, *, master_key: str = "", free_bytes_floor: int = 0) -> None:
        self._folder = folder
        self._records = records
        self._master_key = read_master_key(master_key)
        self._floor = free_bytes_floor
        self._open: dict[str, Store] = {}
        self._lock = threading.Lock()

    def workspace(self, workspace_id: str) -> Store:
        """The workspace's store; the first call makes its record, data key and folders."""
        with self._lock:
            if workspace_id not in self._open:
                self._open[workspace_id] = self._make(workspace_id)
            return self._open[workspace_id]

    def objects(self) -> ObjectStore:
        """Every object of every workspace as it lies there, sealed where it is sealed: what a backup copies."""
        home = self._folder / "workspaces"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(home)

    def _make(self, workspace_id: str) -> Store:
        if not workspace_id.replace("_", "").replace("-", "").isalnum():
            raise InvalidInput(f'"{workspace_id}" cannot be a workspace id.', hint="Use letters, digits, - and _.")
        wrapped = self._wrapped_key(workspace_id)
        faultpoint("workspace.registered")
        cipher = unwrap(wrapped, self._master_key, workspace_id) if wrapped else None
        home = self._folder / "workspaces" / workspace_id
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        blobs = Blobs(home / "blobs", cipher, self._floor)
        blobs.sweep(older_than_s=SHARED_SWEEP_S if self._records.shared else 0.0)
        return Store(blobs=blobs, tables=Tables(home / "tables", self._floor), cipher=cipher)

    def _wrapped_key(self, workspace_id: str) -> str:
        query = sa.select(workspaces.c.wrapped_key).where(workspaces.c.id == workspace_id)
        with self._records.read() as connection:
            found: str | None = connection.scalar(query)
        if found or (found is not None and self._master_key is None):
            return found
        wrapped = new_wrapped_key(self._master_key, workspace_id) if self._master_key else ""
        with self._records.write() as connection:
            if found is None:
                connection.execute(
                    sa.insert(workspaces).values(
                        id=workspace_id, name=workspace_id, region="", wrapped_key=wrapped, made_at=now().isoformat()
                    )
                )
            else:
                connection.execute(
                    sa.update(workspaces).where(workspaces.c.id == workspace_id).values(wrapped_key=wrapped)
                )
        return wrapped
