"""Tables that grow by the million: Lance, every write a new version, in one workspace."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import lance
import obstore
import pyarrow as pa

from sightloop.errors import Conflict, InvalidInput, NotFound, SightloopError
from sightloop.storage.faults import faultpoint
from sightloop.storage.indexes import Indexes
from sightloop.storage.places import Place
from sightloop.storage.s3 import objects_translated, s3_error

PRIMARY_KEY = {"lance-schema:unenforced-primary-key": "true"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_SUFFIX = ".lance"
_MISSING = "was not found"
MANY_FRAGMENTS = 100  # 260 fragments of 5 rows became one in 80 ms; old versions keep their files
FULL_FRAGMENT = 131_072  # rows; a fragment of so many is not written again, so that growing costs the same all the way


class Tables:
    """Versioned tables. A write returns its version; readers name one, which the SQL pointer tells them.

    Lance does not sync what it writes (seen with strace on pylance 14): the place sees to that.
    A commit costs tens of milliseconds: write hundreds of rows at once.

    Attributes:
        indexes: what finds rows by words, by vector and by id.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()
        self.indexes = Indexes(self._open, self._writing, _translated)

    def append(self, name: str, table: pa.Table) -> int:
        """The version after the rows were added; the first write makes the table. Not idempotent: see `upsert`."""
        with self._writing(name, table.nbytes):
            mode = "create" if self._newest(name) is None else "append"
            return int(self._write(name, table, mode).version)

    def upsert(self, name: str, table: pa.Table, key: str) -> int:
        """The version after rows were added or, by `key`, replaced: the same rows twice change nothing.

        Known keys are deleted, then all rows appended: readers hold on to the version that the SQL pointer names, so a
        crash between the two shows nowhere, and the same upsert again completes it. Lance's own merge_insert is not
        used: on two cores it came to stand still for ever on a table of some hundred fragments (pylance 14).
        Writers of other processes are kept out by the lock on the folder, the claim on the bucket, or `Records.alone`;
        one that lost the second without knowing shows as a version in between.

        Raises:
            Conflict: it does.
        """
        position = table.schema.get_field_index(key)
        if position < 0:
            raise InvalidInput(f'The rows have no column "{key}".', hint=f"Columns: {', '.join(table.column_names)}.")
        field = table.schema.field(position).with_nullable(False).with_metadata(PRIMARY_KEY)
        keyed = table.cast(table.schema.set(position, field))
        with self._writing(name, table.nbytes):
            dataset = self._newest(name)
            if dataset is None:
                return int(self._write(name, keyed, "create").version)
            wanted = f"{key} IN ({', '.join(_literal(value) for value in keyed[key].to_pylist())})"
            if dataset.count_rows(filter=wanted):
                dataset.delete(wanted)
                faultpoint("table.deleted")
            new = [one for one in keyed.schema if one.name not in dataset.schema.names]
            if new:  # rows from before have none of it
                dataset.add_columns(pa.schema(new))
            written = self._write(name, keyed, "append")
            if written.version != dataset.version + 1:
                raise Conflict(
                    f'The table "{name}" was written by another process meanwhile.', hint="Take that back, then repeat."
                )
            if len(written.get_fragments()) >= MANY_FRAGMENTS:
                written.optimize.compact_files(target_rows_per_fragment=FULL_FRAGMENT)
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
        with _translated(name):
            dataset = self._newest(name)
        return None if dataset is None else int(dataset.version)

    def names(self) -> list[str]:
        """The names of all tables, sorted."""
        with objects_translated():
            found = obstore.list_with_delimiter(self._place.objects)["common_prefixes"]
            held = [path for path in found if any(obstore.list(self._place.objects, prefix=path, chunk_size=1))]
        return sorted(path.removesuffix(_SUFFIX) for path in held if path.endswith(_SUFFIX))

    def restore(self, name: str, version: int) -> int:
        """A new version with the content of an old one: takes back writes that no pointer ever named."""
        with self._writing(name):
            self._open(name, version).restore()
            return int(self._open(name).version)

    def age_s(self, name: str) -> float:
        """Seconds since anything was written to the table."""
        with objects_translated():
            pages = obstore.list(self._place.objects, prefix=_path(name))
            return time.time() - max((one["last_modified"].timestamp() for page in pages for one in page), default=0.0)

    def collect(self, name: str, keep: int, older_than_s: float = 0.0) -> int:
        """The number of versions before `keep`, and so old, that were removed, with all files that only they used.

        `keep` and everything newer stays. Files that a crash left out of every version go too, which no write of this
        process can be mistaken for: writers of the table wait meanwhile.
        """
        with self._lock(name), _translated(name):
            dataset = self._open(name, keep)
            until = datetime.now() - timedelta(seconds=older_than_s)  # noqa: DTZ005  Lance tells local time, naive
            versions = [one for one in dataset.versions() if int(one["version"]) < keep]
            older = [int(one["version"]) for one in versions if one["timestamp"] <= until]
            if older:
                self._open(name).cleanup_old_versions(versions=older, delete_unverified=True)
                faultpoint("table.collected")
            return len(older)

    def drop(self, name: str) -> None:
        """Returns once the table is gone with all its versions, or never was."""
        with self._lock(name):
            self._place.drop(_path(name))
            self.indexes.forget(name)

    def delete(self, name: str, where: str, *, rewrite: bool = True) -> int:
        """The version without the matching rows; their bytes go with the versions before it, see `collect`.

        Name opaque ids only: Lance stores the predicate. Without `rewrite` the bytes stay until the rows around them
        are written again, which costs nothing now.
        """
        with self._writing(name, None):
            dataset = self._open(name)
            dataset.delete(where)
            if not rewrite:
                return int(self._open(name).version)
            dataset.optimize.compact_files(materialize_deletions=True, materialize_deletions_threshold=0.0)
            return int(self._open(name).version)

    def _open(self, name: str, version: int | None = None) -> Any:
        return lance.dataset(self._uri(name), version=version, storage_options=self._place.lance_options)

    def _newest(self, name: str) -> Any:
        """The table as it stands, or None where there is none."""
        try:
            return self._open(name)
        except ValueError as error:
            if _MISSING in str(error) and "NoSuchBucket" not in str(error):
                return None
            raise

    def _write(self, name: str, table: pa.Table, mode: str) -> Any:
        options = self._place.lance_options
        return lance.write_dataset(table, self._uri(name), mode=mode, storage_options=options)

    def _uri(self, name: str) -> str:
        return self._place.uri(_path(name))

    def _lock(self, name: str) -> threading.Lock:
        with self._locks_lock:
            return self._locks.setdefault(name, threading.Lock())

    @contextmanager
    def _writing(self, name: str, size_bytes: int | None = 0) -> Iterator[None]:
        with self._lock(name), self._place.changing(_path(name), size_bytes), _translated(name):
            yield
        faultpoint("table.written")


def _path(name: str) -> str:
    if not _NAME.fullmatch(name) or ".." in name:
        raise InvalidInput(f'"{name}" cannot name a table.', hint="Use letters, digits, dot, dash and underscore.")
    return f"{name}{_SUFFIX}"


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """A block in which Lance's own errors become ours; messages lose the paths that Lance puts into them."""
    try:
        yield
    except SightloopError:
        raise
    except (ValueError, OSError, pa.ArrowInvalid) as error:
        said = str(error)
        if "no space left" in said.lower() or "read-only" in said.lower():
            raise
        if _MISSING in said and "NoSuchBucket" not in said:
            raise NotFound(f'There is no table "{name}", or no such version.', hint="Run: sightloop fsck") from error
        if ours := s3_error(said):
            raise ours from error
        reason = said.split(", /")[0].split(", location:")[0].removeprefix("Invalid user input: ")
        raise InvalidInput(
            f'The table "{name}" cannot do this: {reason}', hint="Check the columns and the filter."
        ) from error


def _literal(value: object) -> str:
    """The key as it stands in a Lance filter."""
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
