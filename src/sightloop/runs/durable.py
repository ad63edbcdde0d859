"""DBOS behind one workflow: at most one engine in a process, on a SQLite file of its own."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID

from sightloop.errors import Conflict
from sightloop.storage import full_disk_translated

EXECUTOR_ID = "local"
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
    """The process's one DBOS. A second one would be ignored in silence by DBOS, so it is refused here."""

    def __init__(self, path: Path, execute: Callable[[str, str], None]) -> None:
        global _execute
        with _lock:
            if _execute is not None:
                raise Conflict(
                    "This process runs an installation already.", hint="Close the first one, or use another process."
                )
            _execute = execute
        path.touch(mode=0o600)
        url = f"sqlite:///{path}"
        self._database = sa.create_engine(url, connect_args={"timeout": 30})
        sa.event.listen(self._database, "connect", _prepare)
        config: DBOSConfig = {
            "name": "sightloop",
            "system_database_engine": self._database,
            "system_database_url": url,
            "application_version": APPLICATION_VERSION,
            "executor_id": EXECUTOR_ID,
            "serializer": _JsonSerializer(),
            "console_log_level": "ERROR",
            "notification_listener_polling_interval_sec": 0.5,
        }
        try:
            DBOS(config=config)
            DBOS.launch()
        except BaseException:
            self.close()
            raise

    def submit(self, workspace: str, run_id: str) -> None:
        """Returns at once; the run goes on in the background. The same run again changes nothing.

        The context is a fresh one: a run started from inside a run is no child workflow, so that its steps and its
        life are its own.
        """
        with full_disk_translated():
            contextvars.Context().run(_start, workspace, run_id)

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        """The function's result, stored; when the run comes by again, the stored result without running it."""
        with full_disk_translated():
            return DBOS.run_step({"name": name}, function)

    def given_up(self, run_id: str) -> bool:
        """Whether DBOS will not run it any more: it failed outside its steps, or took the process down too often."""
        status = DBOS.get_workflow_status(run_id)
        return status is not None and status.status not in ("PENDING", "ENQUEUED")

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


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"  # as DBOS sets on an engine of its own
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
