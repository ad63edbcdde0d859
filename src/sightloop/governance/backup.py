"""Backups: all that an installation has acknowledged, as it stood at one moment, in a folder of plain files.

Order of writing, while the installation works on: what serving has logged and control may not have imported; then one
snapshot of the records, which is the moment of the backup; then the objects, of tables the manifests first. Objects
are never altered, and all that the records or a manifest name was written before them, so whatever is added meanwhile
is at most an orphan in the copy. `fsck --collect`, which alone deletes objects, does not run beside a run.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.store import ObjectStore

from sightloop.domain import Caller, Run, now
from sightloop.errors import Corrupt, Forbidden, Refused
from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import (
    Records,
    Stores,
    bind,
    copy_records,
    full_disk_translated,
    holds_rows,
    objects_translated,
    require_room,
)

KIND: Final = "backup"
FORMAT: Final = 1
SEAL: Final = "backup.json"
_FILES: Final = "files.jsonl"
_RECORDS: Final = "records.db"
_OBJECTS: Final = "objects"
_MANIFESTS: Final = "/_versions/"
_TOLD_EACH: Final = 200

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """One whole backup. `linked` counts the files that it shares with the one before, `rows` those of the records."""

    id: str
    made_at: str
    code_version: str
    files: int
    size_bytes: int
    linked: int
    rows: int


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    size: int
    sha256: str


class Backups:
    """Makes and lists backups, in a folder that only the operator chooses.

    Args:
        target: where backups are kept, each in a folder of its own.
        carried: folders of serving that hold what control may not have imported, by their path in the installation.
        free_bytes_floor: a backup stops with StorageFull below this.
    """

    def __init__(
        self,
        target: Path,
        carried: Mapping[str, Path],
        *,
        records: Records,
        stores: Stores,
        events: Events,
        runs: Runs,
        code_version: str,
        free_bytes_floor: int = 0,
    ) -> None:
        self._target = target
        self._carried = carried
        self._records = records
        self._stores = stores
        self._events = events
        self._runs = runs
        self._code_version = code_version
        self._floor = free_bytes_floor
        runs.register(KIND, self._run)

    def create(self, caller: Caller) -> Run:
        """The run that makes a backup of the whole installation, all workspaces. Its output is the backup."""
        _require_operator(caller)
        return self._runs.start(caller, KIND, {})

    def list(self, caller: Caller) -> list[Backup]:
        """The whole backups, oldest first; one that was never finished is none."""
        _require_operator(caller)
        found = [read_backup(path.parent) for path in self._target.glob(f"*/{SEAL}")]
        return sorted(found, key=lambda backup: (backup.made_at, backup.id))

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        _require_operator(context.caller)
        home = self._target / context.run_id.replace("run", "bak", 1)
        moment: dict[str, Any] = context.step("records", lambda: self._snapshot(home))
        objects: dict[str, Any] = context.step("objects", lambda: self._copy_objects(home, context.progress))
        made: dict[str, Any] = context.step("seal", lambda: self._seal(home, {**moment, **objects}))
        with self._events.change(context.caller, "backup.create", str(made["id"])) as change:
            change.emit("sightloop.backup.made", {"backup": made["id"], "files": made["files"]})
        return made

    def _snapshot(self, home: Path) -> dict[str, Any]:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(mode=0o700, parents=True)
        with full_disk_translated():
            for name, folder in self._carried.items():
                _copy_folder(folder, home / name)
            made_at = now().isoformat()
            with closing(Records(f"sqlite:///{home / _RECORDS}")) as kept:
                kept.migrate()
                rows = copy_records(self._records, kept)
        return {"made_at": made_at, "rows": rows}

    def _copy_objects(self, home: Path, tell: Progress) -> dict[str, Any]:
        store = self._stores.objects()
        known, previous = self._previous(home)
        manifests = [path for path, _ in _listed(store) if _MANIFESTS in path]
        linked, done = 0, 0
        with full_disk_translated(), objects_translated(), (home / _FILES).open("w") as listing:
            for path in manifests:
                _write_line(listing, _fetched(store, path, home))
            rest = [(path, size) for path, size in _listed(store) if _MANIFESTS not in path]
            for path, size in rest:
                before = known.get(f"{_OBJECTS}/{path}")
                if previous is not None and before is not None and before.size == size:
                    _link(previous / before.path, home / before.path)
                    _write_line(listing, before)
                    linked += 1
                else:
                    require_room(home, self._floor, size)
                    _write_line(listing, _fetched(store, path, home))
                done += 1
                if done % _TOLD_EACH == 0:
                    tell(done, len(rest))
            for copied in sorted(_files_under(home, (_RECORDS, *self._carried))):
                _write_line(listing, _described(home, copied))
        return {"linked": linked}

    def _seal(self, home: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
        files = list(_read_files(home))
        backup = Backup(
            id=home.name,
            code_version=self._code_version,
            files=len(files),
            size_bytes=sum(file.size for file in files),
            **facts,
        )
        os.sync()
        seal = {"format": FORMAT, **asdict(backup), "files_sha256": _digest(home / _FILES)}
        aside = home / f".{SEAL}"
        aside.write_text(json.dumps(seal, indent=2) + "\n")
        aside.replace(home / SEAL)
        os.sync()
        return asdict(backup)

    def _previous(self, home: Path) -> tuple[dict[str, _File], Path | None]:
        """The files of the newest whole backup by path, and its folder."""
        whole = sorted((read_backup(path.parent).made_at, path.parent) for path in self._target.glob(f"*/{SEAL}"))
        if not whole or whole[-1][1] == home:
            return {}, None
        last = whole[-1][1]
        return {file.path: file for file in _read_files(last)}, last


def read_backup(home: Path) -> Backup:
    """The backup in the folder; raises Refused where it was never finished, or is of a format this code cannot read."""
    try:
        seal = json.loads((home / SEAL).read_text())
    except FileNotFoundError:
        raise Refused("This folder holds no finished backup.", hint=f"Name a folder that holds {SEAL}.") from None
    except ValueError as error:
        raise Corrupt(f"The {SEAL} of this backup cannot be read.", hint="Use another backup.") from error
    if seal.get("format") != FORMAT:
        raise Refused("This backup was made by another Sightloop.", hint="Restore it with the version that made it.")
    return Backup(**{name: seal[name] for name in Backup.__dataclass_fields__})


def restore_backup(home: Path, folder: Path, records: Records, stores: Stores) -> Backup:
    """The backup, whose content the empty installation now holds; its digests are verified on the way.

    The records come last: a restore that was interrupted leaves no installation and may be repeated.

    Raises:
        Corrupt: a file is missing or not what was written; named in the message.
        Refused: no finished backup, the target is not empty, or its bucket's prefix is another installation's.
    """
    backup = read_backup(home)
    records.migrate()
    if holds_rows(records):
        raise Refused("There is an installation already where the backup should go.", hint="Name an empty folder.")
    if records.shared:
        bind(folder, records)
    stores.claim()
    if json.loads((home / SEAL).read_text())["files_sha256"] != _digest(home / _FILES):
        raise Corrupt(f"The list {_FILES} of this backup is not what was written.", hint="Use another backup.")
    store = stores.objects()
    with full_disk_translated(), objects_translated():
        for file in _read_files(home):
            path = home / file.path
            if not path.is_file() or _digest(path) != file.sha256:
                raise Corrupt(f"{file.path} of this backup is not what was written.", hint="Use another backup.")
            if file.path.startswith(f"{_OBJECTS}/"):
                obstore.put(store, file.path.removeprefix(f"{_OBJECTS}/"), path)
            elif file.path != _RECORDS:
                (folder / file.path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copyfile(path, folder / file.path)
        os.sync()
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            shutil.copyfile(home / _RECORDS, Path(aside) / _RECORDS)
            with closing(Records(f"sqlite:///{aside}/{_RECORDS}")) as kept:
                kept.migrate()
                copy_records(kept, records)
    return backup


def _require_operator(caller: Caller) -> None:
    if caller.workspace != "default":
        raise Forbidden(
            "A backup holds every workspace.",
            hint='Ask an admin of the workspace "default", who runs the installation.',
        )


def _listed(store: ObjectStore) -> Iterator[tuple[str, int]]:
    for batch in obstore.list(store):
        yield from ((str(found["path"]), int(found["size"])) for found in batch)


def _fetched(store: ObjectStore, path: str, home: Path) -> _File:
    target = home / _OBJECTS / path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = sha256(), 0
    with target.open("wb") as file:
        for part in obstore.get(store, path).stream():
            file.write(part)
            digest.update(part)
            size += len(part)
    return _File(f"{_OBJECTS}/{path}", size, digest.hexdigest())


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        target.unlink(missing_ok=True)
        os.link(source, target)
    except OSError:  # a file system without hard links, or a full count of them
        shutil.copyfile(source, target)


def _copy_folder(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, copy)
            except FileNotFoundError:  # imported and removed, or swept, since it was listed
                copy.unlink(missing_ok=True)


def _files_under(home: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        start = home / name
        yield from [start] if start.is_file() else (path for path in start.rglob("*") if path.is_file())


def _described(home: Path, path: Path) -> _File:
    return _File(path.relative_to(home).as_posix(), path.stat().st_size, _digest(path))


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def _write_line(listing: Any, file: _File) -> None:
    listing.write(json.dumps(asdict(file)) + "\n")


def _read_files(home: Path) -> Iterator[_File]:
    with (home / _FILES).open() as listing:
        yield from (_File(**json.loads(line)) for line in listing)
