"""Starts runs, carries them over restarts, and tells what became of them."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sightloop.domain import ArtifactLink, Caller, Resources, Role, Run, RunState, now
from sightloop.errors import InvalidInput, Refused, SightloopError, Unavailable, from_problem, not_found
from sightloop.events import Events, read_page
from sightloop.runs.context import RunContext, problem_of, refuse_outage
from sightloop.runs.cores import Cores
from sightloop.runs.durable import Engine, Interrupted
from sightloop.runs.executors import Executor, LocalExecutor
from sightloop.runs.fencing import Token, claim, holding, refuse_late_writes
from sightloop.runs.rows import link_rows, new_row, run_of
from sightloop.runs.tables import run_links, runs
from sightloop.runs.workers import BEATS_A_LEASE, UNFINISHED, Register
from sightloop.storage import Records, faultpoint, insert_once

RunFunction = Callable[[RunContext, dict[str, Any]], dict[str, Any]]
_CLOSE_S = 30.0
MOST_PASSES = 20  # a run that takes each process down must not do so for ever
log = logging.getLogger(__name__)


class Runs:
    """The runs of an installation, in this process and, where the records are shared, in others beside it.

    Args:
        path: DBOS's file, FOLDER/runs.db; apart from the records, which it would starve. Unused with PostgreSQL.
        code_version: written into every run.
        cores: how many cores runs may hold together; all that the process may use by default. 0: others run them all.
        name: of this process among those that carry out runs.
        lease_s: a process that was silent for that long is dead; others take over its runs.
        executor: where the work within a step is done; this process by default. Who made it closes it, after the runs.
    """

    def __init__(
        self,
        records: Records,
        events: Events,
        path: Path,
        *,
        code_version: str = "",
        cores: float | None = None,
        name: str = "control",
        lease_s: float = 15.0,
        executor: Executor | None = None,
    ) -> None:
        self.executor = executor or LocalExecutor()
        self._records = records
        self._events = events
        self._path = path
        self._code_version = code_version
        self._cores = Cores(cores)
        self._register = Register(records, name, lease_s=lease_s) if records.shared else None
        self._look_s = lease_s / BEATS_A_LEASE
        self._functions: dict[str, RunFunction] = {}
        self._engine: Engine | None = None
        self._live: dict[str, dict[str, Any]] = {}
        self._stranded: set[str] = set()
        self._cancelled: set[str] = set()  # of those that go on here
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._here = threading.local()
        self._looker: threading.Thread | None = None
        records.before_each_write(refuse_late_writes)

    def register(self, kind: str, function: RunFunction) -> None:
        """Returns nothing; runs of this kind call the function. All kinds are registered before `launch`."""
        self._functions[kind] = function

    def launch(self) -> None:
        """Returns once runs can start; those that a dead process left go on.

        Raises:
            Conflict: another installation is open in this process.
        """
        self._stopping = threading.Event()  # a new one: what outlived a close stays told to stop
        if self._register:
            self._register.enter()
        self._engine = Engine(self._records, self._path, self._execute, takes=self._cores.total > 0)
        self._settle()
        if self._register:
            self._hand_over()
        self._looker = threading.Thread(target=self._look, args=(self._stopping,), name="runs-look", daemon=True)
        self._looker.start()

    def close(self) -> None:
        """Returns once no run is under way: each stops at its next step and goes on at the next launch."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._live, timeout=_CLOSE_S)
        if self._looker is not None:
            self._looker.join()
            self._looker = None
        if self._engine is not None:
            self._engine.close()
            self._engine = None
            if self._register:
                with suppress(Unavailable):  # then the lease ends it
                    self._register.leave()

    def _look(self, stopping: threading.Event) -> None:
        """Proves that this process lives and takes care of what has come to a stand, until told to stop."""
        while not stopping.wait(self._look_s):
            try:
                if self._register:
                    self._register.beat()
                    self._register.judge()
                    self._hand_over()
                self._settle()
                self._heed()
            except Exception:
                log.warning("a look at the runs failed; the next one follows", exc_info=True)

    def _settle(self) -> None:
        """Submits what a process registered and did not live to submit; ends what the engine has given up."""
        engine = self._require_engine()
        with self._records.read() as connection:
            left = connection.execute(
                sa.select(runs.c.workspace_id, runs.c.id, runs.c.resources)
                .where(runs.c.state.in_(UNFINISHED))
                .order_by(runs.c.sequence)
            ).all()
        for row in left:
            # In this order: a run that DBOS recovered meanwhile has its end in the records first.
            given_up = engine.given_up(row.id)
            if given_up and not RunState(self._row(row.workspace_id, row.id).state).terminal:
                self._give_up(row.workspace_id, row.id)
            elif not engine.knows(row.id):
                self._submit(row.workspace_id, row.id, float(row.resources["cpu"]))

    def _hand_over(self) -> None:
        """Puts the runs of the dead back into the queue, and those of this process that have come to a stand.

        The second are those that an outage interrupted: seen twice as begun here and not going on here.
        """
        assert self._register is not None
        engine = self._require_engine()
        with self._records.alone("runs.hand_over"):
            begun = engine.under_way()  # before the living: who begins a run has registered first
            living = self._register.living()
            standing = {run for run, executor in begun.items() if executor == engine.executor} - set(self._live)
            again = standing & self._stranded
            self._stranded = standing - again
            left = {run for run, executor in begun.items() if executor not in living} | again
            if left:
                log.warning("%d runs are taken over", len(left))
                engine.requeue(sorted(left))

    def _heed(self) -> None:
        """Notes which runs that go on here were cancelled in another process."""
        mine = sa.select(runs.c.id).where(runs.c.id.in_(list(self._live)), runs.c.state == str(RunState.CANCELLED))
        with self._records.read() as connection:
            self._cancelled.update(connection.scalars(mine))

    def _submit(self, workspace: str, run_id: str, cpu: float) -> None:
        here = not self._records.shared or self._cores.are_free(cpu)
        self._require_engine().submit(workspace, run_id, here=here)

    def _give_up(self, workspace: str, run_id: str) -> None:
        error = SightloopError("The run ended without a result.", hint="Start it again; the log holds the reason.")
        self._finish(workspace, run_id, None, {}, error.problem())

    def start(self, caller: Caller, kind: str, params: Mapping[str, Any], *, resources: Resources | None = None) -> Run:
        """The run, which goes on in the background. The same idempotency key gives the same run.

        Raises:
            InvalidInput: no such kind, or parameters that are not JSON.
            Refused: this machine does not have the resources.
        """
        self._require_engine()
        wanted = resources or Resources()
        row = new_row(caller, kind, params, wanted, self._functions, self._code_version)
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
        self._submit(caller.workspace, row["id"], wanted.cpu)
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
        return run_of(self._row(caller.workspace, run_id), self._live)

    def list(self, caller: Caller, kind: str | None = None, limit: int = 100, cursor: str = "") -> Sequence[Run]:
        """Runs, newest first. `cursor` is the id of the last one seen."""
        query = sa.select(runs).where(runs.c.workspace_id == caller.workspace)
        if kind is not None:
            query = query.where(runs.c.kind == kind)
        order = (runs.c.sequence, runs.c.id)
        page = partial(read_page, workspace=caller.workspace, what="run", limit=limit, cursor=cursor)
        with self._records.read() as connection:
            return [run_of(row, self._live) for row in page(connection, query, order, newest_first=True)]

    def cancel(self, caller: Caller, run_id: str) -> Run:
        """The run, cancelled: nothing more is written in its name, and its work stops at its next step or progress.

        What it had committed stays; what it leaves uncommitted is what a crash leaves. One that is cancelled stays so.

        Raises:
            Refused: it has ended otherwise.
        """
        row = self._row(caller.workspace, run_id)
        if row.state == RunState.CANCELLED:
            return run_of(row, self._live)
        error = Refused("The run was cancelled.", hint="Start it again, under another idempotency key.")
        with self._events.change(caller, "run.cancel", run_id) as change:
            cancelled = change.execute(
                sa.update(runs)
                .where(runs.c.workspace_id == caller.workspace, runs.c.id == run_id, runs.c.state.in_(UNFINISHED))
                .values(
                    state=str(RunState.CANCELLED),
                    error=error.problem(),
                    progress=self._live.get(run_id, {}),
                    ended_at=now().isoformat(),
                    owner="",
                    epoch=runs.c.epoch + 1,
                )
            ).rowcount
            if not cancelled:
                raise Refused("The run has ended already.", hint=f"See what it made: sightloop run show {run_id}")
            change.emit("sightloop.run.cancelled", {"kind": row.kind})
        with self._changed:
            self._cancelled.update({run_id} & set(self._live))
            self._changed.notify_all()
        return self.get(caller, run_id)

    def failed(self, caller: Caller, since: datetime, limit: int = 20) -> Sequence[Run]:
        """Runs that failed since the moment, newest first."""
        mine = (runs.c.workspace_id == caller.workspace) & (runs.c.state == str(RunState.FAILED))
        query = sa.select(runs).where(mine, runs.c.ended_at >= since.isoformat()).order_by(runs.c.sequence.desc())
        with self._records.read() as connection:
            return [run_of(row, self._live) for row in connection.execute(query.limit(limit))]

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
        """Returns when the run has ended; called by the engine, again after each crash and each takeover."""
        try:
            row = self._row(workspace, run_id)
            if RunState(row.state).terminal:
                return
            if self._stopping.is_set():
                raise Interrupted
            engine = self._require_engine()
            token = claim(self._records, workspace, run_id, engine.executor, lambda: engine.is_mine(run_id))
            with holding(token):
                if token.epoch > MOST_PASSES:
                    self._give_up(workspace, run_id)
                else:
                    self._pass(token, row)
        except Interrupted:
            if run_id not in self._cancelled:
                raise
            self._cancelled.discard(run_id)
        except SightloopError as error:
            if error.retryable:
                raise Interrupted from error
            raise

    def _pass(self, token: Token, row: sa.Row[Any]) -> None:
        workspace, run_id, stopping = token.workspace, token.run_id, self._stopping
        caller = Caller(workspace, row.actor, Role(row.role), trace_id=row.trace_id).keyed("run", run_id)
        cpu = float(row.resources["cpu"])
        shown: dict[str, Any] = {}
        self._live[run_id] = shown
        try:
            with self._cores.lease(cpu) as threads:
                self._here.cpu = cpu
                faultpoint("run.running")
                context = RunContext(
                    run_id,
                    caller,
                    threads,
                    run_step=self._require_engine().step,
                    store_links=lambda links: self._store_links(workspace, links),
                    show_progress=shown.update,
                    stopping=lambda: stopping.is_set() or run_id in self._cancelled,
                )
                output, problem = self._call(row.kind, context, dict(row.params))
            self._finish(workspace, run_id, context, output, problem)
        finally:
            self._here.cpu = None
            with self._changed:
                if self._live.get(run_id) is shown:  # not where a later pass of this process has begun
                    del self._live[run_id]
                self._changed.notify_all()

    def _call(self, kind: str, context: RunContext, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            if kind not in self._functions:
                raise not_found("kind of run", kind, self._functions, hint="Was it registered before the launch?")
            output: dict[str, Any] = json.loads(json.dumps(self._functions[kind](context, params), allow_nan=False))
        except Exception as error:
            refuse_outage(error)
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
                    insert_once(change.connection, run_links, link_rows(workspace, links))
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

    def _store_links(self, workspace: str, links: Sequence[ArtifactLink]) -> None:
        if links:
            with self._records.write() as connection:
                insert_once(connection, run_links, link_rows(workspace, links))

    def _require_engine(self) -> Engine:
        if self._engine is None:
            raise Unavailable("Runs are not launched.", hint="Call launch() after all kinds are registered.")
        return self._engine
