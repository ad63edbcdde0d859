"""Frames of videos as samples: which are taken is declared by the source, and each is named by medium and timestamp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sightloop.errors import InvalidInput

FORMATS: Final = frozenset({"MP4", "MOV", "WEBM", "MKV", "AVI", "MPEG", "TS"})
MOST, USUAL_MOST = 5000, 500
PLANS: Final = ("every_s", "keyframes", "scenes")
_HINT: Final = 'Write {"every_s": 1.0}, {"keyframes": true} or {"scenes": 0.3}, and "most": 500.'


def check_frames(plan: object) -> None:
    """Nothing; raises InvalidInput where this does not say which frames of a video are samples."""
    if plan is None:
        return
    if not isinstance(plan, Mapping) or set(plan) - {*PLANS, "most"} or len(set(plan) & set(PLANS)) != 1:
        raise InvalidInput("The source does not say which frames it takes.", hint=_HINT)
    numbers = {name: value for name, value in plan.items() if name != "keyframes"}
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in numbers.values()):
        raise InvalidInput("The frames of the source are no numbers.", hint=_HINT)
    if plan.get("keyframes", True) is not True:
        raise InvalidInput("Keyframes are either taken or not named.", hint=_HINT)
    if not 0.001 <= plan.get("every_s", 1) <= 86_400 or not 0 < plan.get("scenes", 0.5) < 1:
        raise InvalidInput("So few or so many frames cannot be taken.", hint=_HINT)
    most = plan.get("most", USUAL_MOST)
    if not isinstance(most, int) or not 1 <= most <= MOST:
        raise InvalidInput(f"{most} frames of one video cannot be taken.", hint=f"Give 1 to {MOST}.")


def plan_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """What the source takes of its videos; empty for the clips alone."""
    plan = source.get("frames")
    return {"most": USUAL_MOST, **plan} if plan else {}


def frame_name(name: str, seconds: float) -> str:
    """The name of a frame: the clip's, and the time in it."""
    return f"{name}#t={seconds:.3f}"
