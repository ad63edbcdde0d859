"""Backups of the whole installation. Restoring one needs no installation: see `sightloop backup restore`."""

from __future__ import annotations

from collections.abc import Sequence

from sightloop.interfaces.sdk.connection import Noun
from sightloop.interfaces.sdk.records import Record
from sightloop.interfaces.sdk.traces import Progress, Runs


class Backups(Noun):
    """What the installation held at some moments, in a folder that its operator chose."""

    def create(self, *, wait: bool = True, progress: Progress = False, key: str | None = None) -> Record:
        """The run that makes a backup while everything works on; its `output` is the backup."""
        run = self._connection.post("/backups", key=key)
        return Runs(self._connection).wait(run, progress=progress) if wait else run

    def list(self) -> Sequence[Record]:
        """Every whole backup, oldest first."""
        return self._connection.items("/backups")
