"""What the loop needs of the rooms it joins, at most seven verbs of each; the services themselves fit as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sightloop.domain import (
    Alert,
    AliasMove,
    Caller,
    DatasetVersion,
    Deployment,
    GateResult,
    Prediction,
    Run,
    VersionEntry,
)


class Traffic(Protocol):
    """The prediction log, and the media that were predicted on, as long as serving keeps them."""

    def read(self, caller: Caller, deployment: str, after: int, limit: int) -> Sequence[Prediction]: ...

    def media(self, caller: Caller, digest: str) -> bytes | None:
        """The bytes, or None where they are no longer kept."""
        ...


class Samples(Protocol):
    """Datasets. Every verb that makes something makes it once for one idempotency key."""

    def find_media(self, caller: Caller, digests: Sequence[str]) -> Mapping[str, str]: ...

    def upload(self, caller: Caller, name: str, data: bytes) -> str: ...

    def ingest(self, caller: Caller, source: dict[str, Any]) -> Run: ...

    def version(self, caller: Caller, id_or_name: str) -> DatasetVersion: ...

    def entries(
        self, caller: Caller, version: str, split: str | None = None, labelled: bool = False
    ) -> Sequence[VersionEntry]: ...

    def inseparable(self, caller: Caller) -> Sequence[Sequence[str]]: ...

    def commit(self, caller: Caller, dataset: str, *, add: Mapping[str, str], note: str) -> DatasetVersion: ...


class Campaign(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def state(self) -> str:
        """ "done" once no answer is asked for any more."""
        ...

    @property
    def round(self) -> int:
        """How many moves were made."""
        ...


class Reviewers(Protocol):
    """Labeling."""

    def start_campaign(
        self,
        caller: Caller,
        *,
        name: str,
        schema: str,
        samples: Sequence[str],
        eps: float,
        alpha: float,
        seed_count: int | None,
        seed: int,
        context: Sequence[str],
        policy: str,
    ) -> Campaign: ...

    def advance(self, caller: Caller, campaign_id: str) -> Campaign: ...

    def counts(self, caller: Caller, campaign_id: str) -> Mapping[str, Any]: ...


class Trainers(Protocol):
    """Training."""

    def train(
        self, caller: Caller, recipe: dict[str, Any], *, model: str, dataset_version: str, test_version: str
    ) -> Run: ...

    def evaluate(self, caller: Caller, model_version: str, test_version: str) -> Run: ...


class RunLog(Protocol):
    def get(self, caller: Caller, run_id: str) -> Run: ...


class Models(Protocol):
    """The registry."""

    def aliases(self, caller: Caller, model: str) -> Mapping[str, str]: ...

    def evaluation(self, caller: Caller, version_id: str, test_version: str = "") -> Mapping[str, Any]: ...

    def gate(
        self,
        caller: Caller,
        challenger: str,
        champion: str | None,
        *,
        margin: float,
        alpha: float,
        slices: Sequence[str],
        superiority: Sequence[str],
        policy: str,
        run: str,
    ) -> GateResult: ...

    def promote(self, caller: Caller, model: str, version_id: str, *, alias: str, gate: str | None) -> AliasMove: ...


class Deployer(Protocol):
    def get(self, caller: Caller, name: str) -> Deployment: ...

    def sync(self, caller: Caller, name: str) -> Deployment: ...


class Watchers(Protocol):
    """Monitoring."""

    def get(self, caller: Caller, name: str) -> Any: ...

    def alerts(self, caller: Caller, state: str | None = None) -> Sequence[Alert]: ...

    def alert(self, caller: Caller, alert_id: str) -> Alert: ...

    def acknowledge(self, caller: Caller, alert_id: str) -> Alert: ...

    def rebase(
        self, caller: Caller, name: str, *, reference: Sequence[str], fit: Sequence[str], after: int | None
    ) -> Any: ...
