"""Policies: what the loop may do by itself, declared in YAML and checked as a whole before anything is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sightloop.errors import InvalidPolicy

TEXT_LIMIT = 64_000
DEPTH_LIMIT = 20
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")]
Share = Annotated[float, Field(gt=0, le=0.2)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Watch(_Part):
    """The deployment whose traffic is collected, and the monitor whose alarm is acted on."""

    deployment: str
    monitor: str


class Collect(_Part):
    """The next images after the alarm: `count` to label, then `reference` held out for the new reference."""

    count: int = Field(ge=10, le=100_000)
    reference: int = Field(ge=60, le=100_000)


class Label(_Part):
    """The labelling campaign; `reviewer_budget` bounds the answers people are asked for."""

    schema_: str = Field(alias="schema")
    eps: Share = 0.05
    alpha: Share = 0.05
    reviewer_budget: int = Field(ge=1)
    seed_count: int | None = Field(None, ge=0)
    seed: int = 0


class Train(_Part):
    """What is trained on which dataset, and the frozen test version that judges it."""

    model: str
    dataset: str
    recipe: dict[str, Any]
    test: str


class Gate(_Part):
    """When the challenger may replace the champion: `vision.gate`."""

    margin: Share = 0.05
    alpha: Share = 0.05
    slices: tuple[str, ...] = ()
    superiority: tuple[str, ...] = ()


class Promote(_Part):
    alias: str = "champion"
    deployment: str


class Policy(_Part):
    """A whole policy."""

    name: Name
    enabled: bool = True
    watch: Watch
    on: Literal["drift"] = "drift"
    collect: Collect
    label: Label
    train: Train
    gate: Gate = Gate()
    promote: Promote

    def as_dict(self) -> dict[str, Any]:
        """The policy as JSON values, defaults filled in."""
        return self.model_dump(mode="json", by_alias=True)


def parse_policy(text: str) -> Policy:
    """The policy in a YAML text; raises InvalidPolicy that names field, line and nearest known field."""
    raw, lines = _load(text)
    try:
        return Policy.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(found["type"], found["loc"], found["msg"], lines) for found in error.errors()]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        message, hint = problems[0]
        raise InvalidPolicy(
            f"{message}{more}", hint=hint, problems=[f"{said} {advice}".strip() for said, advice in problems]
        ) from error


class _Loader(yaml.SafeLoader):
    """Safe YAML in which `on`, `off`, `yes` and `no` are words, as in YAML 1.2 (core schema, section 10.3.2)."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))

_OPENING = (
    yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken, yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken
)  # fmt: skip
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
Path = tuple[str | int, ...]


def _load(text: str) -> tuple[Any, dict[Path, int]]:
    """The values, and the line of each field by its path."""
    if len(text) > TEXT_LIMIT:
        raise InvalidPolicy(f"The policy has {len(text)} characters.", hint=f"Keep it below {TEXT_LIMIT}.")
    try:
        depth = 0
        for token in yaml.scan(text):
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > DEPTH_LIMIT:
                raise InvalidPolicy("The policy is nested too deeply.", hint=f"Keep it below {DEPTH_LIMIT} levels.")
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
                line = token.start_mark.line + 1
                raise InvalidPolicy(f"Line {line} uses an anchor or alias.", hint="Write the values out.", line=line)
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise InvalidPolicy("The policy is not a mapping of fields.", hint='Begin with "name: ...".')
        lines = dict(_lines(node))
        return loader.construct_document(node), lines
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        raise InvalidPolicy(f"The policy is not valid YAML{where}: {what}.", hint="Check indentation.") from error


def _lines(node: yaml.Node, path: Path = ()) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                line = key.start_mark.line + 1
                raise InvalidPolicy(f'"{name}" stands twice, again in line {line}.', hint="Keep one.", line=line)
            seen.add(name)
            yield from _lines(value, (*path, name))
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield from _lines(value, (*path, i))


def _problem(kind: str, loc: Path, said: str, lines: dict[Path, int]) -> tuple[str, str]:
    """A message and a hint for one thing that is wrong."""
    place = next(lines[loc[:end]] for end in range(len(loc), -1, -1) if loc[:end] in lines)
    field, known = ".".join(map(str, loc)), _fields(loc[:-1])
    if kind == "extra_forbidden":
        near = get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
        hint = f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known)}."
        return f'Line {place}: a policy has no field "{field}".', hint
    if kind == "missing":
        return f'The policy lacks "{field}" (in the part that begins in line {place}).', f'Add "{loc[-1]}".'
    return f'Line {place}: "{field}" is not right: {said[0].lower()}{said[1:]}.', "Correct the value."


def _fields(path: Path) -> list[str]:
    model: type[BaseModel] = Policy
    for part in path:
        info = next((one for name, one in model.model_fields.items() if part in (name, one.alias)), None)
        if info is None or not isinstance(info.annotation, type) or not issubclass(info.annotation, BaseModel):
            return []
        model = info.annotation
    return [info.alias or name for name, info in model.model_fields.items()]
