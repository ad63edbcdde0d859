"""What monitoring needs from others; `app` plugs in serving's prediction log and deployments, and the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sightloop.domain import Caller, Deployment, Prediction, Sample


class LogReader(Protocol):
    """The prediction log of a workspace, in one order that never changes."""

    def read(self, caller: Caller, deployment: str, after: int, limit: int) -> Sequence[Prediction]:
        """The next predictions of a deployment with `sequence` above `after`, ascending, at most `limit`."""
        ...


class ReferencePredictor(Protocol):
    """What a deployment's model says about samples that were never traffic."""

    def get(self, caller: Caller, name: str) -> Deployment: ...

    def predict_samples(
        self, caller: Caller, model_version: str, sample_ids: Sequence[str]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Probabilities float32 (N, C) and embeddings float32 (N, E), rows in the order of the ids."""
        ...


class Samples(Protocol):
    """What is known of a sample: quality, capture time, metadata."""

    def sample(self, caller: Caller, sample_id: str) -> Sample:
        """The sample; raises NotFound."""
        ...


class Evaluations(Protocol):
    """Per-sample results of a model version on its frozen test set."""

    def evaluation(self, caller: Caller, version_id: str) -> Mapping[str, Any]:
        """A mapping with "label", "predicted" and "probabilities" by sample."""
        ...
