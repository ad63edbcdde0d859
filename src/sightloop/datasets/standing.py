"""Sources that stand: named, looked at again by hand or by the clock, each time only for what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.ingest import Ingest
from sightloop.datasets.listing import Listing
from sightloop.datasets.pushes import Pushed
from sightloop.datasets.sources import check_options
from sightloop.domain import Caller, Run, now
from sightloop.errors import Conflict, InvalidInput, NotFound, Refused, not_found
from sightloop.events import Events
from sightloop.runs import Runs
from sightloop.storage import Records, insert_once

_OPTIONS: Final = ("defaults", "trust_content", "reading", "include", "identity", "group", "layout")
STANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "folder": ("path", "copy", *_OPTIONS),
    "bucket": ("url", "credentials", "copy", *_OPTIONS),
    "push": _OPTIONS,
}
SOONEST_S: Final = 2.0
_LIST: Final = "List them: sightloop source list"


@dataclass(frozen=True, slots=True)
class StandingSource:
    """A source that stands.

    Attributes:
        kind: folder, bucket or push.
        settings: path, or url and credentials; copy, defaults, trust_content.
        every_s: pause between two looks of the clock, seconds; 0 for none.
        last_run: the newest run over it, and its `state`, `output` and `error`; empty before the first.
        looked_at: when that began. waiting: media that were pushed and not taken in yet.
    """

    id: str
    name: str
    kind: str
    settings: Mapping[str, Any]
    every_s: float
    made_at: str
    last_run: str = ""
    looked_at: str = ""
    state: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    waiting: int = 0


class StandingSources:
    """The sources of a workspace.

    Attributes:
        credentials: of the stores that they read.
    """

    def __init__(self, records: Records, events: Events, runs: Runs, ingest: Ingest, listing: Listing) -> None:
        self._records = records
        self._events = events
        self._runs = runs
        self._ingest = ingest
        self._sources = listing.sources
        self._seen = listing.seen
        self._inbox = listing.inbox
        self._nameless = listing.nameless
        self.credentials = listing.credentials

    def add(
        self, caller: Caller, name: str, kind: str, settings: Mapping[str, Any], *, every_s: float = 0.0
    ) -> StandingSource:
        """The source, which can be read at this moment; nothing has been taken in yet.

        Raises:
            InvalidInput, NotFound: it is described wrongly, or is not there.
            Forbidden, Refused, Unavailable: a bucket refuses, lies where requests may not go, or does not answer.
            Conflict: the name is taken.
        """
        if kind not in STANDS:
            raise not_found("kind of source", kind, STANDS, hint="An archive or an upload is ingested once.")
        unknown = sorted(set(settings) - set(STANDS[kind]))
        if unknown:
            raise InvalidInput(
                f'A source of the kind "{kind}" takes no "{unknown[0]}".', hint=f"It takes {', '.join(STANDS[kind])}."
            )
        if not name or "/" in name or name.startswith("."):
            raise InvalidInput("A source needs a name without slashes.", hint='Such as "line-2".')
        if every_s and (every_s < SOONEST_S or kind == "push"):
            raise InvalidInput(
                f"A look every {every_s:g} seconds is not possible.",
                hint=f"Give {SOONEST_S:g} seconds or more; what is pushed is taken in at once.",
            )
        check_options(settings)
        if kind != "push":
            self._sources.check(caller, {**settings, "kind": kind})
        row: dict[str, Any] = {
            "workspace_id": caller.workspace,
            "id": caller.new_id("src"),
            "name": name,
            "kind": kind,
            "settings": dict(settings),
            "every_s": every_s,
            "last_run": "",
            "looked_at": "",
            "made_at": now().isoformat(),
        }
        with self._events.change(caller, "source.add", row["id"]) as change:
            if not insert_once(change.connection, tables.sources, [row]):
                raise Conflict(f'There is a source "{name}" already.', hint="Take another name, or remove it first.")
            change.emit("sightloop.source.added", {"kind": kind})
        return self.get(caller, name)

    def list(self, caller: Caller) -> Sequence[StandingSource]:
        """The workspace's sources by name, each with what came of its newest run."""
        waiting = self._inbox.waiting(caller)
        return [self._source(caller, row, waiting.get(row.id, 0)) for row in self._rows(caller)]

    def get(self, caller: Caller, name: str) -> StandingSource:
        row = self._row(caller, name)
        return self._source(caller, row, self._inbox.waiting(caller).get(row.id, 0))

    def sync(self, caller: Caller, name: str) -> Run:
        """The run that takes in what is new or changed; the one under way, where there is one."""
        row = self._row(caller, name)
        with suppress(NotFound):
            under_way = self._runs.get(caller, row.last_run)
            if not under_way.state.terminal:
                return under_way
        source = {**row.settings, "kind": row.kind, "name": row.name}
        if row.kind == "push":
            source["id"] = row.id
            if not self._inbox.waiting(caller).get(row.id):
                raise Refused("Nothing waits in this source.", hint="Push media to it: POST /api/v1/sources/NAME/media")
        run = self._ingest.start(caller, source, tracked=row.id)
        home = tables.sources
        with self._events.change(caller, "source.sync", row.id) as change:
            change.execute(
                sa.update(home)
                .where(home.c.workspace_id == caller.workspace, home.c.id == row.id)
                .values(last_run=run.id, looked_at=now().isoformat())
            )
            change.emit("sightloop.source.synced", {"run": run.id})
        return run

    def push(self, caller: Caller, name: str, medium: str, data: bytes, given: Mapping[str, Any]) -> Pushed:
        """What waits in the source from now on, durably; the clock takes it in."""
        row = self._row(caller, name)
        if row.kind != "push":
            raise Refused(f'Nothing can be pushed to a source of the kind "{row.kind}".', hint="Add one: --kind push")
        clean = data if row.settings.get("identity") == "keep" else self._nameless(caller, data)
        return self._inbox.push(caller, row.id, medium, clean, given)

    def remove(self, caller: Caller, name: str) -> StandingSource:
        """What is gone; its samples stay, also those whose media lie in it.

        Raises:
            Refused: a run over it is under way.
        """
        found = self.get(caller, name)
        if found.state not in ("", "succeeded", "failed", "cancelled"):
            raise Refused(f'A run over "{name}" is under way.', hint=f"Wait, or: sightloop run cancel {found.last_run}")
        home, inbox = tables.sources, tables.source_inbox
        with self._events.change(caller, "source.remove", found.id) as change:
            change.execute(sa.delete(home).where(home.c.workspace_id == caller.workspace, home.c.id == found.id))
            change.execute(sa.delete(inbox).where(inbox.c.workspace_id == caller.workspace, inbox.c.source == found.id))
            self._seen.forget(change.connection, caller, found.id)
            change.emit("sightloop.source.removed", {"kind": found.kind})
        self._seen.drop(caller, found.id)
        return found

    def look(self, caller: Caller) -> Sequence[str]:
        """The runs that the clock started: over sources whose time has come, and those where pushed media wait."""
        waiting = self._inbox.waiting(caller)
        started = []
        for row in self._rows(caller):
            due = row.every_s and (
                not row.looked_at or (now() - datetime.fromisoformat(row.looked_at)).total_seconds() >= row.every_s
            )
            if due or waiting.get(row.id):
                run = self.sync(caller, row.name).id
                started += [run] if run != row.last_run else []
        return started

    def _source(self, caller: Caller, row: Any, waiting: int) -> StandingSource:
        told: dict[str, Any] = {}
        with suppress(NotFound):
            if row.last_run:
                run = self._runs.get(caller, row.last_run)
                told = {"state": str(run.state), "output": run.output, "error": run.error}
        return StandingSource(
            row.id, row.name, row.kind, row.settings, row.every_s, row.made_at, row.last_run, row.looked_at,
            waiting=waiting, **told,
        )  # fmt: skip

    def _row(self, caller: Caller, name: str) -> Any:
        rows = {row.name: row for row in self._rows(caller)}
        if name not in rows:
            raise not_found("source", name, rows, hint=_LIST)
        return rows[name]

    def _rows(self, caller: Caller) -> Sequence[Any]:
        home = tables.sources
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name)
        with self._records.read() as connection:
            return connection.execute(query).all()
