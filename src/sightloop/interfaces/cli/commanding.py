"""What every command shares: its options, the workspace it opens, how results and errors are shown."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from sightloop.errors import InvalidInput, NotEnoughData, SightloopError
from sightloop.interfaces.sdk import Record, Workspace, connect
from sightloop.interfaces.sdk.records import plain

if TYPE_CHECKING:
    from sightloop.settings import ClientSettings

Folder = Annotated[str | None, typer.Option(help="The installation folder; else SIGHTLOOP_FOLDER.")]
Url = Annotated[str | None, typer.Option(help="A server instead of a folder; else SIGHTLOOP_URL.")]
Key = Annotated[str | None, typer.Option(help="API key for the server; else SIGHTLOOP_KEY.")]
Name = Annotated[str | None, typer.Option(help="The workspace; else SIGHTLOOP_WORKSPACE.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(help="Show so many at most.")]
Seed = Annotated[int, typer.Option(help="Of what is drawn at random.")]
Alias = Annotated[str, typer.Option(help="The alias.")]
_SHARED: tuple[tuple[str, Any, Any], ...] = (
    ("folder", Folder, None),
    ("url", Url, None),
    ("key", Key, None),
    ("workspace", Name, None),
    ("as_json", Json, False),
)
Function = Callable[..., Any]
_output = Console()
_notes = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to show by some of their fields; with --json, whole."""

    rows: Iterable[Record]
    columns: Sequence[str]


class Noun:
    """The commands of one noun. A command whose function takes `ws` first gets the opened workspace."""

    def __init__(self, help: str) -> None:
        self.app = typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None)

    def command(self, name: str, *, example: str) -> Callable[[Function], Function]:
        return command(self.app, name, example=example)


def command(app: typer.Typer, name: str, *, example: str) -> Callable[[Function], Function]:
    """Registers a function as a command, with the options that all commands have."""

    def decorate(function: Function) -> Function:
        app.command(name, epilog=f"Example: {example}")(_shared(function))
        return function

    return decorate


def _shared(function: Function) -> Function:
    signature = inspect.signature(function, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "ws"]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, annotation, default in _SHARED
        if name not in {parameter.name for parameter in own}
    ]
    wants_workspace = len(own) < len(signature.parameters)

    @functools.wraps(function)
    def run(**given: Any) -> None:
        options = {parameter.name: given.pop(parameter.name) for parameter in shared}
        as_json = options.get("as_json", False)
        try:
            if wants_workspace:
                with _opened(options) as ws:
                    _show(function(ws, **given), as_json)
            else:
                _show(function(**given), as_json)
        except SightloopError as error:
            _show_error(error, as_json)
            raise typer.Exit(error.exit_code) from None

    del run.__wrapped__
    parameters = [*own, *shared]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def place(**options: str | None) -> ClientSettings:
    """What a command works on: its options, then the environment, then the defaults."""
    from sightloop.settings import load_client_settings  # pydantic would double the time that --help takes

    return load_client_settings(**options)


def _opened(options: dict[str, Any]) -> Workspace:
    at = place(**{name: options.get(name) for name in ("folder", "url", "key", "workspace")})
    if at.url:
        return connect(at.url, key=at.key.get_secret_value())
    return connect(at.folder, workspace=at.workspace)


@contextmanager
def progress(title: str) -> Iterator[Callable[[Record], None]]:
    """A bar on the terminal that follows a run."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(), console=_notes, transient=True, disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        task = bar.add_task(title, total=1)

        def follow(run: Record) -> None:
            done, total = run.progress.get("done", 0), run.progress.get("total", 1)
            bar.update(task, completed=done, total=max(total, 1))

        yield follow


def read_file(path: Path) -> bytes:
    """The bytes of a file named on the command line; raises InvalidInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f'The file "{path}" cannot be read.', hint="Check its name.") from error


def read_mapping(path: Path) -> dict[str, Any]:
    """The YAML or JSON object in a file; raises InvalidInput."""
    try:
        found = yaml.safe_load(read_file(path))
    except yaml.YAMLError as error:
        raise InvalidInput(f'The file "{path}" is not YAML.', hint=str(error).splitlines()[0]) from error
    if not isinstance(found, dict):
        raise InvalidInput(f'The file "{path}" holds no mapping.', hint="Write name: value lines.")
    return found


def parse_filter(text: str) -> dict[str, Any] | None:
    """A filter given as `cell_type=mono` (several with commas) or as JSON; None where empty."""
    if not text:
        return None
    if text.lstrip().startswith("{"):
        try:
            return dict(json.loads(text))
        except ValueError as error:
            raise InvalidInput("The filter is not JSON.", hint='For example {"blur": {">=": 10}}.') from error
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(sign for _, sign, _ in pairs):
        raise InvalidInput(f'"{text}" is no filter.', hint="For example cell_type=mono.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def parse_shares(text: str) -> dict[str, float] | None:
    """Shares given as `train=0.8,val=0.2`; None where empty."""
    try:
        return {name: float(share) for name, share in (parse_filter(text) or {}).items()} or None
    except ValueError as error:
        raise InvalidInput(f'"{text}" are no shares.', hint="For example train=0.8,val=0.2.") from error


def sample_ids(ws: Workspace, text: str) -> list[str]:
    """The samples of `cells@latest` or of one split, `cells@latest:train`; none for an empty text."""
    if not text:
        return []
    version, _, split = text.partition(":")
    found = [str(entry["sample"]) for entry in ws.datasets.entries(version, split=split or None)]
    if not found:
        splits = ", ".join(ws.datasets.version(version)["counts"]) or "none"
        raise NotEnoughData(f'"{text}" holds no samples.', hint=f"Splits of this version: {splits}.")
    return found


def _show(result: Any, as_json: bool) -> None:
    if result is None:
        return
    if isinstance(result, Table):
        rows = list(result.rows)
        if as_json:
            _print_json([plain(row) for row in rows])
        else:
            _show_table(rows, result.columns)
    elif isinstance(result, str):
        typer.echo(json.dumps(result) if as_json else visible(result))
    elif as_json:
        _print_json(plain(result))
    else:
        for name, value in result.items():
            typer.echo(f"{visible(name)}: {_cell(value)}")


def _print_json(value: Any) -> None:
    typer.echo(visible(json.dumps(value, indent=2, ensure_ascii=False)))


def _show_table(rows: Sequence[Record], columns: Sequence[str]) -> None:
    if not rows:
        _notes.print("Nothing here yet.", style="dim")
        return
    table = RichTable(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column, ""))) for column in columns))
    _output.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return visible(text, "")


def visible(text: str, kept: str = "\n") -> str:
    """The text with every character that a terminal would act on, or hide, written as JSON escapes it."""
    return "".join(one if one.isprintable() or one in kept else json.dumps(one)[1:-1] for one in text)


def _show_error(error: SightloopError, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(error.problem()), err=True)
        return
    typer.echo(f"Error: {visible(error.message)}", err=True)
    if error.hint:
        typer.echo(f"Hint: {visible(error.hint)}", err=True)
