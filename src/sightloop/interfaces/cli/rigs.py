"""calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.interfaces.cli.commanding import Noun, Table, read_mapping
from sightloop.interfaces.sdk import Workspace

calibration = Noun("Calibrations: where the sensors of a rig stand to each other.")


@calibration.command("put", example="sightloop calibration put rig-7 rig.yaml")
def put(
    ws: Workspace,
    name: str,
    path: Annotated[Path, typer.Argument(help="YAML or JSON: sensors with to_rig, fx, fy, cx, cy, distortion.")],
    kitti: Annotated[bool, typer.Option("--kitti", help="A file of calib/ as KITTI has them.")] = False,
) -> Any:
    """Put a calibration, or its next version."""
    return ws.calibrations.put(name, kitti=path) if kitti else ws.calibrations.put(name, read_mapping(path))


@calibration.command("list", example="sightloop calibration list")
def list_calibrations(ws: Workspace) -> Any:
    """List calibrations, all versions."""
    return Table(ws.calibrations.list(), ("id", "name", "version", "made_at"))


@calibration.command("show", example="sightloop calibration show rig-7")
def show(ws: Workspace, name: Annotated[str, typer.Argument(help="By id, or the newest of a name.")]) -> Any:
    """Show a calibration."""
    return ws.calibrations.get(name)
