"""DBOS behind one workflow: at most one engine in a process, on a SQLite file of its own or in its own schema."""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from dbos._error import DBOSWorkflowConflictIDError

from sightloop.errors import Conflict
from sightloop.storage import Records, full_disk_translated

EXECUTOR_ID = "local"  # where one process at a time holds the records
QUEUE = "sightloop.runs"
POLL_S = 0.25  # between two looks at the queue
AT_ONCE = 4  # runs that a process takes from the queue; those that wait for cores count
APPLICATION_VERSION = "1"  # of the one workflow below; a change of its shape would strand what is pending
MOST_RECOVERIES = 20  # a run that takes the process down each time must not do so for ever

_lock = threading.Lock()
_execute: Callable[[str, str], None] | None = None


class Interrupted(BaseException):
    """The installation closes; the run goes on at the next launch.

    Not an Exception, so that no run swallows it and DBOS, which stores Exceptions as results, leaves the run pending.
    """


class _JsonSerializer(Serializer):
    """Step results as JSON, never pickle: what is stored can be read by anything and runs nothing."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            data = {"error": type(data).__name__, "message": str(data)}
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "sightloop_json"


@DBOS.workflow(name="sightloop.execute", max_recovery_attempts=MOST_RECOVERIES)
def _workflow(workspace: str, run_id: str) -> None:
    if _execute is None:
        raise Interrupted
    _execute(workspace, run_id)


class Engine:
    """The process's one DBOS. A second one would be ignored in silence by DBOS, so it is refused here.

    Args:
        path: DBOS's file where the records lie in one; where they are shared, DBOS shares their database, in the schema
            `dbos`, so that both are backed up and restored as of one moment.
        takes: whether this process takes runs from the queue.
    """

    def __init__(self, records: Records, path: Path, execute: Callable[[str, str], None], *, takes: bool) -> None:
        global _execute
        with _lock:
            if _execute is not None:
                raise Conflict(
                    "This process runs an installation already.", hint="Close the first one, or use another process."
                )
            _execute = execute
        self.executor = records.session if records.shared else EXECUTOR_ID
        if records.shared:
            self._database = records.engine_beside(records.session)
        else:
            path.touch(mode=0o600)
            self._database = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
            sa.event.listen(self._database, "connect", _prepare)
        config: DBOSConfig = {
            "name": "sightloop",
            "system_database_engine": self._database,
            "system_database_url": self._database.url.render_as_string(hide_password=False),
            "application_version": APPLICATION_VERSION,
            "executor_id": self.executor,
            "serializer": _JsonSerializer(),
            "log_level": "ERROR",
            "notification_listener_polling_interval_sec": 0.5,
        }
        _log_as_the_process_does()
        try:
            DBOS(config=config)
            DBOS.listen_queues([QUEUE] if takes else [])
            DBOS.launch()
            if records.shared:
                DBOS.register_queue(QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=POLL_S)
        except BaseException:
            self.close()
            raise

    def submit(self, workspace: str, run_id: str, *, here: bool = True) -> None:
        """Returns at once; the run goes on in the background, here or wherever there is room first.

        The same run again changes nothing. The context is a fresh one: a run started from inside a run is no child
        workflow, so that its steps and its life are its own.
        """
        with full_disk_translated():
            contextvars.Context().run(_start if here else _enqueue, workspace, run_id)

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        """The function's result, stored; when the run comes by again, the stored result without running it.

        Raises:
            Interrupted: the run has been taken over; nothing was stored.
        """
        try:
            with full_disk_translated():
                return DBOS.run_step({"name": name}, function)
        except DBOSWorkflowConflictIDError as error:
            raise Interrupted from error

    def is_mine(self, run_id: str) -> bool:
        """Whether this process is the one that carries the run out now."""
        status = contextvars.Context().run(DBOS.get_workflow_status, run_id)  # in the run's own it would be a step
        return status is not None and status.status == "PENDING" and status.executor_id == self.executor

    def knows(self, run_id: str) -> bool:
        """Whether the run was ever submitted."""
        return DBOS.get_workflow_status(run_id) is not None

    def given_up(self, run_id: str) -> bool:
        """Whether DBOS will not run it any more: it failed outside its steps, or took the process down too often."""
        status = DBOS.get_workflow_status(run_id)
        return status is not None and status.status not in ("PENDING", "ENQUEUED")

    def under_way(self) -> dict[str, str]:
        """The runs that some process has begun and not ended, each with its executor."""
        found = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {one.workflow_id: str(one.executor_id) for one in found}

    def requeue(self, run_ids: Iterable[str]) -> None:
        """Returns once the runs, which nobody carries out any more, are the next taker's; finished steps stay so."""
        DBOS.resume_workflows(list(run_ids), queue_name=QUEUE)

    def close(self) -> None:
        """Returns once DBOS is down; runs under way go on at the next launch."""
        global _execute
        DBOS.destroy()
        self._database.dispose()
        with _lock:
            _execute = None


def _start(workspace: str, run_id: str) -> None:
    with SetWorkflowID(run_id):
        DBOS.start_workflow(_workflow, workspace, run_id)


def _enqueue(workspace: str, run_id: str) -> None:
    with SetWorkflowID(run_id):
        DBOS.enqueue_workflow(QUEUE, _workflow, workspace, run_id)


def _log_as_the_process_does() -> None:
    """Returns once DBOS does not log to a stream of its own: it keeps the one of its first start, open or closed."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"  # as DBOS sets on an engine of its own
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
