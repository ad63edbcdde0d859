"""To which regime and which slice an image belongs.

A facet is "hour" or "shift:6-14-22" (the hours at which shifts begin), of the capture time in UTC or in a zone such as
"hour@Europe/Berlin"; any other name is what was declared of the image: metadata or entities of a sample, facets of a
prediction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sightloop.domain import Prediction, Sample
from sightloop.errors import InvalidInput

UNSTATED: Final = "?"
_FACET: Final = re.compile(r"(?P<name>[A-Za-z_][\w-]{0,60})(:(?P<starts>\d{1,2}(-\d{1,2})*))?(@(?P<zone>[\w+/-]+))?")
_TIMED: Final = ("hour", "shift")


def check_facets(names: Sequence[str]) -> None:
    """Nothing; raises InvalidInput for a name that is no facet, or comes twice."""
    for name in names:
        found = _FACET.fullmatch(name)
        timed = found is not None and found["name"] in _TIMED
        starts = [int(one) for one in (found["starts"] or "").split("-") if one] if found else []
        right = found is not None and (timed or not (found["starts"] or found["zone"]))
        if not right or names.count(name) > 1 or (found and found["name"] == "shift") != bool(starts) or _odd(starts):
            raise InvalidInput(
                f'"{name}" is no facet, or comes twice.',
                hint='Name a metadata key, "hour", or "shift:6-14-22"; these two may end in a zone: "@Europe/Berlin".',
            )
        try:
            ZoneInfo((found and found["zone"]) or "UTC")
        except (OSError, ValueError, KeyError) as error:
            raise InvalidInput(f'"{name}" names no time zone.', hint="Say hour@Europe/Berlin, for example.") from error


def of_sample(names: Sequence[str], sample: Sample) -> dict[str, str]:
    """The value of each facet; raises InvalidInput where the sample does not state one."""
    found = _values(names, sample.captured_at, {**sample.metadata, **sample.entities})
    for name, value in found.items():
        if value == UNSTATED:
            raise InvalidInput(
                f'The reference sample {sample.id} states no "{name}".',
                hint="Ingest it with that metadata (or capture time), or leave the facet out.",
            )
    return found


def of_prediction(names: Sequence[str], prediction: Prediction) -> dict[str, str]:
    """The value of each facet, "?" where the prediction does not state it. Its time is when it was made."""
    return _values(names, prediction.made_at, prediction.facets)


def regime_of(names: Sequence[str], values: Mapping[str, str]) -> str:
    """One text for the regime: "camera=3, hour=07"; empty where none is declared."""
    return ", ".join(f"{name}={values[name]}" for name in names)


def _values(names: Sequence[str], at: datetime | None, stated: Mapping[str, Any]) -> dict[str, str]:
    return {name: _value(name, at, stated) for name in names}


def _value(name: str, at: datetime | None, stated: Mapping[str, Any]) -> str:
    found = _FACET.fullmatch(name)
    if found is None or found["name"] not in _TIMED:
        return str(stated.get(name, UNSTATED))
    if at is None:
        return UNSTATED
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    hour = aware.astimezone(ZoneInfo(found["zone"] or "UTC")).hour
    if found["name"] == "hour":
        return f"{hour:02}"
    starts = [int(one) for one in found["starts"].split("-")]
    return f"{max((one for one in starts if one <= hour), default=starts[-1]):02}"


def _odd(starts: Sequence[int]) -> bool:
    return list(starts) != sorted(set(starts)) or any(one > 23 for one in starts)
