"""What labeling needs from others; `app` plugs in training's head suggester and the prediction log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sightloop.domain import Caller, Prediction


class Suggestions(Protocol):
    """What a model says of N candidates, rows in their order."""

    @property
    def probabilities(self) -> npt.NDArray[np.floating[Any]]:
        """(N, C), calibrated on samples that the model did not learn from."""

    @property
    def embeddings(self) -> npt.NDArray[np.floating[Any]]:
        """(N, d): where the candidates lie, for diversity."""

    @property
    def held_out(self) -> Mapping[str, float]:
        """The probability of each label that the model learned from, had it not learned from it."""


class Suggester(Protocol):
    """Suggests labels. The same arguments give the same suggestions, in any process."""

    def suggest(
        self,
        caller: Caller,
        *,
        labelled: Mapping[str, str],
        candidates: Sequence[str],
        classes: Sequence[str],
        seed: int,
    ) -> Suggestions:
        """Suggestions for the candidates, learned from `labelled` (sample to class).

        Raises NotEnoughData where `labelled` shows fewer than two classes.
        """
        ...


class Predictions(Protocol):
    """What models said of samples; serving's prediction log fits."""

    def newest_of(self, caller: Caller, sample: str) -> Prediction | None:
        """The last prediction on the sample, or None."""
        ...
