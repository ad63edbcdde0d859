"""The rule by which an alias moves. Pure, hence replayable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from sightloop.domain import Permission, Role, allowed

RULE: Final = "alias-move/1"
UNGATED: Final = frozenset({"challenger"})


def decide_move(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the alias moves, on which `basis` (gate, override, ungated, rollback), or which `refusal` it meets.

    `inputs`: verb, alias, holder, to, role, reason, previous (the version before the last move), and gate
    ({id, passed, challenger, champion} or None).
    """
    if inputs["verb"] == "rollback":
        return _outcome(inputs, "rollback" if inputs["previous"] else "", "there is no earlier version to go back to")
    if inputs["alias"] in UNGATED:
        return _outcome(inputs, "ungated", "")
    gate = inputs["gate"]
    if gate is None:
        trusted = allowed(Role(inputs["role"]), Permission.PROMOTE)
        basis = "override" if inputs["reason"] and trusted else ""
        return _outcome(inputs, basis, "no gate was passed, and no reason for an override was given")
    if gate["challenger"] != inputs["to"]:
        return _outcome(inputs, "", "the gate judged another version")
    if gate["champion"] != inputs["holder"]:
        return _outcome(inputs, "", "the alias has moved since the gate: it compared with another version")
    return _outcome(inputs, "gate" if gate["passed"] else "", "the gate did not pass")


def replay_alias_move(data: bytes) -> dict[str, Any]:
    """The decision recomputed from a receipt's data blob; it must equal the receipt's outcome."""
    return decide_move(orjson.loads(data))


def _outcome(inputs: Mapping[str, Any], basis: str, refusal: str) -> dict[str, Any]:
    return {
        "moved": bool(basis),
        "basis": basis,
        "refusal": "" if basis else refusal,
        "alias": inputs["alias"],
        "from": inputs["holder"],
        "to": inputs["to"],
    }
