"""Plugins: entry points grouped by the noun that they supply, such as "sightloop.formats".

A plugin that cannot be loaded is reported by name and never fatal: what works without it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from sightloop.errors import Unavailable, not_found

GROUPS: Mapping[str, str] = {
    "sightloop.formats": "label formats of import and export: a module with `read`, `write` and `media_path`",
}


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that is installed and cannot be loaded."""

    group: str
    name: str
    problem: str


@cache
def installed(group: str) -> tuple[Mapping[str, Any], tuple[BrokenPlugin, ...]]:
    """What the group's plugins supply, by name, and those that are broken."""
    found: dict[str, Any] = {}
    broken = []
    for point in entry_points(group=group):
        try:
            found[point.name] = point.load()
        except Exception as error:  # a plugin is foreign code: whatever it raises is its own defect
            broken.append(BrokenPlugin(group, point.name, type(error).__name__))
    return found, tuple(broken)


def choose(group: str, builtin: Mapping[str, Any], name: str, kind: str) -> Any:
    """The built-in or plugin of this name; built-ins win. Raises NotFound, or Unavailable for a broken plugin."""
    found, broken = installed(group)
    known = {**found, **builtin}
    if name in known:
        return known[name]
    for plugin in broken:
        if plugin.name == name:
            raise Unavailable(
                f'The plugin "{name}" for {kind}s is installed and cannot be loaded ({plugin.problem}).',
                hint="Upgrade it or remove it.",
            )
    raise not_found(kind, name, known, hint=f"There are: {', '.join(sorted(known))}.")
