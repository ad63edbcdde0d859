"""Starts runs, carries them over restarts, and tells what became of them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sightloop.domain import ArtifactLink, Caller, Resources, Role, Run, RunState, now
from sightloop.errors import InvalidInput, Refused, SightloopError, Unavailable, from_problem, not_found
from sightloop.events import Events
from sightloop.runs.context import RunContext, problem_of
from sightloop.runs.cores import Cores
from sightloop.runs.durable import Engine, Interrupted
from sightloop.runs.tables import run_links, runs
from sightloop.storage import Records, faultpoint, insert_once

RunFunction = Callable[[RunContext, dict[str, Any]], dict[str, Any]]
_UNFINISHED = (str(RunState.PENDING), str(RunState.RUNNING))
_CLOSE_S = 30.0


class Runs:
    """The runs of an installation, on the local executor.

    Args:
        path: DBOS's file, FOLDER/runs.db; apart from the records, which it would starve.
        code_version: written into every run.
        cores: how many cores runs may hold together; all that the process may use by default.
    """

    def __init__(
        self, records: Records, events: Events, path: Path, *, code_version: str = "", cores: float | None = None
    ) -> None:
        self._records = records
        self._events = events
        self._path = path
        self._code_version = code_version
        self._cores = Cores(cores)
        self._functions: dict[str, RunFunction] = {}
        self._engine: Engine | None = None
        self._live: dict[str, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._here = threading.local()

    def register(self, kind: str, function: RunFunction) -> None:
        """Returns nothing; runs of this kind call the function. All kinds are registered before `launch`."""
        self._functions[kind] = function

    def launch(self) -> None:
        """Returns once runs can start; those that a dead process left go on.

        Raises:
            Conflict: another installation is open in this process.
        """
        self._stopping = threading.Event()  # a new one: what outlived a close stays told to stop
        self._engine = Engine(self._path, self._execute)
        with self._records.read() as connection:
            left = connection.execute(
                sa.select(runs.c.workspace_id, runs.c.id).where(runs.c.state.in_(_UNFINISHED)).order_by(runs.c.sequence)
            ).all()
        for row in left:
            # In this order: a run that DBOS recovered meanwhile has its end in the records first.
            given_up = self._engine.given_up(row.id)
            if given_up and not RunState(self._row(row.workspace_id, row.id).state).terminal:
                error = SightloopError(
                    "The run ended without a result.", hint="Start it again; the log holds the reason."
                )
                self._finish(row.workspace_id, row.id, None, {}, error.problem())
            else:
                self._engine.submit(row.workspace_id, row.id)

    def close(self) -> None:
        """Returns once no run is under way: each stops at its next step and goes on at the next launch."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._live, timeout=_CLOSE_S)
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def start(self, caller: Caller, kind: str, params: Mapping[str, Any], *, resources: Resources | None = None) -> Run:
        """The run, which goes on in the background. The same idempotency key gives the same run.

        Raises:
            InvalidInput: no such kind, or parameters that are not JSON.
            Refused: this machine does not have the resources.
        """
        engine = self._require_engine()
        wanted = resources or Resources()
        row = self._new_row(caller, kind, params, wanted)
        with self._records.read() as connection:
            known = connection.execute(
                sa.select(runs.c.kind).where(runs.c.workspace_id == caller.workspace, runs.c.id == row["id"])
            ).first()
        if known is None:
            with self._events.change(caller, "run.start", row["id"]) as change:
                insert_once(change.connection, runs, [{**row, "sequence": change.sequence}])
                change.emit("sightloop.run.started", {"kind": kind})
        elif known.kind != kind:
            raise InvalidInput(
                f'This idempotency key started a run of the kind "{known.kind}".', hint="Use another key."
            )
        faultpoint("run.registered")
        engine.submit(caller.workspace, row["id"])
        return self.get(caller, row["id"])

    def wait(self, caller: Caller, run_id: str, timeout_s: float = 600.0) -> Run:
        """The run once it has ended. Raises the run's own error where it failed, Unavailable when the time is over.

        A run may wait for another one: meanwhile it holds no cores.
        """
        deadline = time.monotonic() + timeout_s
        stopping = self._stopping
        held: float | None = getattr(self._here, "cpu", None)
        with self._cores.lent_back(held) if held is not None else nullcontext():
            while not (run := self.get(caller, run_id)).state.terminal:
                if stopping.is_set():
                    raise Interrupted if held is not None else Unavailable("The installation closes.")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Unavailable("The run has not ended yet.", hint="Wait again; it goes on.", run=run_id)
                with self._changed:
                    self._changed.wait(min(left, 0.2))
        if run.state is not RunState.SUCCEEDED:
            raise from_problem(run.error)
        return run

    def get(self, caller: Caller, run_id: str) -> Run:
        """The run, with the progress of this moment."""
        return self._run(self._row(caller.workspace, run_id))

    def list(self, caller: Caller, kind: str | None = None, limit: int = 100, cursor: str = "") -> Sequence[Run]:
        """Runs, newest first. `cursor` is the id of the last one seen."""
        query = sa.select(runs).where(runs.c.workspace_id == caller.workspace)
        if kind is not None:
            query = query.where(runs.c.kind == kind)
        with self._records.read() as connection:
            if cursor:
                seen = connection.scalar(
                    sa.select(runs.c.sequence).where(runs.c.workspace_id == caller.workspace, runs.c.id == cursor)
                )
                if seen is None:
                    raise not_found("run", cursor, hint="Start again without a cursor.")
                query = query.where(runs.c.sequence < seen)
            rows = connection.execute(query.order_by(runs.c.sequence.desc()).limit(limit)).all()
        return [self._run(row) for row in rows]

    def links(self, caller: Caller, *, artifact: str | None = None, run: str | None = None) -> Sequence[ArtifactLink]:
        """The edges of lineage at an artifact or a run, sorted. Raises InvalidInput where neither is named."""
        if artifact is None and run is None:
            raise InvalidInput("Lineage is asked for an artifact or for a run.", hint="Name one of them.")
        query = sa.select(run_links).where(run_links.c.workspace_id == caller.workspace)
        if artifact is not None:
            query = query.where(run_links.c.artifact == artifact)
        if run is not None:
            query = query.where(run_links.c.run_id == run)
        order = (run_links.c.run_id, run_links.c.direction, run_links.c.kind, run_links.c.artifact)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(*order)).all()
        return [ArtifactLink(row.run_id, row.direction, row.kind, row.artifact) for row in rows]

    def _execute(self, workspace: str, run_id: str) -> None:
        """Returns when the run has ended; called by the engine, again after each crash."""
        stopping = self._stopping
        with self._records.read() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.workspace_id == workspace, runs.c.id == run_id)).one()
        if RunState(row.state).terminal:
            return
        if stopping.is_set():
            raise Interrupted
        caller = Caller(workspace, row.actor, Role(row.role), trace_id=row.trace_id).keyed("run", run_id)
        cpu = float(row.resources["cpu"])
        self._live[run_id] = {}
        try:
            with self._cores.lease(cpu) as threads:
                self._here.cpu = cpu
                self._set_state(workspace, run_id, RunState.RUNNING)
                faultpoint("run.running")
                context = RunContext(
                    run_id,
                    caller,
                    threads,
                    run_step=self._require_engine().step,
                    store_links=lambda links: self._store_links(workspace, links),
                    show_progress=lambda progress: self._live.__setitem__(run_id, progress),
                    stopping=stopping.is_set,
                )
                output, problem = self._call(row.kind, context, dict(row.params))
            self._finish(workspace, run_id, context, output, problem)
        finally:
            self._here.cpu = None
            with self._changed:
                self._live.pop(run_id, None)
                self._changed.notify_all()

    def _call(self, kind: str, context: RunContext, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            if kind not in self._functions:
                raise not_found("kind of run", kind, self._functions, hint="Was it registered before the launch?")
            output: dict[str, Any] = json.loads(json.dumps(self._functions[kind](context, params), allow_nan=False))
        except Exception as error:
            return {}, problem_of(error, f'The run of the kind "{kind}"')
        return output, {}

    def _finish(
        self,
        workspace: str,
        run_id: str,
        context: RunContext | None,
        output: dict[str, Any],
        problem: dict[str, Any],
    ) -> None:
        state = RunState.FAILED if problem else RunState.SUCCEEDED
        mine = sa.and_(runs.c.workspace_id == workspace, runs.c.id == run_id)
        links = context.taken_links() if context else []
        while True:
            try:
                row = self._row(workspace, run_id)
                caller = Caller(workspace, row.actor, Role(row.role), trace_id=row.trace_id).keyed("run", run_id)
                with self._events.change(caller, "run.finish", run_id) as change:
                    insert_once(change.connection, run_links, _link_rows(workspace, links))
                    change.execute(
                        sa.update(runs)
                        .where(mine)
                        .values(
                            state=str(state),
                            output=output,
                            error=problem,
                            progress=self._live.get(run_id, {}),
                            ended_at=now().isoformat(),
                        )
                    )
                    told = {"kind": row.kind, **({"code": problem["code"]} if problem else {})}
                    change.emit(f"sightloop.run.{state}", told)
                faultpoint("run.finished")
                return
            except SightloopError as error:
                if self._stopping.is_set() or not error.retryable:
                    raise Interrupted from error
                time.sleep(1.0)

    def _row(self, workspace: str, run_id: str) -> sa.Row[Any]:
        with self._records.read() as connection:
            row = connection.execute(
                sa.select(runs).where(runs.c.workspace_id == workspace, runs.c.id == run_id)
            ).first()
        if row is None:
            raise not_found("run", run_id, hint="List them: sightloop run list")
        return row

    def _set_state(self, workspace: str, run_id: str, state: RunState) -> None:
        with self._records.write() as connection:
            connection.execute(
                sa.update(runs).where(runs.c.workspace_id == workspace, runs.c.id == run_id).values(state=str(state))
            )

    def _store_links(self, workspace: str, links: Sequence[ArtifactLink]) -> None:
        if links:
            with self._records.write() as connection:
                insert_once(connection, run_links, _link_rows(workspace, links))

    def _new_row(self, caller: Caller, kind: str, params: Mapping[str, Any], resources: Resources) -> dict[str, Any]:
        if kind not in self._functions:
            raise InvalidInput(
                f'There is no kind of run "{kind}".', hint=f"Kinds: {', '.join(sorted(self._functions))}."
            )
        try:
            plain = json.loads(json.dumps(dict(params), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InvalidInput("The parameters of a run are JSON values.", hint=f"{error}.") from error
        if resources.accelerator:
            raise Refused(
                f'This machine offers no accelerator "{resources.accelerator}".',
                hint="Ask for cpu, or use another one.",
            )
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if resources.memory_bytes > memory:
            raise Refused(
                f"The run wants {resources.memory_bytes} bytes of memory and this machine has {memory}.",
                hint="Ask for less.",
            )
        return {
            "workspace_id": caller.workspace,
            "id": caller.new_id("run"),
            "kind": kind,
            "state": str(RunState.PENDING),
            "params": plain,
            "resources": asdict(resources),
            "progress": {},
            "output": {},
            "error": {},
            "actor": caller.actor,
            "role": str(caller.role),
            "trace_id": caller.trace_id,
            "code_version": self._code_version,
            "started_at": now().isoformat(),
            "ended_at": "",
        }

    def _require_engine(self) -> Engine:
        if self._engine is None:
            raise Unavailable("Runs are not launched.", hint="Call launch() after all kinds are registered.")
        return self._engine

    def _run(self, row: sa.Row[Any]) -> Run:
        return Run(
            id=row.id,
            kind=row.kind,
            state=RunState(row.state),
            params=row.params,
            started_at=datetime.fromisoformat(row.started_at),
            ended_at=datetime.fromisoformat(row.ended_at) if row.ended_at else None,
            progress=self._live.get(row.id) or row.progress,
            output=row.output,
            error=row.error,
            resources=Resources(**row.resources),
            code_version=row.code_version,
            actor=row.actor,
        )


def _link_rows(workspace: str, links: Sequence[ArtifactLink]) -> list[dict[str, str]]:
    return [
        {
            "workspace_id": workspace,
            "run_id": link.run,
            "direction": link.direction,
            "kind": link.kind,
            "artifact": link.artifact,
        }
        for link in links
    ]
