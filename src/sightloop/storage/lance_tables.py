"""Tables that grow by the million: Lance, every write a new version, in one workspace."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa

from sightloop.errors import InvalidInput, NotFound
from sightloop.storage.durability import full_disk_translated, require_room, sync
from sightloop.storage.faults import faultpoint

PRIMARY_KEY = {"lance-schema:unenforced-primary-key": "true"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_SUFFIX = ".lance"
MANY_FRAGMENTS = 100  # 260 fragments of 5 rows became one in 80 ms; old versions keep their files


class Tables:
    """Versioned tables. A write returns its version; readers name one, which the SQL pointer tells them.

    Lance does not sync what it writes (seen with strace on pylance 14), so each write syncs its new files here.
    A commit costs tens of milliseconds: write hundreds of rows at once.
    """

    def __init__(self, folder: Path, free_bytes_floor: int = 0) -> None:
        self._folder = folder
        self._floor = free_bytes_floor
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, name: str, table: pa.Table) -> int:
        """The version after the rows were added; the first write makes the table. Not idempotent: see `upsert`."""
        with self._writing(name, table.nbytes) as path:
            mode = "append" if self._exists(path) else "create"
            return int(lance.write_dataset(table, str(path), mode=mode).version)

    def upsert(self, name: str, table: pa.Table, key: str) -> int:
        """The version after rows were added or, by `key`, replaced: the same rows twice change nothing.

        Known keys are deleted, then all rows appended: readers hold on to the version that the SQL pointer names, so a
        crash between the two shows nowhere, and the same upsert again completes it. Lance's own merge_insert is not
        used: on two cores it came to stand still for ever on a table of some hundred fragments (pylance 14).
        Writers of other processes are kept out by the lock on the folder.
        """
        position = table.schema.get_field_index(key)
        if position < 0:
            raise InvalidInput(f'The rows have no column "{key}".', hint=f"Columns: {', '.join(table.column_names)}.")
        field = table.schema.field(position).with_nullable(False).with_metadata(PRIMARY_KEY)
        keyed = table.cast(table.schema.set(position, field))
        with self._writing(name, table.nbytes) as path:
            if not self._exists(path):
                return int(lance.write_dataset(keyed, str(path), mode="create").version)
            wanted = f"{key} IN ({', '.join(_literal(value) for value in keyed[key].to_pylist())})"
            dataset = lance.dataset(str(path))
            if dataset.count_rows(filter=wanted):
                dataset.delete(wanted)
            new = [one for one in keyed.schema if one.name not in dataset.schema.names]
            if new:  # rows from before have none of it
                dataset.add_columns(pa.schema(new))
            written = lance.write_dataset(keyed, str(path), mode="append")
            if len(written.get_fragments()) >= MANY_FRAGMENTS:
                written.optimize.compact_files()
            return int(written.version)

    def read(self, name: str, version: int, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """The rows of that version, in the order they lie there. `where` is a Lance filter (SQL)."""
        with _translated(name):
            return self._open(name, version).to_table(columns=None if columns is None else list(columns), filter=where)

    def take(self, name: str, version: int, rows: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """The rows at these positions, in this order."""
        with _translated(name):
            return self._open(name, version).take(list(rows), columns=None if columns is None else list(columns))

    def count(self, name: str, version: int, where: str | None = None) -> int:
        """The number of rows of that version."""
        with _translated(name):
            return int(self._open(name, version).count_rows(filter=where))

    def latest(self, name: str) -> int | None:
        """The newest version that Lance holds, which no pointer may name yet; None where there is no table."""
        path = self._path(name)
        return int(lance.dataset(str(path)).version) if self._exists(path) else None

    def names(self) -> list[str]:
        """The names of all tables, sorted."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))

    def restore(self, name: str, version: int) -> int:
        """A new version with the content of an old one: takes back writes that no pointer ever named."""
        with self._writing(name) as path:
            dataset: Any = lance.dataset(str(path), version=version)
            dataset.restore()
            return int(lance.dataset(str(path)).version)

    def collect(self, name: str, keep: int) -> int:
        """The number of versions older than `keep` that were removed, with all files that only they used.

        `keep` and everything newer stays. Files that a crash left out of every version go too, which no write of this
        process can be mistaken for: writers of the table wait meanwhile.
        """
        with self._lock(name), _translated(name):
            dataset = self._open(name, keep)
            older = [int(one["version"]) for one in dataset.versions() if int(one["version"]) < keep]
            if older:
                lance.dataset(str(self._path(name))).cleanup_old_versions(versions=older, delete_unverified=True)
            return len(older)

    def drop(self, name: str) -> None:
        """Returns once the table is gone with all its versions, or never was."""
        path = self._path(name)
        with self._lock(name):
            if path.exists():
                shutil.rmtree(path)
                sync(self._folder)

    def delete(self, name: str, where: str) -> int:
        """The version without the matching rows; their bytes go with the versions before it, see `collect`.

        Name opaque ids only: Lance stores the predicate.
        """
        with self._writing(name, checked=False) as path:
            dataset = lance.dataset(str(path))
            dataset.delete(where)
            dataset.optimize.compact_files(materialize_deletions=True, materialize_deletions_threshold=0.0)
            return int(lance.dataset(str(path)).version)

    def _open(self, name: str, version: int) -> Any:
        path = self._path(name)
        if not self._exists(path):
            raise NotFound(f'There is no table "{name}".', hint="Write it first, or run: sightloop fsck")
        return lance.dataset(str(path), version=version)

    def _lock(self, name: str) -> threading.Lock:
        with self._locks_lock:
            return self._locks.setdefault(name, threading.Lock())

    @contextmanager
    def _writing(self, name: str, size_bytes: int = 0, *, checked: bool = True) -> Iterator[Path]:
        path = self._path(name)
        if checked:
            require_room(self._folder, self._floor, size_bytes)
        began_ns = time.time_ns()
        with self._lock(name), full_disk_translated(), _translated(name):
            yield path
            _sync_since(path, began_ns)
            sync(self._folder)
        faultpoint("table.written")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name) or ".." in name:
            raise InvalidInput(f'"{name}" cannot name a table.', hint="Use letters, digits, dot, dash and underscore.")
        return self._folder / f"{name}{_SUFFIX}"

    @staticmethod
    def _exists(path: Path) -> bool:
        return (path / "_versions").is_dir() and any((path / "_versions").glob("*.manifest"))


def _sync_since(path: Path, began_ns: int) -> None:
    """Returns once the table's files and folders that changed since then are on the disk.

    File times come from the kernel's coarse clock, which lags by up to a tick: hence one second of slack.
    """
    folders = {path}
    for file in path.rglob("*"):
        if file.is_file() and file.stat().st_mtime_ns >= began_ns - 1_000_000_000:
            sync(file)
            folders.add(file.parent)
    for folder in folders:
        sync(folder)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """A block in which Lance's own errors become ours; messages lose the paths that Lance puts into them."""
    try:
        yield
    except (ValueError, OSError, pa.ArrowInvalid) as error:
        said = str(error)
        if "no space left" in said.lower():
            raise
        if "was not found" in said:
            raise NotFound(f'The table "{name}" has no such version.', hint="Run: sightloop fsck") from error
        reason = said.split(", /")[0].split(", location:")[0].removeprefix("Invalid user input: ")
        raise InvalidInput(
            f'The table "{name}" cannot do this: {reason}', hint="Check the columns and the filter."
        ) from error


def _literal(value: object) -> str:
    """The key as it stands in a Lance filter."""
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
