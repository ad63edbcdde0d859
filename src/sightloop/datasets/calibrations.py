"""Calibrations: where the sensors of a rig stand to each other, and how its cameras draw; versioned by content.

    {"sensors": {
        "left": {"to_rig": [[...4], [...4], [...4], [...4]], "fx": 721.5, "fy": 721.5, "cx": 609.6, "cy": 172.9,
                 "distortion": [k1, k2, p1, p2, k3]},
        "lidar": {"to_rig": [...]}}}

Sensors are called as the slots of a group. `to_rig` takes points of the sensor's frame into the rig's, in metres: it
turns and shifts, and neither stretches nor mirrors. A camera's frame has x to the right, y down and z ahead, and its
pixels have their origin at the top left; a lidar's is that of its file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.merkle import canonical
from sightloop.datasets.schemas import check_name
from sightloop.domain import Caller, derived_id, now
from sightloop.errors import InvalidInput, not_found
from sightloop.events import Events
from sightloop.storage import Records, insert_once
from sightloop.vision import Lens, inverse

MOST_SENSORS: Final = 64
_LENS: Final = ("fx", "fy", "cx", "cy")
_KNOWN: Final = frozenset({"to_rig", "distortion", *_LENS})
_HINT: Final = 'Write {"sensors": {"left": {"to_rig": 4 rows of 4, "fx", "fy", "cx", "cy"}, "lidar": {"to_rig": ...}}}.'

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """One version of a rig's calibration; its id derives from name and content.

    Attributes:
        document: {"sensors": {name: {"to_rig", and of a camera "fx", "fy", "cx", "cy", "distortion"}}}.
    """

    id: str
    name: str
    version: int
    document: Mapping[str, Any]
    made_at: datetime

    def holds(self, sensor: str) -> bool:
        return sensor in self.document["sensors"]

    def lens(self, sensor: str) -> Lens | None:
        """How the sensor draws; None where it is no camera."""
        said = self.document["sensors"][sensor]
        if "fx" not in said:
            return None
        k1, k2, p1, p2, k3 = said["distortion"]
        return Lens(said["fx"], said["fy"], said["cx"], said["cy"], (k1, k2, p1, p2, k3))

    def between(self, one: str, other: str) -> Matrix:
        """The matrix (4, 4) from the frame of one sensor into that of the other."""
        sensors = self.document["sensors"]
        there: Matrix = inverse(np.array(sensors[other]["to_rig"])) @ np.array(sensors[one]["to_rig"])
        return there


class Calibrations:
    """The calibrations of a workspace."""

    def __init__(self, records: Records, events: Events) -> None:
        self._records = records
        self._events = events

    def put(self, caller: Caller, name: str, document: Mapping[str, Any]) -> Calibration:
        """The calibration; other content under a known name makes its next version. Raises InvalidInput."""
        check_name("calibration", name)
        checked = checked_document(document)
        home = tables.calibrations
        id = derived_id("cal", caller.workspace, name, canonical(checked))
        held = [one for one in self.list(caller) if one.name == name]
        if all(one.id != id for one in held):
            row = {
                "workspace_id": caller.workspace, "id": id, "name": name, "document": checked,
                "version": max((one.version for one in held), default=0) + 1, "made_at": now().isoformat(),
            }  # fmt: skip
            with self._events.change(caller, "calibration.put", id) as change:
                if insert_once(change.connection, home, [row]):
                    change.emit("sightloop.calibration.put", {"name": name, "version": row["version"]})
        return self.get(caller, id)

    def get(self, caller: Caller, name_or_id: str) -> Calibration:
        """A calibration by id; a name means its newest version."""
        found = [one for one in self.list(caller) if name_or_id in (one.id, one.name)]
        if not found:
            raise not_found("calibration", name_or_id, hint="List them: sightloop calibration list")
        return found[-1]

    def list(self, caller: Caller) -> Sequence[Calibration]:
        """All versions, by name and version."""
        home = tables.calibrations
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name, home.c.version)
        with self._records.read() as connection:
            rows = connection.execute(query).all()
        return [
            Calibration(row.id, row.name, row.version, row.document, datetime.fromisoformat(row.made_at))
            for row in rows
        ]


def checked_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with all numbers as floats and its defaults filled in; raises InvalidInput."""
    sensors = document.get("sensors") if set(document) == {"sensors"} else None
    if not isinstance(sensors, Mapping) or not 1 <= len(sensors) <= MOST_SENSORS:
        raise InvalidInput("This is no calibration.", hint=_HINT)
    return {"sensors": {name: _sensor(name, said) for name, said in sensors.items()}}


def _sensor(name: str, said: Any) -> dict[str, Any]:
    if not name or not isinstance(said, Mapping) or "to_rig" not in said or set(said) - _KNOWN:
        raise InvalidInput(f'The sensor "{name[:100]}" is not described as one.', hint=_HINT)
    matrix = _numbers(name, said["to_rig"], (4, 4))
    turn = matrix[:3, :3]
    rigid = np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) and np.linalg.det(turn) > 0
    if not rigid or not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise InvalidInput(f'The matrix of "{name}" does not only turn and shift.', hint="Its last row is 0 0 0 1.")
    found: dict[str, Any] = {"to_rig": matrix.tolist()}
    if set(said) & set(_LENS):
        lens = _numbers(name, [said.get(one) for one in _LENS], (4,))
        if lens[:2].min() <= 0:
            raise InvalidInput(f'A focal length of "{name}" is none.', hint="Give fx and fy in pixels.")
        found |= dict(zip(_LENS, lens.tolist(), strict=True))
        found["distortion"] = _numbers(name, said.get("distortion") or [0.0] * 5, (5,)).tolist()
    return found


def _numbers(name: str, values: Any, shape: tuple[int, ...]) -> Matrix:
    try:
        found = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f'The sensor "{name}" has numbers that are none.', hint=_HINT) from error
    if found.shape != shape or not np.isfinite(found).all() or np.abs(found).max() > 1e9:
        raise InvalidInput(f'The sensor "{name}" has numbers that are missing or not finite.', hint=_HINT)
    return found
