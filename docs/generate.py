"""Writes the generated part of the reference: settings, errors, the command line, the REST API, fault points.

Run `python docs/generate.py`; a guard in tests/guards compares the files with what this makes.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from fastapi import FastAPI

import sightloop.errors
from sightloop.errors import CLASSES, CODES
from sightloop.interfaces.api.description import described
from sightloop.interfaces.api.routes import ROOMS
from sightloop.interfaces.api.routing import PREFIX, routes_of
from sightloop.interfaces.cli.tree import app
from sightloop.settings import ClientSettings, Settings, describe_settings
from sightloop.storage import FAULT_POINTS

REFERENCE = Path(__file__).parent / "reference"
_NOTE = "<!-- Made by docs/generate.py from the code. -->"


def pages() -> dict[str, str]:
    """The text of each generated page, by file name."""
    return {
        "settings.md": settings(),
        "errors.md": errors(),
        "cli.md": command_line(),
        "api.md": api(),
        "openapi.json": openapi(),
        "fault-points.md": fault_points(),
    }


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
        "`items` and `next_cursor`. The full description is at `/api/v1/openapi.json`, "
        "and in [openapi.json](openapi.json).",
        ["| method | path | permission | answers |", "|---|---|---|---|", *rows],
    )


def openapi() -> str:
    """The description of the API, as `/api/v1/openapi.json` gives it but for the version of Sightloop."""
    api = FastAPI(title="Sightloop", version=PREFIX.rsplit("/", 1)[1], openapi_url=None)
    api.router.routes.extend(routes_of(ROOMS))
    return json.dumps(described(api), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def fault_points() -> str:
    """Every fault point, by the file that it stands in, with what is true there."""
    found = points_in(Path(sightloop.errors.__file__).parent)
    rows = (
        f"| {number} | `{name}` | `{file}`: `{function}` | {FAULT_POINTS[name]} |"
        for number, (name, file, function) in enumerate(found, 1)
    )
    return _page(
        "Fault points",
        "Moments between two durable writes at which a test may stop the process: `SIGHTLOOP_FAULTS=blob.named=kill@2` "
        "kills it on the second pass. Other actions: `raise`, `enospc`, `sleep`. Unarmed, a point costs a look into an "
        "empty table. The kill loop (tests/journeys/test_crashes.py) kills at every one of them.",
        ["| | point | where | what is true there |", "|---|---|---|---|", *rows],
    )


def points_in(source: Path) -> list[tuple[str, str, str]]:
    """Name, file and function of every call of `faultpoint`. Raises ValueError where a name is no literal."""
    return [
        (name, file.relative_to(source).as_posix(), function)
        for file in sorted(source.rglob("*.py"))
        for name, function in _points(ast.parse(file.read_text()), "")
    ]


def _points(node: ast.AST, function: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == "faultpoint":
            match child.args:
                case [ast.Constant(value=str(name))]:
                    yield name, function
                case _:
                    raise ValueError(f"A fault point in {function} has no literal name.")
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from _points(child, inside)


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
