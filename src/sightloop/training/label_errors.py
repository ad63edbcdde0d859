"""Labels that are probably wrong: those that a model, which never saw them, contradicts too often for chance.

Source: confident learning, Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels",
JAIR 70 (2021); by cleanlab, prune by noise rate, ranked by self-confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets import Datasets
from sightloop.domain import Caller, Run, VersionEntry
from sightloop.errors import NotEnoughData, Unavailable
from sightloop.runs import RunContext, Runs
from sightloop.training.head import cross_fit, fit_classifier, fit_projection
from sightloop.vision import fit_temperature, softmax

KIND: Final = "label-errors"
STRENGTH: Final = 0.01
DIMENSIONS: Final = 256
SEED: Final = 0
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that is probably wrong.

    Attributes:
        quality: the probability of its label by a model that saw neither the sample nor its near-duplicates.
        suggested: what that model says, with its probability `score`.
        confident: whether confident learning counts it among the wrong ones; the others are contradicted, no more.
    """

    sample: str
    label: str
    suggested: str
    score: float
    quality: float
    confident: bool


class LabelErrors:
    """Runs of the kind "label-errors". Construct it before `runs.launch()`: it registers them."""

    def __init__(self, runs: Runs, datasets: Datasets) -> None:
        self._runs = runs
        self._datasets = datasets
        runs.register(KIND, self._run)

    def find(self, caller: Caller, version: str) -> Run:
        """A run whose output holds the `suspects` of a dataset version, worst first, how many labels are
        `labelled`, `contradicted` and, confidently, `found`.

        Raises:
            NotEnoughData: fewer than two classes are labelled.
            Unavailable: cleanlab is not installed.
        """
        _cleanlab()
        found = self._datasets.version(caller, version)
        if len({one.label for one in self._datasets.entries(caller, found.id, labelled=True)}) < 2:
            raise NotEnoughData("The version shows fewer than two classes.", hint="Label more, and commit a version.")
        return self._runs.start(caller, KIND, {"dataset_version": found.id})

    def _run(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        context.uses("dataset_version", params["dataset_version"])
        return dict(context.step("find", partial(self._find, context.caller, params["dataset_version"])))

    def _find(self, caller: Caller, version: str) -> dict[str, Any]:
        entries = self._datasets.entries(caller, version, labelled=True)
        ordered = sorted(entries, key=lambda entry: (entry.media_digest, entry.sample))
        leader = {one: group[0] for group in self._datasets.inseparable(caller) for one in group}
        groups = [leader.get(entry.sample, entry.sample) for entry in ordered]
        features = self._datasets.embeddings(caller, [entry.sample for entry in ordered])
        suspects = suspected(ordered, features, groups)
        return {
            "labelled": len(ordered),
            "contradicted": len(suspects),
            "found": sum(one.confident for one in suspects),
            "suspects": [asdict(one) for one in suspects[:MOST]],
        }


def suspected(
    entries: Sequence[VersionEntry], features: npt.NDArray[np.float32], groups: Sequence[str]
) -> list[Suspect]:
    """The labels that are contradicted, worst first.

    Args:
        features: float32 (N, F), of each entry; groups: near-duplicates share one, and are never told apart by it.
    """
    classes = sorted({entry.label for entry in entries})
    labels = np.array([classes.index(entry.label) for entry in entries], np.int64)
    projection = fit_projection(features, DIMENSIONS)
    fit = partial(fit_classifier, classes=len(classes), strength=STRENGTH)
    logits = cross_fit(projection(features), labels, groups, len(classes), fit, SEED)
    scores = softmax(logits, fit_temperature(logits, labels))
    confident = _cleanlab().find_label_issues(labels, scores, n_jobs=1)
    best, quality = scores.argmax(axis=1), scores[np.arange(len(labels)), labels]
    ranked = [i for i in np.argsort(quality, kind="stable") if best[i] != labels[i]]
    return [
        Suspect(
            entries[i].sample,
            entries[i].label,
            classes[best[i]],
            round(float(scores[i, best[i]]), 4),
            round(float(quality[i]), 4),
            bool(confident[i]),
        )
        for i in ranked
    ]


def _cleanlab() -> Any:
    try:
        return import_module("cleanlab.filter")
    except ImportError as error:
        raise Unavailable(
            "Label errors are found by cleanlab, which is not installed.", hint="pip install 'sightloop[quality]'"
        ) from error
