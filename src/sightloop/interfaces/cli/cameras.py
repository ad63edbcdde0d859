"""camera."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table, read_file
from sightloop.interfaces.sdk import Workspace

camera = Noun("Cameras: sampled frames of a stream, predicted and kept. They run where `sightloop serve` does.")


@camera.command("add", example="sightloop camera add line-1 rtsp://192.168.1.20/stream --deployment line-1")
def add(
    ws: Workspace,
    name: str,
    url: Annotated[str, typer.Argument(help='"rtsp://host/path", "file:PATH" or "device:0".')],
    deployment: Annotated[str, typer.Option(help="What predicts the frames.")] = "",
    every_s: Annotated[float, typer.Option(help="A frame is due so often, in seconds.")] = 1.0,
    keep: Annotated[str, typer.Option(help="Frames that become samples: all, uncertain or none.")] = "none",
    uncertain_below: Annotated[float, typer.Option(help="Score below which a frame is uncertain.")] = 0.8,
    queue: Annotated[int, typer.Option(help="Frames that may wait.")] = 8,
    drop: Annotated[str, typer.Option(help="Of a full queue: oldest, newest or never.")] = "oldest",
    user: Annotated[str, typer.Option(help="Whom the camera knows.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the password of that user.")] = None,
    stopped: Annotated[bool, typer.Option("--stopped", help="Do not start it yet.")] = False,
) -> Any:
    """Add a camera and start it."""
    password = read_file(password_file).decode().strip() if password_file else ""
    return ws.cameras.add(
        name,
        url,
        deployment=deployment or None,
        every_s=every_s,
        keep=keep,
        uncertain_below=uncertain_below,
        queue=queue,
        drop=drop,
        user=user,
        password=password,
        start=not stopped,
    )


@camera.command("list", example="sightloop camera list")
def list_cameras(ws: Workspace) -> Any:
    """List cameras and how they go."""
    return Table(ws.cameras.list(), ("name", "state", "since", "fps", "waiting", "lag_s", "label", "detail"))


@camera.command("show", example="sightloop camera show line-1")
def show(ws: Workspace, name: str) -> Any:
    """Show a camera with what became of its frames."""
    return ws.cameras.get(name)


@camera.command("start", example="sightloop camera start line-1")
def start(ws: Workspace, name: str) -> Any:
    """Start a camera; it goes on after a restart."""
    return ws.cameras.start(name)


@camera.command("stop", example="sightloop camera stop line-1")
def stop(ws: Workspace, name: str) -> Any:
    """Stop a camera, once it has sent what waited."""
    return ws.cameras.stop(name)


@camera.command("remove", example="sightloop camera remove line-1")
def remove(ws: Workspace, name: str) -> Any:
    """Remove a camera; its predictions and samples stay."""
    return ws.cameras.remove(name)
