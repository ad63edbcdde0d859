"""Groups of samples that look the same: of few when asked, of many by a run."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final

import orjson

from sightloop.datasets import findings
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.filters import Where
from sightloop.datasets.similarity import NearDuplicateReport, Similarity
from sightloop.domain import Caller, Run, now
from sightloop.runs import RunContext, Runs
from sightloop.storage import Stores

KIND: Final = "near-duplicates"


class DuplicateFinder:
    """Finds near-duplicates. Make it before `runs.launch()`."""

    def __init__(self, stores: Stores, runs: Runs, catalogue: Catalogue, similarity: Similarity) -> None:
        self._catalogue = catalogue
        self._similarity = similarity
        self._findings = findings.Findings(stores, runs, catalogue, similarity, KIND, self._look)

    def start(self, caller: Caller, where: Where | None = None) -> Run:
        """The run that looks among what a filter selects; the one that did or does so for the samples of now."""
        return self._findings.start(caller, where)

    def found(self, caller: Caller, where: Where | None = None) -> NearDuplicateReport:
        """The groups; of many samples those that the last run found, or none before there was one."""
        count = int(self._catalogue.chosen(caller, where)[1].sum())
        if count <= findings.AT_ONCE:
            return replace(self._similarity.near_duplicates(caller, where), made_at=now())
        if held := self._findings.newest(caller, where):
            report = NearDuplicateReport(**{**orjson.loads(held.data), "groups": _tuples(held.data)})
            return replace(report, made_at=held.made_at, run=held.run, current=held.current)
        return NearDuplicateReport((), 0, 0, 0, 0, count)

    def references(self, caller: Caller) -> set[str]:
        """Digests of the blobs that hold what was found."""
        return self._findings.references(caller)

    def _look(self, context: RunContext, where: Where) -> tuple[bytes, int]:
        report = self._similarity.near_duplicates(context.caller, where or None)
        return orjson.dumps(asdict(report)), report.size


def _tuples(data: bytes) -> tuple[tuple[str, ...], ...]:
    stored: dict[str, Any] = orjson.loads(data)
    return tuple(tuple(group) for group in stored["groups"])
