"""Writes the generated part of the reference: settings, errors, the command line, the REST API.

Run `python docs/generate.py`; a guard in tests/guards compares the files with what this makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from sightloop.errors import CLASSES, CODES
from sightloop.interfaces.api.routes import ROOMS
from sightloop.interfaces.cli.tree import app
from sightloop.settings import ClientSettings, Settings, describe_settings

REFERENCE = Path(__file__).parent / "reference"
_NOTE = "<!-- Made by docs/generate.py from the code. -->"


def pages() -> dict[str, str]:
    """The text of each generated page, by file name."""
    return {"settings.md": settings(), "errors.md": errors(), "cli.md": command_line(), "api.md": api()}


def settings() -> str:
    """Every setting, with its default and meaning; then what commands work on."""
    rows = (
        f"| `{row['name']}` | `SIGHTLOOP_{row['name'].replace('.', '__').upper()}` | `{row['default']}` "
        f"| {row['meaning']} |"
        for row in describe_settings(Settings.model_construct())
    )
    options = (
        f"| `--{name}` | `SIGHTLOOP_{name.upper()}` | `{'' if name == 'key' else field.default}` "
        f"| {field.description} |"
        for name, field in ClientSettings.model_fields.items()
    )
    return _page(
        "Settings",
        "An argument wins over the environment, the environment over `sightloop.toml` in the installation folder, and "
        "that over the default. `sightloop settings show` prints each value and where it came from.",
        [
            *("| name | environment | default | meaning |", "|---|---|---|---|", *rows),
            *("", "Commands take what they work on from their options or the environment:", ""),
            *("| option | environment | default | meaning |", "|---|---|---|---|", *options),
        ],
    )


def errors() -> str:
    """Every error code, with what it decides."""
    rows = (
        f"| `{name}` | {code.status} | {code.exit_code} | {'yes' if code.retryable else 'no'} "
        f"| {_first(CLASSES[name])} |"
        for name, code in CODES.items()
    )
    return _page(
        "Errors",
        "A code decides the HTTP status, the exit code of the command line and whether a retry may help. REST answers "
        "problem documents (RFC 9457) with `code`, `hint`, `retryable` and `facts` added; the SDK raises the class.",
        ["| code | HTTP status | exit code | retry | meaning |", "|---|---|---|---|---|", *rows],
    )


def command_line() -> str:
    """Every command with its options and an example."""
    lines = list(_commands("sightloop", typer.main.get_command(app)))[1:]
    return _page("Command line", "Every command takes `--json`, `--folder`, `--url`, `--key` and `--workspace`.", lines)


def api() -> str:
    """Every route with the permission that it needs."""
    rows = (
        f"| {declared.method} | `{declared.path}` | {declared.permission} | {_first(declared.endpoint)} |"
        for room in ROOMS
        for declared in room.declared
    )
    return _page(
        "REST API",
        "Every request carries `Authorization: Bearer KEY`; the key names the workspace. A POST may carry an "
        "`Idempotency-Key`: the same key and body give the same answer, another body gives `conflict`. Lists answer "
        "`items` and `next_cursor`. The full description is at `/api/v1/openapi.json`.",
        ["| method | path | permission | answers |", "|---|---|---|---|", *rows],
    )


def _commands(path: str, group: Any) -> Iterator[str]:
    for name, found in sorted(group.commands.items()):
        if hasattr(found, "commands"):
            yield from _commands(f"{path} {name}", found)
            continue
        own = [parameter for parameter in found.params if _is_argument(parameter) or parameter.name not in _SHARED]
        usage = " ".join(parameter.name.upper() for parameter in own if _is_argument(parameter))
        options = [
            f"- `{'/'.join(parameter.opts)}`: {parameter.help}" for parameter in own if not _is_argument(parameter)
        ]
        yield from ("", f"## `{f'{path} {name} {usage}'.strip()}`", "", str(found.help), "")
        yield from ([*options, ""] if options else [])
        yield f"    {str(found.epilog).removeprefix('Example: ')}"


_SHARED = frozenset({"folder", "url", "key", "workspace", "as_json", "help"})


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _first(documented: Any) -> str:
    return str(documented.__doc__ or "").strip().splitlines()[0]


def _page(title: str, introduction: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", "", _NOTE, "", introduction, "", *lines]).rstrip() + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)
