"""Where a cycle goes next: a pure function of policy, state and what was seen, so that each step can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sightloop.errors import InvalidInput

RULE = "cycle/1"
PATH = ("alerted", "collecting", "labeling", "training", "gating", "promoting", "watching", "done")
ENDED = ("done", "refused", "stopped", "failed")


def decide(state: str, policy: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    """The outcome {"to": state, "because": sentence}; "to" is the same state where what was seen does not suffice."""
    if "problem" in seen:
        refused = seen["problem"]["code"] == "refused"
        return {"to": "refused" if refused else "failed", "because": seen["problem"]["detail"]}
    ready, because = _RULES[state](policy, seen)
    if isinstance(ready, str):
        return {"to": ready, "because": because}
    return {"to": PATH[PATH.index(state) + 1] if ready else state, "because": because}


def replay_act(data: bytes | Mapping[str, Any]) -> dict[str, Any]:
    """The outcome recomputed from the data of a "loop.act" receipt."""
    try:
        raw = orjson.loads(data) if isinstance(data, bytes) else data
        return decide(raw["state"], raw["policy"], raw["seen"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("This is not the data of a step of the loop.", hint="Give a loop.act receipt.") from error


Verdict = tuple[bool | str, str]


def _alerted(policy: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    right = seen["kind"] == policy["on"] and seen["monitor"] == policy["watch"]["monitor"]
    return right, f'The alert {seen["alert"]} of monitor "{seen["monitor"]}" is what the policy waits for.'


def _collecting(policy: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    wanted = policy["collect"]
    enough = seen["collected"] >= wanted["count"] and seen["held_out"] >= wanted["reference"]
    return enough, f"{seen['collected']} images to label and {seen['held_out']} held out came after the alarm."


def _labeling(policy: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    budget = policy["label"]["reviewer_budget"]
    if seen["campaign_state"] == "done":
        return True, f"The campaign is done: {seen['human']} decisions by people, {seen['auto']} labels accepted."
    if seen["human"] >= budget:
        return "stopped", f"People have decided {seen['human']} times; the budget is {budget}."
    return False, "The campaign waits for people."


def _training(policy: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    return bool(seen["model_version"]), f"The run {seen['run']} registered {seen['model_version']}."


def _gating(policy: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    if seen["passed"]:
        return True, f"The challenger passed the gate {seen['gate']}."
    return "refused", f"The challenger did not pass the gate {seen['gate']}."


def _promoting(policy: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    moved = seen["holder"] == seen["serving"] == seen["challenger"]
    return moved, f"{seen['serving']} holds the alias and serves."


def _watching(policy: Mapping[str, Any], seen: Mapping[str, Any]) -> Verdict:
    return seen["reference"] > 0, f"The monitor stands on {seen['reference']} new images."


_RULES = {
    "alerted": _alerted,
    "collecting": _collecting,
    "labeling": _labeling,
    "training": _training,
    "gating": _gating,
    "promoting": _promoting,
    "watching": _watching,
}
