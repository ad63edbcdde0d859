"""What every result of this room can do: become plain JSON values for a receipt."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sightloop.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Evidence:
    """A frozen result whose fields are numbers, strings, tuples, mappings or other evidence."""

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values, nested evidence included."""
        return asdict(self)


def require(condition: bool, message: str, hint: str) -> None:
    """Nothing; raises InvalidInput with the message and the hint where the condition does not hold."""
    if not condition:
        raise InvalidInput(message, hint=hint)


def require_share(name: str, value: float) -> None:
    """Nothing; raises InvalidInput unless the value lies strictly between 0 and 1."""
    require(0.0 < value < 1.0, f"{name} is {value}.", f"Give {name} as a share between 0 and 1, for example 0.05.")
