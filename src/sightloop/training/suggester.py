"""Suggestions for labeling, from a kernel machine, which learns faster from few labels than the trainer's head."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sightloop.datasets import Datasets
from sightloop.domain import Caller, derived_id
from sightloop.errors import InvalidInput, NotEnoughData
from sightloop.training.head import Doubles, Floats, fit_projection
from sightloop.training.kernel import fit_kernel_machine, typical_width
from sightloop.vision import fit_temperature, softmax

DIMENSIONS: Final = 1024
PROJECTED: Final = 3000  # samples of a pool that its projection is fitted on, at most
CHUNK: Final = 4096
HELD_POOLS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class HeadSuggestions:
    """What the heads say of N candidates.

    Attributes:
        probabilities: float64 (N, C), with a temperature fitted on held-out logits.
        embeddings: (N, d), the projected candidates.
        held_out: the probability of each label that the heads learned from, had they not learned from it.
    """

    probabilities: Doubles
    embeddings: Floats
    held_out: Mapping[str, float]


class HeadSuggester:
    """Fits heads on the workspace's embeddings. The projection learns from labelled and unlabelled samples alike."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._held: OrderedDict[str, Floats] = OrderedDict()

    def suggest(
        self,
        caller: Caller,
        *,
        labelled: Mapping[str, str],
        candidates: Sequence[str],
        classes: Sequence[str],
        seed: int,
    ) -> HeadSuggestions:
        """Suggestions for the candidates, rows in their order. The same arguments give the same suggestions.

        Raises NotEnoughData where `labelled` shows fewer than two classes.
        """
        known = sorted(labelled)
        index = {label: i for i, label in enumerate(classes)}
        foreign = sorted(set(labelled.values()) - index.keys())
        if foreign:
            raise InvalidInput(f'"{foreign[0]}" is no class of the schema.', hint=f"Classes: {', '.join(classes)}.")
        labels = np.array([index[labelled[sample]] for sample in known], np.int64)
        if len(np.unique(labels)) < 2:
            raise NotEnoughData("The labels show fewer than two classes.", hint="Label samples of another class.")
        ordered = sorted(set(candidates))  # sums of floats depend on their order: the answer must not
        z = self._projected(caller, known, ordered)
        trained, asked = z[: len(known)], z[len(known) :]
        machine = fit_kernel_machine(trained, labels, len(classes), typical_width(z))
        temperature = fit_temperature(machine.held_out, labels)
        row = {sample: i for i, sample in enumerate(ordered)}
        places = [row[sample] for sample in candidates]
        probabilities = softmax(machine(asked), temperature)[places]
        own = softmax(machine.held_out, temperature)[np.arange(len(labels)), labels]
        return HeadSuggestions(probabilities, asked[places], dict(zip(known, own.tolist(), strict=True)))

    def _projected(self, caller: Caller, known: Sequence[str], candidates: Sequence[str]) -> Floats:
        """Projections of unit length, float32, labelled samples first; the same pool is projected once."""
        everyone = sorted({*known, *candidates})
        key = derived_id("pool", caller.workspace, self._datasets.embedder_id, *everyone)
        z = self._held.get(key)
        if z is None:
            z = _project(self._datasets.embeddings(caller, everyone))
            self._held[key] = z
            while len(self._held) > HELD_POOLS:
                self._held.popitem(last=False)
        row = {sample: i for i, sample in enumerate(everyone)}
        return z[[row[sample] for sample in (*known, *candidates)]]


def _project(features: Floats) -> Floats:
    some = np.linspace(0, len(features) - 1, min(len(features), PROJECTED)).round().astype(np.int64)
    projection = fit_projection(features[some], DIMENSIONS)
    z = np.concatenate([projection(features[at : at + CHUNK]) for at in range(0, len(features), CHUNK)])
    return np.asarray(z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9), np.float32)
