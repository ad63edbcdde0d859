"""backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Folder, Noun, Table, place, progress
from sightloop.interfaces.sdk import Workspace

backup = Noun("Backups: the whole installation as it stood at one moment.")


@backup.command("create", example="sightloop backup create")
def create(ws: Workspace) -> Any:
    """Make a backup while everything works on; it goes to the folder that `storage.backup_folder` names."""
    with progress("Backing up") as follow:
        return ws.backups.create(progress=follow)["output"]


@backup.command("list", example="sightloop backup list")
def list_backups(ws: Workspace) -> Any:
    """List the whole backups, oldest first."""
    return Table(ws.backups.list(), ("id", "made_at", "files", "size_bytes", "linked"))


@backup.command("restore", example="sightloop backup restore ./sightloop-data/backups/bak_01h... --folder ./restored")
def restore(
    backup: Annotated[Path, typer.Argument(help="The folder of one backup.")],
    folder: Folder = None,
) -> Any:
    """Restore a backup into an empty folder, every file verified."""
    from sightloop.interfaces.sdk.processes import restore as run

    return run(backup, Path(place(folder=folder).folder))
