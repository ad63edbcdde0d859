"""What a run's function is given: durable steps, progress, and the edges of lineage."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from sightloop.domain import ArtifactLink, Caller
from sightloop.errors import SightloopError, Unavailable, from_problem
from sightloop.runs.durable import Interrupted
from sightloop.storage import faultpoint

log = logging.getLogger(__name__)


class RunContext:
    """One pass over a run. After a crash the function is called again from its start; finished steps are skipped.

    Attributes:
        run_id: the run.
        caller: the starter, with a key derived from the run, so that what it makes keeps its ids over a second pass.
        threads: how many threads the run may use, from its resources.
    """

    def __init__(
        self,
        run_id: str,
        caller: Caller,
        threads: int,
        *,
        run_step: Callable[[str, Callable[[], Any]], Any],
        store_links: Callable[[list[ArtifactLink]], None],
        show_progress: Callable[[dict[str, Any]], None],
        stopping: Callable[[], bool],
    ) -> None:
        self.run_id = run_id
        self.caller = caller
        self.threads = threads
        self._run_step = run_step
        self._store_links = store_links
        self._show_progress = show_progress
        self._stopping = stopping
        self._links: list[ArtifactLink] = []

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        """The function's result as JSON gives it back (tuples become lists).

        The result, or the error, is stored before this returns: a finished step never runs again. A step that was
        under way when the process died runs again, so it must not mind.
        """
        self.pause_point()
        outcome = self._run_step(name, lambda: self._outcome(name, function))
        faultpoint("run.step.committed")
        if "error" in outcome:
            raise from_problem(outcome["error"])
        return outcome["result"]

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Returns at once; whoever asks for the run sees it."""
        self.pause_point()
        self._show_progress({"done": done, "total": total, "note": note})

    def uses(self, kind: str, artifact: str) -> None:
        """Returns nothing; the run's input is stored with the step, or at the end of the run."""
        self.uses_all(kind, [artifact])

    def makes(self, kind: str, artifact: str) -> None:
        """Returns nothing; the run's output is stored with the step, or at the end of the run."""
        self.makes_all(kind, [artifact])

    def uses_all(self, kind: str, artifacts: Iterable[str]) -> None:
        """Returns nothing; many inputs at once."""
        self._links += [ArtifactLink(self.run_id, "uses", kind, artifact) for artifact in artifacts]

    def makes_all(self, kind: str, artifacts: Iterable[str]) -> None:
        """Returns nothing; many outputs at once."""
        self._links += [ArtifactLink(self.run_id, "makes", kind, artifact) for artifact in artifacts]

    def taken_links(self) -> list[ArtifactLink]:
        """The edges that are not stored yet; the caller stores them."""
        links, self._links = self._links, []
        return links

    def pause_point(self) -> None:
        """Returns silently, or leaves the run where it stands because the installation closes."""
        if self._stopping():
            raise Interrupted

    def _outcome(self, name: str, function: Callable[[], Any]) -> dict[str, Any]:
        try:
            result = json.loads(json.dumps(function(), allow_nan=False))
        except Exception as error:
            refuse_outage(error)
            return {"error": problem_of(error, f'The step "{name}"')}
        faultpoint("run.step.done")
        self._store_links(self.taken_links())
        faultpoint("run.step.before_commit")
        return {"result": result}


def refuse_outage(error: Exception) -> None:
    """Returns, unless the record database has gone: then the run stands still, and goes on when it is back."""
    if isinstance(error, Unavailable) and error.facts.get("part") == "records":
        raise Interrupted from error


def problem_of(error: Exception, what: str) -> dict[str, Any]:
    """The error as a problem document; of a foreign one only its type is told, the rest goes to the log."""
    if isinstance(error, SightloopError):
        return error.problem()
    log.error("%s failed", what, exc_info=error)
    return SightloopError(
        f"{what} failed with {type(error).__name__}.", hint="The log of the process holds the trace."
    ).problem()
