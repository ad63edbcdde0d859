"""A workspace's blobs and tables, behind the workspace's data key."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import obstore
import sqlalchemy as sa
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore

from sightloop.domain import new_id, now
from sightloop.errors import InvalidInput, Refused
from sightloop.settings import StorageSettings
from sightloop.storage.blobs import Blobs
from sightloop.storage.encryption import Cipher, new_wrapped_key, read_master_key, unwrap
from sightloop.storage.faults import faultpoint
from sightloop.storage.lance_tables import Tables
from sightloop.storage.places import LocalPlace, Place
from sightloop.storage.records import Records
from sightloop.storage.s3 import S3Place, objects_translated, s3_place
from sightloop.storage.tables import installation, workspaces

CLAIM = "installation"

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
    """Opens workspaces below one installation folder, or below one bucket's prefix.

    Args:
        folder: the installation folder; workspaces lie under `workspaces/<id>/`.
        master_key: setting `storage.master_key`, base64; empty for no encryption.
        free_bytes_floor: writes of blobs and tables into the folder answer StorageFull below this.
        bucket: where workspaces lie instead of the folder.
    """

    def __init__(
        self,
        folder: Path,
        records: Records,
        *,
        master_key: str = "",
        free_bytes_floor: int = 0,
        bucket: S3Place | None = None,
    ) -> None:
        self._records = records
        self._bucket = bucket
        self._home: Place = (
            bucket.below("workspaces") if bucket else LocalPlace(folder / "workspaces", free_bytes_floor)
        )
        self._master_key = read_master_key(master_key)
        self._open: dict[str, Store] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, folder: Path, records: Records, settings: StorageSettings) -> Stores:
        """The stores that the settings describe."""
        return cls(
            folder,
            records,
            master_key=settings.master_key.get_secret_value() if settings.master_key else "",
            free_bytes_floor=settings.free_bytes_floor,
            bucket=s3_place(settings) if settings.url else None,
        )

    def workspace(self, workspace_id: str) -> Store:
        """The workspace's store; the first call makes its record, data key and folders."""
        with self._lock:
            if workspace_id not in self._open:
                self._open[workspace_id] = self._make(workspace_id)
            return self._open[workspace_id]

    def claim(self) -> None:
        """Returns once the bucket's prefix is this installation's own; a folder needs no claim, it has its lock.

        Versions and orphans are judged by SQL, so two databases over one prefix would sweep up each other's content.
        The claim is one object, put under the condition that there is none, and it stays.

        Raises:
            Refused: the prefix is another installation's.
            Unavailable: the store does not answer, or refuses the credentials.
        """
        if self._bucket is None:
            return
        mine = self._installation_id()
        with objects_translated():
            try:
                obstore.put(self._bucket.objects, CLAIM, mine.encode(), mode="create")
            except AlreadyExistsError:
                owner = bytes(obstore.get(self._bucket.objects, CLAIM).bytes()).decode(errors="replace")
                if owner != mine:
                    raise Refused(
                        "The place that storage.url names belongs to another installation.",
                        hint="Name another prefix, or open the installation that it belongs to.",
                    ) from None

    def objects(self) -> ObjectStore:
        """Every object of every workspace as it lies there, sealed where it is sealed: what a backup copies."""
        return self._home.objects

    def _installation_id(self) -> str:
        with self._records.write() as connection:
            known = connection.scalar(sa.select(installation.c.id))
            if known is None:
                known = new_id("ins")
                connection.execute(sa.insert(installation).values(id=known, made_at=now().isoformat()))
            return str(known)

    def _make(self, workspace_id: str) -> Store:
        if not workspace_id.replace("_", "").replace("-", "").isalnum():
            raise InvalidInput(f'"{workspace_id}" cannot be a workspace id.', hint="Use letters, digits, - and _.")
        wrapped = self._wrapped_key(workspace_id)
        faultpoint("workspace.registered")
        cipher = unwrap(wrapped, self._master_key, workspace_id) if wrapped else None
        home = self._home.below(workspace_id)
        blobs = Blobs(home.below("blobs"), cipher)
        blobs.sweep(older_than_s=SHARED_SWEEP_S if self._records.shared else 0.0)
        return Store(blobs=blobs, tables=Tables(home.below("tables")), cipher=cipher)

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
