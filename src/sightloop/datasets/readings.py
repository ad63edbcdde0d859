"""What the numbers of a measured image mean: declared by its source, or told by the medium itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from sightloop.errors import InvalidInput

TEXTS: Final = ("quantity", "unit")
NUMBERS: Final = ("scale", "offset", "nothing", "low", "high")
PALETTES: Final = ("grey", "iron", "rainbow")
_HINT: Final = (
    'Write {"quantity": "temperature", "unit": "°C", "scale": 0.04, "offset": -273.15}: '
    "value = scale * number + offset; low, high and palette say how it is shown, nothing what was not measured."
)


def check_reading(reading: object) -> None:
    """Nothing; raises InvalidInput where what a source declares its numbers to be cannot be taken so."""
    if reading is None:
        return
    if not isinstance(reading, Mapping) or not reading.get("quantity"):
        raise InvalidInput("The reading names no quantity.", hint=_HINT)
    unknown = sorted(set(reading) - {*TEXTS, *NUMBERS, "palette"})
    if unknown:
        raise InvalidInput(f'The reading says "{unknown[0]}".', hint=_HINT)
    for name in TEXTS:
        if not isinstance(reading.get(name, ""), str) or len(reading.get(name, "")) > 40:
            raise InvalidInput(f'The "{name}" of the reading is no short text.', hint=_HINT)
    for name in NUMBERS:
        value = reading.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not _fit(value)):
            raise InvalidInput(f'The "{name}" of the reading is no number.', hint=_HINT)
    if reading.get("scale") == 0:
        raise InvalidInput("The scale of the reading is 0.", hint=_HINT)
    check_view(reading)


def check_view(view: Mapping[str, Any]) -> None:
    """Nothing; raises InvalidInput where a range ends before it begins, or there is no such palette."""
    low, high = view.get("low"), view.get("high")
    if low is not None and high is not None and not low < high:
        raise InvalidInput(f"The range from {low} to {high} is empty.", hint="Give a low below the high.")
    if view.get("palette") not in (None, "", *PALETTES):
        raise InvalidInput(f'There is no palette "{view["palette"]}".', hint=f"Use {', '.join(PALETTES)}.")


def _fit(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= 1e12
