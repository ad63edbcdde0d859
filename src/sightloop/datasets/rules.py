"""What is expected of samples, as YAML, and whether a value is as expected.

    source: line-2              # or  dataset: cells; without either of every source
    expect:
      - {field: brightness, at_least: 0.05, at_most: 0.95, else: quarantine}
      - {field: cell_type, present: true, one_of: [mono, poly], else: warn}

A value that is missing breaks `present` alone. `else` is "quarantine" or "warn".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from sightloop.datasets.rows import SAMPLES
from sightloop.domain import SampleKind
from sightloop.errors import InvalidInput

QUARANTINE: Final = "quarantine"
WARN: Final = "warn"
MOST: Final = 200
MOST_CHARACTERS: Final = 100_000
LONGEST: Final = 1000  # characters of a value that a pattern looks at
_SCOPES: Final = ("source", "dataset")
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {"number": (int, float), "text": str, "flag": bool}
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "brightness": (0, 1), "contrast": (0, 0.5), "blur": (0, float("inf")), "width": (1, float("inf")),
    "height": (1, float("inf")), "channels": (1, float("inf")), "bit_depth": (1, 64), "size_bytes": (1, float("inf")),
}  # fmt: skip
CHECKS: Final[Mapping[str, str]] = {
    "present": "true",
    "type": "number, text or flag",
    "at_least": "a number",
    "at_most": "a number",
    "one_of": "a list of values",
    "matches": "a regular expression",
    "unique": "true",
}
_UNSEEN: Final = frozenset(
    {"id", "media_digest", "address", "thumbnail_digest", "phash", "phash_version", "ingested_at", "run", "location",
     "clock", "entities", "metadata", "reading", "mean_colour"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One check of one field; `operand` is what the check compares with, `otherwise` is quarantine or warn."""

    field: str
    check: str
    operand: Any
    otherwise: str

    def says(self) -> str:
        """The rule as one short text, the same each time."""
        if self.check in ("present", "unique"):
            return f"{self.field} {self.check}"
        shown = ", ".join(map(str, self.operand)) if self.check == "one_of" else f"{self.operand}"
        return f"{self.field} {self.check} {shown}"

    def holds(self, value: Any) -> bool:
        """Whether a single value is as expected; `unique` is no matter of a single value and holds."""
        if value is None or value == "":
            return self.check != "present"
        if self.check == "type":
            wanted = _TYPES[self.operand]
            return isinstance(value, wanted) and (self.operand != "number" or not isinstance(value, bool))
        if self.check in ("at_least", "at_most"):
            if not isinstance(value, int | float) or isinstance(value, bool):
                return False
            return bool(value >= self.operand if self.check == "at_least" else value <= self.operand)
        if self.check == "one_of":
            return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in self.operand)
        if self.check == "matches":
            return bool(pc.match_substring_regex(str(value)[:LONGEST], self.operand).as_py())
        return True

    def where(self) -> dict[str, Any] | None:
        """The filter that selects the samples which break this rule; None where the filter language cannot say it."""
        told: Mapping[str, dict[str, Any]] = {
            "present": {self.field: {"exists": False}},
            "at_least": {self.field: {"<": self.operand}},
            "at_most": {self.field: {">": self.operand}},
            "one_of": {self.field: {"exists": True}, "not": {self.field: {"in": self.operand}}},
        }
        return told.get(self.check)


@dataclass(frozen=True, slots=True)
class Expected:
    """Rules for one source or dataset; `scope` is "source:NAME", "dataset:NAME" or "" for every source."""

    scope: str
    rules: tuple[Rule, ...]


def read_rules(text: str) -> Expected:
    """What the YAML expects; raises InvalidInput naming the line and what is wrong there."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput("The expectations have too many characters.", hint=f"Write at most {MOST_CHARACTERS}.")
    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise _wrong(mark.line + 1 if mark else 1, "This is no YAML.", "Check colons, indents and quotes.") from error
    said = dict(_pairs(top, "the expectations", (*_SCOPES, "expect")))
    scopes = [name for name in _SCOPES if name in said]
    if len(scopes) > 1:
        raise _wrong(_line(said[scopes[1]]), "Both a source and a dataset are named.", "Write one file for each.")
    scope = f"{scopes[0]}:{_text(said[scopes[0]], scopes[0])}" if scopes else ""
    listed = said.get("expect")
    if not isinstance(listed, yaml.SequenceNode):
        raise _wrong(_line(listed or top), '"expect" is no list.', "Write expect: and below it - {field: ...}.")
    placed = [(_line(one), rule) for one in listed.value for rule in _rules(one)]
    if len(placed) > MOST:
        raise InvalidInput(f"There are {len(placed)} rules.", hint=f"Write {MOST} at most.")
    _refuse_contradictions(placed)
    return Expected(scope, tuple(rule for _, rule in placed))


def _rules(node: Any) -> Iterator[Rule]:
    said = dict(_pairs(node, "a rule", ("field", "else", *CHECKS)))
    if "field" not in said:
        raise _wrong(_line(node), "A rule names no field.", "Write field: brightness.")
    field = _text(said.pop("field"), "field")
    if field in _UNSEEN:
        raise _wrong(_line(node), f'Nothing can be expected of "{field}".', "It is made by Sightloop itself.")
    otherwise = _text(said.pop("else"), "else") if "else" in said else ""
    if otherwise not in (QUARANTINE, WARN):
        raise _wrong(
            _line(node),
            f'The rule on "{field}" does not say what becomes of it.',
            "Write else: quarantine or else: warn.",
        )
    if not said:
        raise _wrong(_line(node), f'The rule on "{field}" checks nothing.', f"Use {', '.join(CHECKS)}.")
    for check, operand in said.items():
        yield Rule(field, check, _operand(field, check, operand), otherwise)


def _operand(field: str, check: str, node: Any) -> Any:
    """What a check compares with, as Python has it."""
    line, good = _line(node), False
    try:
        value = yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _wrong(line, f'"{check}" on "{field}" cannot be read.', f"It takes {CHECKS[check]}.") from error
    if check in ("present", "unique"):
        good = value is True
    elif check == "type":
        good = value in _TYPES if isinstance(value, str) else False
    elif check in ("at_least", "at_most"):
        good = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    elif check == "one_of":
        good = isinstance(value, list) and bool(value) and all(isinstance(one, str | int | float) for one in value)
    elif isinstance(value, str):
        good = _compiles(value)
    if not good:
        raise _wrong(line, f'"{check}" on "{field}" was given {_shown(value)}.', f"It takes {CHECKS[check]}.")
    if field in SAMPLES.names:
        _check_field(field, check, value, line)
    return value


def _check_field(field: str, check: str, value: Any, line: int) -> None:
    """Nothing; raises InvalidInput where no sample could ever be as expected, the field being what it is."""
    number = not pa.types.is_string(SAMPLES.field(field).type)
    if (check in ("at_least", "at_most") and not number) or (check == "matches" and number):
        kind = "number" if number else "text"
        raise _wrong(line, f'"{check}" does not fit "{field}", which is a {kind}.', "Use one_of or present.")
    low, high = _RANGES.get(field, (float("-inf"), float("inf")))
    if (check == "at_least" and value > high) or (check == "at_most" and value < low):
        raise _wrong(line, f'No sample has a "{field}" {check} {value}.', f"It lies between {low:g} and {high:g}.")
    kinds = [str(one) for one in SampleKind]
    if field == "kind" and check == "one_of" and not set(map(str, value)) <= set(kinds):
        raise _wrong(line, "There is no such kind of sample.", f"Kinds: {', '.join(kinds)}.")


def _refuse_contradictions(placed: list[tuple[int, Rule]]) -> None:
    lows = {rule.field: (line, rule.operand) for line, rule in placed if rule.check == "at_least"}
    for line, rule in placed:
        if rule.check == "at_most" and rule.field in lows and rule.operand < lows[rule.field][1]:
            least = lows[rule.field][1]
            raise _wrong(
                line,
                f'"{rule.field}" is to be at least {least} and at most {rule.operand}: no value is both.',
                "Swap the two, or correct one.",
            )


def _pairs(node: Any, what: str, known: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(_line(node), f"What stands here is no mapping: {what}.", "Write name: value lines.")
    seen = set()
    for key, value in node.value:
        name = str(key.value)
        if name not in known:
            near = get_close_matches(name, known, n=1) or known
            raise _wrong(_line(key), f'"{name[:60]}" is not known in {what}.', f"Did you mean {', '.join(near)}?")
        if name in seen:
            raise _wrong(_line(key), f'"{name}" stands twice in {what}.', "Write it once, or make two rules.")
        seen.add(name)
        yield name, value


def _text(node: Any, name: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise _wrong(_line(node), f'"{name}" is no text.', "Write one word, or a text in quotes.")
    return str(node.value)


def _compiles(pattern: str) -> bool:
    """Whether RE2 takes the pattern; its time is linear in the text, whatever the pattern."""
    try:
        pc.match_substring_regex("", pattern)
    except pa.ArrowInvalid:
        return False
    return True


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:60]}"'
    return "nothing" if value is None else f"{value}" if isinstance(value, bool | int | float) else "something else"


def _line(node: Any) -> int:
    return node.start_mark.line + 1 if node is not None else 1


def _wrong(line: int, what: str, hint: str) -> InvalidInput:
    return InvalidInput(f"Line {line} of the expectations: {what}", hint=hint, line=line)
