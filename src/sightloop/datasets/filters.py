"""The `where` language: a JSON object that selects samples.

    {"cell_type": "mono", "blur": {">=": 10}, "format": {"in": ["PNG", "JPEG"]}, "label": {"exists": false}}

Each key names a field or a metadata key; all must hold. A plain value means equality. Operators: = != < <= > >= in
contains exists. "and" and "or" take a list of such objects, "not" takes one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sightloop.errors import InvalidInput

Mask = npt.NDArray[np.bool_]
Where = Mapping[str, Any]

_ORDER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
OPERATORS: Final = ("=", "!=", *_ORDER, "in", "contains", "exists")
MAX_DEPTH: Final = 8


class Columns(Protocol):
    """What a filter looks at: named columns of equal length; missing values are None (or "" in a text field)."""

    def __len__(self) -> int: ...

    def fields(self) -> Sequence[str]:
        """All names that a filter may use."""

    def column(self, field: str) -> npt.NDArray[Any]:
        """One column, (N,)."""


def mask(columns: Columns, where: Where | None, depth: int = 0) -> Mask:
    """Which rows the filter selects, bool (N,); raises InvalidInput with the nearest names where it cannot be read."""
    if depth > MAX_DEPTH:
        raise InvalidInput("The filter is nested too deeply.", hint=f"Nest at most {MAX_DEPTH} levels.")
    if where is not None and not isinstance(where, Mapping):
        raise InvalidInput("The filter is not an object.", hint='Write it as {"field": value}.')
    chosen = np.ones(len(columns), bool)
    for field, wanted in (where or {}).items():
        if field in ("and", "or"):
            if not isinstance(wanted, list) or not wanted:
                raise InvalidInput(f'"{field}" needs a list of filters.', hint='Write {"or": [{...}, {...}]}.')
            parts = [mask(columns, part, depth + 1) for part in wanted]
            chosen &= np.logical_and.reduce(parts) if field == "and" else np.logical_or.reduce(parts)
        elif field == "not":
            chosen &= ~mask(columns, wanted, depth + 1)
        else:
            chosen &= _field(columns, field, wanted)
    return chosen


def _field(columns: Columns, field: str, wanted: Any) -> Mask:
    known = columns.fields()
    if field not in known:
        near = get_close_matches(field, known, n=3, cutoff=0.5) or sorted(known)[:8]
        raise InvalidInput(
            f'There is no field "{field}" to filter by.', hint=f"Nearest: {', '.join(near)}.", field=field
        )
    values = columns.column(field)
    tests = wanted if isinstance(wanted, Mapping) else {"=": wanted}
    chosen = np.ones(len(columns), bool)
    for name, operand in tests.items():
        chosen &= _test(field, values, name, operand)
    return chosen


def _test(field: str, values: npt.NDArray[Any], name: str, operand: Any) -> Mask:
    if name == "=":
        return _equal(values, operand)
    if name == "!=":
        return ~_equal(values, operand)
    if name == "in" and isinstance(operand, list):
        return np.asarray(np.logical_or.reduce([np.zeros(len(values), bool), *(_equal(values, v) for v in operand)]))
    if name == "exists" and isinstance(operand, bool):
        return _present(values) if operand else ~_present(values)
    if name == "contains" and isinstance(operand, str):
        return np.array([isinstance(v, str) and operand in v for v in values], bool)
    if name in _ORDER and isinstance(operand, int | float | str) and not isinstance(operand, bool):
        return _ordered(values, _ORDER[name], operand)
    if name in OPERATORS:
        raise InvalidInput(f'"{name}" on "{field}" was given a value of the wrong kind.', hint="See the filter guide.")
    near = get_close_matches(str(name), OPERATORS, n=1) or OPERATORS
    raise InvalidInput(f'There is no operator "{name}" (on "{field}").', hint=f"Use {', '.join(near)}.")


def _equal(values: npt.NDArray[Any], operand: Any) -> Mask:
    if isinstance(operand, Mapping | list):
        raise InvalidInput("A filter compares with a single value.", hint='For several use {"in": [...]}.')
    if operand is None:
        return ~_present(values)
    if values.dtype != object and isinstance(operand, str):
        return np.zeros(len(values), bool)
    return np.asarray(values == operand, bool)


def _present(values: npt.NDArray[Any]) -> Mask:
    if values.dtype != object:
        return np.ones(len(values), bool)
    return np.array([value is not None and value != "" for value in values], bool)


def _ordered(values: npt.NDArray[Any], compare: Callable[[Any, Any], Any], operand: float | str) -> Mask:
    if values.dtype != object:
        if isinstance(operand, str):
            return np.zeros(len(values), bool)
        return np.asarray(compare(values, operand), bool)
    kind = str if isinstance(operand, str) else (int, float)
    return np.array([isinstance(v, kind) and v != "" and bool(compare(v, operand)) for v in values], bool)
