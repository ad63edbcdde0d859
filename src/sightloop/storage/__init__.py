"""Where bytes rest: records in SQL, tables in Lance, blobs in files. The door is lazy, so `faultpoint` stays light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightloop.storage.belonging import bind
    from sightloop.storage.blobs import Blobs
    from sightloop.storage.durability import disk_state, full_disk_translated, require_room
    from sightloop.storage.faults import FAULT_POINTS, configure_faults, faultpoint
    from sightloop.storage.folder_lock import FolderLock
    from sightloop.storage.lance_tables import Tables
    from sightloop.storage.records import Records, insert_once
    from sightloop.storage.s3 import objects_translated
    from sightloop.storage.snapshots import copy_records, holds_rows
    from sightloop.storage.stores import Store, Stores
    from sightloop.storage.tables import metadata, move_pointer, pointer

_HOMES = {
    "Blobs": "blobs",
    "full_disk_translated": "durability",
    "require_room": "durability",
    "FAULT_POINTS": "faults",
    "bind": "belonging",
    "configure_faults": "faults",
    "disk_state": "durability",
    "faultpoint": "faults",
    "FolderLock": "folder_lock",
    "Tables": "lance_tables",
    "Records": "records",
    "insert_once": "records",
    "copy_records": "snapshots",
    "holds_rows": "snapshots",
    "objects_translated": "s3",
    "Store": "stores",
    "Stores": "stores",
    "metadata": "tables",
    "move_pointer": "tables",
    "pointer": "tables",
}

__all__ = [
    "FAULT_POINTS",
    "Blobs",
    "FolderLock",
    "Records",
    "Store",
    "Stores",
    "Tables",
    "bind",
    "configure_faults",
    "copy_records",
    "disk_state",
    "faultpoint",
    "full_disk_translated",
    "holds_rows",
    "insert_once",
    "metadata",
    "move_pointer",
    "objects_translated",
    "pointer",
    "require_room",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
