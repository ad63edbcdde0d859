"""What a model is worth on a frozen test set: figures with their uncertainty, overall and per slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.domain import VersionEntry
from sightloop.errors import NotEnoughData
from sightloop.vision import accuracy_interval, confusion, delong_ci, expected_calibration_error, precision_recall

MOST_VALUES: Final = 20  # a metadata field with more values than this makes no slices
DIGITS: Final = 6


def results(
    entries: Sequence[VersionEntry],
    probabilities: npt.NDArray[np.floating[Any]],
    classes: Sequence[str],
    test_version: str,
) -> dict[str, Any]:
    """Per-sample results as the registry keeps them; probabilities (N, C) in the order of the entries."""
    predicted = [classes[int(i)] for i in probabilities.argmax(axis=1)]
    return {
        "test_version": test_version,
        "samples": [entry.sample for entry in entries],
        "label": [entry.label for entry in entries],
        "predicted": predicted,
        "probabilities": [[round(float(p), DIGITS) for p in row] for row in probabilities],
        "slices": slices_of(entries),
    }


def slices_of(entries: Sequence[VersionEntry]) -> dict[str, list[str]]:
    """The value of each entry, by metadata field, for the fields with at most 20 values; missing is empty."""
    fields = sorted({field for entry in entries for field in entry.metadata})
    columns = {field: [str(entry.metadata.get(field, "")) for entry in entries] for field in fields}
    return {field: values for field, values in columns.items() if len(set(values)) <= MOST_VALUES}


def metrics(evaluation: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Figures of an evaluation, overall and under "slices" by field and value.

    "accuracy" with "accuracy_ci" (Clopper-Pearson, 95 %); for two classes "auroc" with "auroc_ci" (DeLong, 95 %, of the
    second class), None where a class is missing; "ece", "confusion" (rows: truth), "precision" and "recall" by class.
    """
    index = {label: i for i, label in enumerate(classes)}
    truth = np.array([index[label] for label in evaluation["label"]], np.int64)
    chosen = np.array([index[label] for label in evaluation["predicted"]], np.int64)
    probabilities = np.asarray(evaluation["probabilities"], np.float64)
    found = _figures(truth, chosen, probabilities, classes)
    found["slices"] = {
        field: {
            value: _figures(truth[mask], chosen[mask], probabilities[mask], classes)
            for value in sorted(set(values))
            if (mask := np.array([one == value for one in values])).any()
        }
        for field, values in evaluation["slices"].items()
    }
    return found


def _figures(
    truth: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float64],
    classes: Sequence[str],
) -> dict[str, Any]:
    accuracy = accuracy_interval(truth == chosen)
    counts = confusion(truth, chosen, len(classes))
    precision, recall = precision_recall(counts)
    found: dict[str, Any] = {
        "n": len(truth),
        "accuracy": _rounded(accuracy.value),
        "accuracy_ci": [_rounded(accuracy.lower), _rounded(accuracy.upper)],
        "ece": _rounded(expected_calibration_error(probabilities.max(axis=1), truth == chosen)),
        "confusion": counts.tolist(),
        "precision": {label: _rounded(value) for label, value in zip(classes, precision, strict=True)},
        "recall": {label: _rounded(value) for label, value in zip(classes, recall, strict=True)},
    }
    if len(classes) == 2:
        found |= _auroc(probabilities[:, 1], truth == 1)
    return found


def _auroc(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> dict[str, Any]:
    try:
        area = delong_ci(scores, positive)
    except NotEnoughData:
        return {"auroc": None, "auroc_ci": None}
    return {"auroc": _rounded(area.value), "auroc_ci": [_rounded(area.lower), _rounded(area.upper)]}


def _rounded(value: float) -> float | None:
    return round(float(value), DIGITS) if np.isfinite(value) else None
