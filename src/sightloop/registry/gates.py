"""The rule of the gate: two evaluations on the same frozen samples in, a verdict out. Pure, hence replayable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson

from sightloop.errors import InvalidInput, Refused, not_found
from sightloop.vision import alpha_for_look, delong_ci, gate, paired_auroc_difference

RULE: Final = "model-gate/2"
BETTER_THAN_CHANCE: Final = 0.5
COLUMNS: Final = ("samples", "label", "predicted", "probabilities")


# A test version of which no more than this share was judged before is a new one: its looks are counted from 1.
RENEWED_SHARE: Final = 0.5


def checked_evaluation(evaluation: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """The evaluation with its `classes` (the columns of `probabilities`) added; raises InvalidInput if it is ragged."""
    missing = [name for name in ("test_version", *COLUMNS) if name not in evaluation]
    if missing:
        raise InvalidInput(f"The evaluation lacks {', '.join(missing)}.", hint="Evaluate on a labelled test version.")
    slices = dict(evaluation.get("slices", {}))
    n = len(evaluation["samples"])
    ragged = [name for name in COLUMNS if len(evaluation[name]) != n]
    ragged += [f"slices.{name}" for name, values in slices.items() if len(values) != n]
    if ragged or n == 0:
        raise InvalidInput(f"The evaluation of {n} samples does not fit {', '.join(ragged)}.", hint="One row a sample.")
    if any(len(row) != len(classes) for row in evaluation["probabilities"]):
        raise InvalidInput(f"The probabilities are not of {len(classes)} classes.", hint=f"In order: {list(classes)}.")
    for name in sorted({*evaluation["label"], *evaluation["predicted"]} - set(classes)):
        raise not_found("class", str(name), classes, hint="Evaluate with the label schema that the model has.")
    if len(set(evaluation["samples"])) != n:
        raise InvalidInput("A sample stands twice in the evaluation.", hint="Evaluate each sample once.")
    return {**evaluation, "slices": slices, "classes": list(classes)}


def gate_inputs(
    challenger: Mapping[str, Any],
    champion: Mapping[str, Any] | None,
    *,
    margin: float,
    alpha: float,
    slices: Sequence[str],
    superiority: Sequence[str],
    minimum_auroc: float | None,
) -> dict[str, Any]:
    """All that the verdict depends on but the look, as JSON values: the champion's rows in the challenger's order.

    Each evaluation carries `version` and `parity` beside its columns. Raises Refused where the two were not made
    on the same test version.
    """
    if champion is not None:
        _check_same_test(challenger, champion)
    unknown = sorted(set(slices) - set(challenger["slices"]))
    if unknown:
        raise not_found("slice facet", unknown[0], challenger["slices"], hint="Evaluate with this metadata field.")
    return {
        "rule": RULE,
        "test_version": challenger["test_version"],
        "samples": list(challenger["samples"]),
        "label": list(challenger["label"]),
        "slices": {name: list(challenger["slices"][name]) for name in slices},
        "challenger": _claims(challenger, challenger["samples"]),
        "champion": None if champion is None else _claims(champion, challenger["samples"]),
        "margin": margin,
        "alpha": alpha,
        "superiority": list(superiority),
        "minimum_auroc": minimum_auroc,
    }


def decide(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict: `passed`, the `reasons` against, and the evidence of each test, at the level that this look spends.

    Without a champion: parity passed and the lower limit of the AUROC, of confidence 1 - `alpha_spent`, above the
    minimum (chance, if none is given). With one: paired non-inferiority overall and on every slice, superiority where
    it is asked, parity. `power` is the smallest over the paired tests; `further_needed` says about how many labels
    would decide. Raises Refused where another rule made the inputs.
    """
    if inputs["rule"] != RULE:
        raise Refused(f"The rule {inputs['rule']} made this verdict.", hint=f"This version of Sightloop knows {RULE}.")
    challenger, champion = inputs["challenger"], inputs["champion"]
    reasons = [] if challenger["parity"] else ["parity"]
    minimum = inputs["minimum_auroc"]
    if minimum is None and champion is None:
        minimum = BETTER_THAN_CHANCE
    level = alpha_for_look(inputs["alpha"], inputs["look"])
    auroc = _least_auroc(challenger, inputs["label"], 1 - level)
    if minimum is not None and auroc["lower"] < minimum:
        reasons.append("auroc")
    outcome: dict[str, Any] = {"auroc": auroc, "minimum_auroc": minimum, **_spending(inputs["alpha"], inputs["look"])}
    if champion is not None:
        paired = _paired(inputs, challenger, champion, level)
        reasons += paired["refused_by"]
        if inputs["superiority"] and not paired["superior"]:
            reasons.append("superiority")
        outcome["paired"] = paired
        outcome["power"] = min(test["power"] for test in paired["slices"].values())
        outcome["further_needed"] = paired["further_needed"]
        outcome["auroc_difference"] = _auroc_difference(inputs, challenger, champion)
    plain: dict[str, Any] = orjson.loads(orjson.dumps({"passed": not reasons, "reasons": reasons, **outcome}))
    return plain


def replay_gate(data: bytes) -> dict[str, Any]:
    """The verdict recomputed from a receipt's data blob; it must equal the receipt's outcome."""
    return decide(orjson.loads(data))


def _check_same_test(challenger: Mapping[str, Any], champion: Mapping[str, Any]) -> None:
    hint = "Evaluate the champion on the challenger's test version first: training.evaluate."
    same_samples = set(challenger["samples"]) == set(champion["samples"])
    if challenger["test_version"] != champion["test_version"] or not same_samples:
        raise Refused("The two models were not evaluated on the same test version.", hint=hint)
    if set(challenger["classes"]) != set(champion["classes"]):
        raise Refused("The two models do not have the same classes.", hint="Gate models of one label schema.")
    truth = dict(zip(champion["samples"], champion["label"], strict=True))
    if any(truth[sample] != label for sample, label in zip(challenger["samples"], challenger["label"], strict=True)):
        raise Refused("The two evaluations differ in the true labels.", hint=hint)


def _claims(evaluation: Mapping[str, Any], samples: Sequence[str]) -> dict[str, Any]:
    place = {sample: index for index, sample in enumerate(evaluation["samples"])}
    rows = [place[sample] for sample in samples]
    return {
        "version": evaluation["version"],
        "classes": list(evaluation["classes"]),
        "predicted": [evaluation["predicted"][row] for row in rows],
        "probabilities": [evaluation["probabilities"][row] for row in rows],
        "parity": bool(evaluation["parity"]),
    }


def _spending(alpha: float, look: int) -> dict[str, Any]:
    """What this look at the test version spends of alpha, and what all later ones have between them."""
    left = sum(alpha_for_look(alpha, later) for later in range(look + 1, look + 30))
    return {
        "look": look,
        "alpha_spent": alpha_for_look(alpha, look),
        "alpha_left": left,
        "hint": f"The next look at this test version has alpha {alpha_for_look(alpha, look + 1):.2g}. To begin anew "
        f"with {alpha_for_look(alpha, 1):.2g}, freeze a version that is at least half new, from random audits.",
    }


def _least_auroc(claims: Mapping[str, Any], label: Sequence[str], confidence: float) -> dict[str, Any]:
    """The AUROC, one class against the rest, of the class whose lower limit is least (two classes: the second)."""
    probabilities, truth = np.asarray(claims["probabilities"], np.float64), np.asarray(label)
    present = [index for index, name in enumerate(claims["classes"]) if name in set(label)]
    columns = present[1:] if len(claims["classes"]) == 2 else present
    if not columns:
        columns = present
    intervals = [
        (delong_ci(probabilities[:, c], truth == claims["classes"][c], confidence), claims["classes"][c])
        for c in columns
    ]
    interval, name = min(intervals, key=lambda pair: pair[0].lower)
    return {**interval.as_dict(), "class": name}


def _paired(
    inputs: Mapping[str, Any], challenger: Mapping[str, Any], champion: Mapping[str, Any], level: float
) -> dict[str, Any]:
    truth = np.asarray(inputs["label"])
    masks = {
        f"{facet}={value}": np.asarray(values) == value
        for facet, values in inputs["slices"].items()
        for value in sorted(set(values))
    }
    verdict = gate(
        np.asarray(champion["predicted"]) == truth,
        np.asarray(challenger["predicted"]) == truth,
        masks,
        inputs["margin"],
        level,
        inputs["superiority"],
    )
    return verdict.as_dict()


def _auroc_difference(
    inputs: Mapping[str, Any], challenger: Mapping[str, Any], champion: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Challenger minus champion AUROC of the second class, for two classes; stated beside the verdict, not gated."""
    if len(challenger["classes"]) != 2:
        return None
    positive = challenger["classes"][1]
    old, new = (
        np.asarray(claims["probabilities"], np.float64)[:, claims["classes"].index(positive)]
        for claims in (champion, challenger)
    )
    return paired_auroc_difference(old, new, np.asarray(inputs["label"]) == positive).as_dict()
