"""init, serve, worker, serving, status, retention, fsck, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.errors import Corrupt
from sightloop.interfaces.cli.commanding import Folder, Noun, Table, command, place
from sightloop.interfaces.sdk import Workspace

settings = Noun("Settings: what they are and where they stand.")
Host = Annotated[str | None, typer.Option(help="Address to listen on; the setting's if not given.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")]


def register(app: typer.Typer) -> None:
    """Adds the commands that stand at the top of the tree."""
    command(app, "init", example="sightloop init --folder ./plant")(init)
    command(app, "serve", example="sightloop serve ./plant --port 8780")(serve)
    command(app, "worker", example="sightloop worker ./plant --name gpu-1")(worker)
    command(app, "serving", example="sightloop serving --folder ./plant")(serving)
    command(app, "status", example="sightloop status --json")(status)
    command(app, "retention", example="sightloop retention --json")(retention)
    command(app, "fsck", example="sightloop fsck --collect")(fsck)


def init(ws: Workspace) -> Any:
    """Make an installation folder, or look whether one opens."""
    return ws.status()


def serve(
    folder: Annotated[str | None, typer.Argument(help="The installation folder; else SIGHTLOOP_FOLDER.")] = None,
    *,
    host: Host = None,
    port: Port = None,
) -> None:
    """Run the control process: the API, durable work, and the loop's clock."""
    from sightloop.interfaces.sdk.processes import serve as run

    def announce(address: str, link: str) -> None:
        typer.echo(f"Sightloop serves {address}\nOpen this once to sign in as the owner: {link}", err=True)

    run(Path(place(folder=folder).folder), host, port, announce=announce)


def worker(
    folder: Annotated[str | None, typer.Argument(help="The installation folder; else SIGHTLOOP_FOLDER.")] = None,
    *,
    name: Annotated[str, typer.Option(help="What it goes by, one live process at a time.")],
) -> None:
    """Run a worker: it carries out runs beside the control process. Needs records on PostgreSQL."""
    from sightloop.interfaces.sdk.processes import work

    def announce() -> None:
        typer.echo(f'The worker "{name}" carries out runs.', err=True)

    work(Path(place(folder=folder).folder), name, announce=announce)


def serving(folder: Folder = None, host: Host = None, port: Port = None) -> None:
    """Run the serving process: it answers predictions and needs no database."""
    from sightloop.interfaces.sdk.processes import run_serving

    run_serving(Path(place(folder=folder).folder), host, port)


def status(ws: Workspace) -> Any:
    """Show an overview in counts."""
    return ws.status()


def retention(ws: Workspace) -> Any:
    """Let go of what is older than the settings' section `retention` says: run it each night."""
    return ws.apply_retention()


def fsck(
    ws: Workspace,
    deep: Annotated[bool, typer.Option(help="Verify every blob.")] = False,
    collect: Annotated[bool, typer.Option(help="Sweep up what nobody points at, while nothing is written.")] = False,
) -> Any:
    """Check the stored state: chains, pointers, blobs, aliases."""
    report = ws.fsck(deep=deep, collect=collect)
    if report.problems:
        raise Corrupt(" ".join(report.problems), hint="Restore the folder from a backup, or ask for help.")
    return report


@settings.command("show", example="sightloop settings show --json")
def show(ws: Workspace) -> Any:
    """Show every setting with its value and where that came from: argument, environment, sightloop.toml or default."""
    return Table(ws.settings(), ("name", "value", "source", "meaning"))
