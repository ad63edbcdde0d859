"""Frames that are to become samples: written down at once, and taken in by runs, some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from sightloop.cameras.tables import camera_frames
from sightloop.cameras.waiting import Frame
from sightloop.datasets import Datasets
from sightloop.domain import Caller, Role, now
from sightloop.errors import NotFound
from sightloop.events import Events
from sightloop.runs import Runs
from sightloop.storage import Records, Stores, insert_once

BATCH: Final = 64
PATIENCE_S: Final = 10.0
AGAIN_S: Final = 60.0


class Kept:
    """A frame is in a blob and in SQL when `keep` returns; it leaves SQL once a run has made it a sample."""

    def __init__(self, records: Records, stores: Stores, events: Events, runs: Runs, datasets: Datasets) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._runs = runs
        self._datasets = datasets
        self._not_before: dict[tuple[str, str], datetime] = {}

    def keep(self, caller: Caller, camera: str, name: str, frame: Frame) -> None:
        """Returns once the frame cannot be lost any more; the same one again changes nothing."""
        digest = self._stores.workspace(caller.workspace).blobs.put(frame.jpeg)
        row = {
            "workspace_id": caller.workspace,
            "camera": camera,
            "digest": digest,
            "name": f"{name}/{frame.at:%Y-%m-%dT%H-%M-%S.%f}.jpg",
            "facets": {"camera": name},
            "run": "",
            "made_at": now().isoformat(),
        }
        with self._events.change(caller, "camera.keep", camera) as change:
            insert_once(change.connection, camera_frames, [row])
            change.emit("sightloop.camera.kept", {"camera": name, "digest": digest})

    def move_on(self) -> None:
        """Returns once frames that waited long enough are in runs, and those of ended runs are written off."""
        with self._records.read() as connection:
            rows = connection.execute(sa.select(camera_frames).order_by(camera_frames.c.made_at)).all()
        places: dict[tuple[str, str], list[Any]] = {}
        for row in rows:
            places.setdefault((row.workspace_id, row.camera), []).append(row)
        for place, waiting in places.items():
            self._settle(place, {row.run for row in waiting if row.run})
            fresh = [row for row in waiting if not row.run][:BATCH]
            if fresh and self._is_time(place, fresh):
                self._take_in(place, fresh)

    def references(self, workspace: str) -> Iterable[str]:
        """Digests of frames that are no samples yet."""
        query = sa.select(camera_frames.c.digest).where(camera_frames.c.workspace_id == workspace)
        with self._records.read() as connection:
            return list(connection.scalars(query))

    def _is_time(self, place: tuple[str, str], fresh: Sequence[Any]) -> bool:
        waited = now() - datetime.fromisoformat(fresh[0].made_at)
        due = len(fresh) == BATCH or waited.total_seconds() >= PATIENCE_S
        resting = self._not_before.get(place)
        return due and (resting is None or now() >= resting)

    def _take_in(self, place: tuple[str, str], fresh: Sequence[Any]) -> None:
        workspace, camera = place
        caller = Caller(workspace, camera, Role.ENGINEER)
        source = {
            "kind": "upload",
            "name": fresh[0].facets["camera"],
            "files": [{"name": row.name, "digest": row.digest} for row in fresh],
        }
        run = self._datasets.ingest(caller, source, metadata={row.name: row.facets for row in fresh})
        self._mark(place, [row.digest for row in fresh], run.id)

    def _settle(self, place: tuple[str, str], runs: Iterable[str]) -> None:
        """Frames of a run that succeeded are samples; those of one that failed wait for another one."""
        workspace, camera = place
        for run in runs:
            state = "failed"
            with suppress(NotFound):
                found = self._runs.get(Caller(workspace, camera, Role.ENGINEER), run)
                if not found.state.terminal:
                    continue
                state = str(found.state)
            mine = (
                (camera_frames.c.workspace_id == workspace)
                & (camera_frames.c.camera == camera)
                & (camera_frames.c.run == run)
            )
            done = sa.delete(camera_frames) if state == "succeeded" else sa.update(camera_frames).values(run="")
            with self._records.write() as connection:
                connection.execute(done.where(mine))
            if state != "succeeded":
                self._not_before[place] = now() + timedelta(seconds=AGAIN_S)

    def _mark(self, place: tuple[str, str], digests: Sequence[str], run: str) -> None:
        workspace, camera = place
        mine = (
            (camera_frames.c.workspace_id == workspace)
            & (camera_frames.c.camera == camera)
            & (camera_frames.c.digest.in_(digests))
        )
        with self._records.write() as connection:
            connection.execute(sa.update(camera_frames).where(mine).values(run=run))
