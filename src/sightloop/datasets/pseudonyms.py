"""The key under which names of persons become pseudonyms: one a workspace, sealed where it has a data key."""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.domain import Caller
from sightloop.events import Events
from sightloop.inference import DecodePool
from sightloop.storage import Records, Stores, insert_once

KEY_BYTES: Final = 32
BOUND_TO: Final = "pseudonyms"


def is_dicom(data: bytes) -> bool:
    """Whether the bytes are a DICOM file (PS3.10, 7.1)."""
    return data[128:132] == b"DICM"


class Pseudonyms:
    """Puts media under pseudonyms, and keeps the key.

    Without it nobody tells which pseudonym stands for whom, and with it only by trying names.
    """

    def __init__(self, records: Records, stores: Stores, events: Events, decoder: DecodePool) -> None:
        self._decoder = decoder
        self._records = records
        self._stores = stores
        self._events = events
        self._keys: dict[str, bytes] = {}

    def nameless(self, caller: Caller, data: bytes) -> bytes:
        """The bytes of a medium, under pseudonyms where they are DICOM; raises InvalidMedia where that is damaged."""
        return self._decoder.under_pseudonyms(data, self._key(caller)) if is_dicom(data) else data

    def _key(self, caller: Caller) -> bytes:
        """The workspace's key, made when it is first asked for."""
        if caller.workspace not in self._keys:
            self._keys[caller.workspace] = self._find(caller) or self._make(caller)
        return self._keys[caller.workspace]

    def _find(self, caller: Caller) -> bytes | None:
        home = tables.pseudonym_keys
        with self._records.read() as connection:
            sealed = connection.scalar(sa.select(home.c.sealed_key).where(home.c.workspace_id == caller.workspace))
        if sealed is None:
            return None
        return bytes.fromhex(self._stores.workspace(caller.workspace).unseal(sealed, BOUND_TO))

    def _make(self, caller: Caller) -> bytes:
        sealed = self._stores.workspace(caller.workspace).seal(secrets.token_hex(KEY_BYTES), BOUND_TO)
        with self._events.change(caller, "pseudonyms.begin", caller.workspace) as change:
            insert_once(
                change.connection, tables.pseudonym_keys, [{"workspace_id": caller.workspace, "sealed_key": sealed}]
            )
            change.emit("sightloop.pseudonyms.begun", {})
        found = self._find(caller)
        assert found is not None
        return found
