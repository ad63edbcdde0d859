"""Runs, models, deployments, alerts and receipts: what the loop leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run wants: CPU cores, memory in bytes, accelerator kind ("", "cuda", "xla") and count."""

    cpu: float = 1.0
    memory_bytes: int = 0
    accelerator: str = ""
    accelerator_count: int = 0


@dataclass(frozen=True, slots=True)
class ArtifactLink:
    """One edge of lineage: a run used or made an artifact ("sample", "dataset_version", "model_version" ...)."""

    run: str
    direction: str
    kind: str
    artifact: str


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of work. `output` and `error` are empty until it ends."""

    id: str
    kind: str
    state: RunState
    params: Mapping[str, Any]
    started_at: datetime
    ended_at: datetime | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    code_version: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Immutable bundle with recipe and dataset version. `bundle_digest` is the SHA-256 of the bundle archive.

    Attributes:
        metrics: JSON metrics of the evaluation, overall and per slice, with intervals.
        evaluation: digest of the blob that holds per-sample results on the frozen test set.
    """

    id: str
    model: str
    number: int
    bundle_digest: str
    dataset_version: str
    schema: str
    run: str
    recipe: Mapping[str, Any]
    metrics: Mapping[str, Any]
    evaluation: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One move of an alias from a version ("" for none) to another, by whom, on which receipt."""

    model: str
    alias: str
    from_version: str
    to_version: str
    actor: str
    receipt: str
    made_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict of the gates for a challenger against the champion, with the receipt that holds the evidence."""

    id: str
    model: str
    challenger: str
    champion: str
    passed: bool
    verdict: Mapping[str, Any]
    receipt: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model alias or version running on a target; `endpoint` is the address callers use."""

    id: str
    name: str
    model: str
    model_version: str
    alias: str
    target: str
    runtime: str
    state: str
    endpoint: str
    made_at: datetime
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True, slots=True)
class Alert:
    """A raised alarm or a fired rule. `evidence` names what moved and example predictions."""

    id: str
    monitor: str
    kind: str
    state: str
    raised_at: datetime
    sequence: int
    receipt: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an automatic decision leaves.

    Attributes:
        kind: what was decided: "labels.accept", "drift.alarm", "rule.fired", "model.gate", "alias.move", "loop.act".
        rule: name and version of the rule that decided, such as "betting-audit/1".
        claim: what is promised: {"eps": .05, "alpha": .05, "statement": "..."}.
        evidence: wealth, counts, p-value, interval.
        inputs: digests: dataset version, model version, samples audited, seed; "data" names a blob with all that
            a replay needs.
        outcome: what came of it; a replay must reach the same.
    """

    id: str
    kind: str
    rule: str
    subject: str
    claim: Mapping[str, Any]
    evidence: Mapping[str, Any]
    inputs: Mapping[str, Any]
    outcome: Mapping[str, Any]
    made_at: datetime
    policy: str = ""
    run: str = ""
    code_version: str = ""
