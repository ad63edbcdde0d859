"""What lineage asks of the rooms below; their services fit as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sightloop.domain import (
    Annotation,
    ArtifactLink,
    Caller,
    DatasetVersion,
    ModelVersion,
    Prediction,
    Receipt,
    Run,
    Sample,
    VersionEntry,
)


class Predictions(Protocol):
    def get(self, caller: Caller, prediction_id: str) -> Prediction: ...

    def list(
        self, caller: Caller, *, sample: str | None = None, model_version: str | None = None, limit: int = 100
    ) -> Sequence[Prediction]: ...

    def counts(self, caller: Caller) -> Mapping[str, int]:
        """How many predictions each model version made."""
        ...


class Versions(Protocol):
    """Datasets."""

    def list(self, caller: Caller) -> Sequence[Any]: ...

    def versions(self, caller: Caller, dataset: str) -> Sequence[DatasetVersion]: ...

    def version(self, caller: Caller, reference: str) -> DatasetVersion: ...

    def entries(
        self, caller: Caller, version: str, split: str | None = None, labelled: bool = False
    ) -> Sequence[VersionEntry]: ...

    def sample(self, caller: Caller, sample_id: str) -> Sample: ...


class Entities(Protocol):
    """What samples are of."""

    def get(self, caller: Caller, entity_id: str) -> Any: ...

    def of(self, caller: Caller, sample: str) -> Sequence[Any]: ...

    def samples(self, caller: Caller, entity_id: str) -> Sequence[str]: ...


class Labels(Protocol):
    """Annotations."""

    def get(self, caller: Caller, annotation_id: str) -> Annotation: ...

    def history(self, caller: Caller, sample: str) -> Sequence[Annotation]: ...


class Models(Protocol):
    """The registry."""

    def models(self, caller: Caller) -> Sequence[Any]: ...

    def versions(self, caller: Caller, model: str) -> Sequence[ModelVersion]: ...

    def version(self, caller: Caller, reference: str) -> ModelVersion: ...


class RunLog(Protocol):
    def get(self, caller: Caller, run_id: str) -> Run: ...

    def links(
        self, caller: Caller, *, artifact: str | None = None, run: str | None = None
    ) -> Sequence[ArtifactLink]: ...


class Receipts(Protocol):
    """Events."""

    def receipt(self, caller: Caller, receipt_id: str) -> Receipt: ...
