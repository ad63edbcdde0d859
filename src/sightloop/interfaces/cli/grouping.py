"""What --slots and its companions say of which samples are of one moment."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import typer

from sightloop.errors import InvalidInput

Slots = Annotated[
    str,
    typer.Option(help='Samples of one moment: "left=image_2/*.png,lidar=velodyne/*.bin"; the first is the anchor.'),
]
Within = Annotated[str, typer.Option(help='Group by time, at most so far apart: "50ms"; else by what names share.')]
TimeInName = Annotated[bool, typer.Option("--time-in-name", help="The last long number of a name is its Unix time.")]
Layout = Annotated[str, typer.Option(help='"kitti": image_2, velodyne, calib and label_2 are what they are there.')]
_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0}
_TIME: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|)")


def grouping_of(slots: str, within: str, time_in_name: bool) -> dict[str, Any] | None:
    """The grouping of a source; None where no slots are named."""
    pairs = [one.strip().partition("=") for one in slots.split(",") if one.strip()]
    if not pairs:
        if within or time_in_name:
            raise InvalidInput("A grouping needs its slots.", hint='Add --slots "left=image_2/*.png,lidar=velodyne".')
        return None
    plan: dict[str, Any] = {"slots": {slot: pattern for slot, _, pattern in pairs}, "anchor": pairs[0][0]}
    if within:
        found = _TIME.fullmatch(within.strip())
        if not found:
            raise InvalidInput(f'"{within}" is no time.', hint='Write "50ms" or "0.05s".')
        plan["within_s"] = float(found[1]) * _UNITS[found[2]]
    return {**plan, "time": "name"} if time_in_name else plan
