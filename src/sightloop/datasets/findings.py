"""What runs of one kind found among the samples, kept with the state of the samples that they looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.filters import Where
from sightloop.datasets.similarity import Similarity
from sightloop.domain import Caller, Run, RunState
from sightloop.runs import RunContext, Runs
from sightloop.storage import Stores

AT_ONCE: Final = 5000  # samples; more are looked at by a run
_RECENT: Final = 100  # runs
_OVER: Final = frozenset({RunState.FAILED, RunState.CANCELLED})

Look = Callable[[RunContext, Where], tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found, among `size` samples; `current` is false where the answer may differ by now."""

    data: bytes
    size: int
    made_at: datetime
    run: str
    current: bool


class Findings:
    """Starts runs of one kind and finds what they kept. Make it before `runs.launch()`.

    Args:
        look: what a run does: the bytes to keep, and among how many samples it looked.
    """

    def __init__(
        self, stores: Stores, runs: Runs, catalogue: Catalogue, similarity: Similarity, kind: str, look: Look
    ) -> None:
        self._stores = stores
        self._runs = runs
        self._catalogue = catalogue
        self._similarity = similarity
        self._kind = kind
        self._look = look
        runs.register(kind, self._run)

    def start(self, caller: Caller, where: Where | None) -> Run:
        """The run that looks among what a filter selects; the one that did or does so for the samples of now."""
        self._catalogue.chosen(caller, where)
        wanted = {"where": dict(where or {}), "stamp": self._stamp(caller, where)}
        for one in self._runs.list(caller, self._kind, _RECENT):
            if one.params == wanted and one.state not in _OVER:
                return one
        return self._runs.start(caller, self._kind, wanted)

    def newest(self, caller: Caller, where: Where | None) -> Found | None:
        """What the newest run found that ended well and looked among what this filter selects."""
        for one in self._runs.list(caller, self._kind, _RECENT):
            if one.state is RunState.SUCCEEDED and one.params["where"] == dict(where or {}):
                data = self._stores.workspace(caller.workspace).blobs.get(one.output["data"])
                current = one.params["stamp"] == self._stamp(caller, where)
                return Found(data, int(one.output["size"]), one.ended_at or one.started_at, one.id, current)
        return None

    def references(self, caller: Caller) -> set[str]:
        """Digests of the blobs that hold what was found."""
        return {str(one.output["data"]) for one in self._runs.list(caller, self._kind, _RECENT) if "data" in one.output}

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        return dict(context.step("look", partial(self._keep, context, params["where"])))

    def _keep(self, context: RunContext, where: Mapping[str, Any]) -> dict[str, Any]:
        data, size = self._look(context, where)
        return {"data": self._stores.workspace(context.caller.workspace).blobs.put(data), "size": size}

    def _stamp(self, caller: Caller, where: Where | None) -> str:
        """Differs where the answer may: with samples, and under a filter with labels."""
        said = self._catalogue.said_stamp(caller) if where else ""
        return f"{self._similarity.table}/{self._catalogue.pointer(caller)}/{said}"
