"""Where the circle stands at a glance: what each stage holds, what waits for a person, and the last full turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sightloop.domain import Alert, Caller, Deployment, GateResult, Receipt, Run, now
from sightloop.events import Events
from sightloop.loop.cycles import Cycle

FAILED_SINCE: Final = timedelta(days=7)
SERVING: Final = "serving"
ALARMED: Final = "alarmed"
# By the state that a cycle left with a receipt: the step of the story that this ended.
STEPS: Final[Mapping[str, str]] = {
    "collecting": "alerted", "training": "labelled", "gating": "trained", "promoting": "gated", "watching": "promoted",
}  # fmt: skip


class DataStage(Protocol):
    def counts(self, caller: Caller) -> Any:
        """`samples`, `labelled`, `versions`, `quarantined` and `quarantined_since`."""
        ...


class SchemaStage(Protocol):
    def drifted(self, caller: Caller) -> Sequence[Any]:
        """`source`, `findings` and `made_at` of each source whose fields have changed, as nobody accepted yet."""
        ...


class ReviewStage(Protocol):
    def waiting(self, caller: Caller) -> Sequence[Any]:
        """`subject`, `name`, `count` and `since` of each campaign or queue in which questions wait."""
        ...


class ModelStage(Protocol):
    def models(self, caller: Caller) -> Sequence[Any]:
        """Models, each with the number of its `versions`."""
        ...

    def promotable(self, caller: Caller) -> Sequence[GateResult]: ...


class ServingStage(Protocol):
    def list(self, caller: Caller) -> Sequence[Deployment]: ...


class WatchStage(Protocol):
    def list(self, caller: Caller) -> Sequence[Any]:
        """Monitors, each with its `state`."""
        ...

    def alerts(self, caller: Caller, state: str | None = None) -> Sequence[Alert]: ...


class WorkStage(Protocol):
    def failed(self, caller: Caller, since: datetime) -> Sequence[Run]: ...


class CycleLog(Protocol):
    def cycles(self, caller: Caller) -> Sequence[Cycle]: ...


@dataclass(frozen=True, slots=True)
class Stages:
    """The rooms that an overview looks into."""

    data: DataStage
    schemas: SchemaStage
    reviews: Sequence[ReviewStage]
    models: ModelStage
    serving: ServingStage
    watches: WatchStage
    work: WorkStage
    cycles: CycleLog


@dataclass(frozen=True, slots=True)
class Need:
    """What waits for a person: `kind` is review, alert, run_failed, approval, schema, quarantine or cycle."""

    kind: str
    title: str
    count: int
    subject: str
    since: str


@dataclass(frozen=True, slots=True)
class StageCounts:
    """What each stage of the circle holds; `waiting` counts open questions, `alerts` those that nobody acknowledged."""

    samples: int
    quarantined: int
    labelled: int
    waiting: int
    versions: int
    trained: int
    serving: int
    drifting: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of a cycle: what it was about, why it was taken, and the receipts of what it stands on and of itself."""

    step: str
    says: str
    at: datetime
    subject: str
    receipts: tuple[str, ...]
    seen: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """A whole cycle: alerted, labelled, trained, gated, promoted."""

    cycle: str
    policy: str
    began_at: datetime
    ended_at: datetime
    steps: tuple[Chapter, ...]


@dataclass(frozen=True, slots=True)
class OverviewReport:
    """Counts by stage, needs with the longest-waiting of each kind first, and the story of the newest whole cycle."""

    loop: StageCounts
    needs: tuple[Need, ...]
    story: Story | None


class Overview:
    """Asks every room for its part; holds nothing."""

    def __init__(self, events: Events, stages: Stages) -> None:
        self._events = events
        self._stages = stages

    def look(self, caller: Caller) -> OverviewReport:
        """Where the workspace's circle stands now."""
        stages = self._stages
        counts = stages.data.counts(caller)
        waiting = sorted(
            (one for room in stages.reviews for one in room.waiting(caller)), key=lambda one: str(one.since)
        )
        alerts, cycles = stages.watches.alerts(caller, "raised"), stages.cycles.cycles(caller)
        loop = StageCounts(
            samples=counts.samples,
            quarantined=counts.quarantined,
            labelled=counts.labelled,
            waiting=sum(one.count for one in waiting),
            versions=counts.versions,
            trained=sum(one.versions for one in stages.models.models(caller)),
            serving=sum(one.state == SERVING for one in stages.serving.list(caller)),
            drifting=sum(one.state == ALARMED for one in stages.watches.list(caller)),
            alerts=len(alerts),
        )
        reviews = (
            Need("review", f'Questions wait in "{one.name}"', one.count, one.subject, one.since) for one in waiting
        )
        schemas = (
            Need(
                "schema",
                f'Fields of the source "{one.source}" have changed',
                len(one.findings),
                one.source,
                one.made_at,
            )
            for one in stages.schemas.drifted(caller)
        )
        needs = (*_alerts(alerts), *reviews, *self._approvals(caller), *_held(cycles), *self._failed(caller), *schemas)
        refused = Need("quarantine", "Files wait in quarantine", counts.quarantined, "", counts.quarantined_since)
        return OverviewReport(loop, (*needs, refused) if counts.quarantined else needs, self._story(caller, cycles))

    def _approvals(self, caller: Caller) -> Iterator[Need]:
        for gate in self._stages.models.promotable(caller):
            title = f'A version of "{gate.model}" passed its gate and is not promoted'
            yield Need("approval", title, 1, gate.challenger, gate.made_at.isoformat())

    def _failed(self, caller: Caller) -> Iterator[Need]:
        for run in reversed(self._stages.work.failed(caller, now() - FAILED_SINCE)):
            ended = run.ended_at or run.started_at
            yield Need("run_failed", f'A run of the kind "{run.kind}" failed', 1, run.id, ended.isoformat())

    def _story(self, caller: Caller, cycles: Sequence[Cycle]) -> Story | None:
        done = [one for one in cycles if one.state == "done"]
        if not done:
            return None
        cycle = max(done, key=lambda one: one.moved_at)
        receipts = [self._events.receipt(caller, one) for one in cycle.receipts]
        told = [(STEPS[one.outcome["to"]], one) for one in receipts if one.outcome["to"] in STEPS]
        return Story(
            cycle=cycle.id,
            policy=cycle.policy,
            began_at=cycle.made_at,
            ended_at=cycle.moved_at,
            steps=tuple(self._told(caller, cycle, step, receipt) for step, receipt in told),
        )

    def _told(self, caller: Caller, cycle: Cycle, step: str, receipt: Receipt) -> Chapter:
        """One step: what it was about, and the receipts of the step and of the decision that it stands on."""
        seen = receipt.evidence
        subject = {
            "alerted": cycle.alert,
            "labelled": seen.get("campaign", ""),
            "trained": seen.get("model_version", ""),
            "gated": seen.get("gate", ""),
            "promoted": seen.get("challenger", ""),
        }[step]
        decided = [str(seen["receipt"])] if seen.get("receipt") else []
        if step in _DECIDED:
            found = self._events.receipts(caller, kind=_DECIDED[step], subject=subject)
            decided = [one.id for one in found if one.made_at >= cycle.made_at]
        return Chapter(
            step=step,
            says=receipt.outcome["because"],
            at=receipt.made_at,
            subject=subject,
            receipts=(*decided, receipt.id),
            seen=seen,
        )


# Steps that stand on decisions of another kind than the loop's own, found by their subject.
_DECIDED: Final[Mapping[str, str]] = {"labelled": "labels.accept", "promoted": "alias.move"}


def _alerts(alerts: Sequence[Alert]) -> Iterator[Need]:
    for alert in reversed(alerts):
        what = "drifts" if alert.kind == "drift" else "fired"
        yield Need("alert", f'"{alert.monitor}" {what}', 1, alert.id, alert.raised_at.isoformat())


def _held(cycles: Sequence[Cycle]) -> Iterator[Need]:
    """The newest cycle of each policy, where it ended otherwise than done."""
    newest = {one.policy: one for one in cycles}
    for cycle in sorted(newest.values(), key=lambda one: one.moved_at):
        if cycle.state in ("failed", "refused", "stopped"):
            title = f'A cycle of the policy "{cycle.policy}" is {cycle.state}'
            yield Need("cycle", title, 1, cycle.id, cycle.moved_at.isoformat())
