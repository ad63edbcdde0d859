"""Folders in the shape of KITTI's object benchmark: image_2/, velodyne/, calib/, label_2/, with anything before them.

Geiger et al., "Vision meets robotics: the KITTI dataset" (2013), and the readme of the object development kit: P_i is
K [I | t] of the rectified camera i, R0_rect and Tr_velo_to_cam lead from the lidar to the rectified camera 0, in whose
frame labels tell the middle of the bottom face (x, y, z), sizes, and rotation_y about the axis that points down.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets.calibrations import Calibration
from sightloop.errors import InvalidInput
from sightloop.vision import Lens, corners_of, moved, seen_at

CAMERAS: Final = ("image_0", "image_1", "image_2", "image_3")
LIDAR: Final = "velodyne"
RECTIFIED: Final = "rectified"
LABELLED: Final = "image_2"
CLASSES: Final = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
ATTRIBUTES: Final = ("truncated", "occluded", "alpha", "instance")
GROUP: Final[Mapping[str, Any]] = {
    "slots": {**{one: f"**{one}/*" for one in CAMERAS}, LIDAR: f"**{LIDAR}/*"}, "anchor": LABELLED,
}  # fmt: skip
_NAMED: Final = re.compile(r"(?P<before>(?:.*/)?)(?P<folder>[^/]+)/(?P<stem>[^/]+)\.[^/.]+", re.DOTALL)
_HINT: Final = "A line is a name, a colon and 12 numbers (9 of R0_rect), as in KITTI's object benchmark."

Matrix = npt.NDArray[np.float64]
Place = tuple[str, str]


def place_of(name: str) -> tuple[str, Place]:
    """The folder of a file, and the moment that it is of: what stands before the folder, and the name of the file."""
    found = _NAMED.fullmatch(name)
    return (found["folder"], (found["before"], found["stem"])) if found else ("", ("", ""))


def calibration_of(text: str) -> dict[str, Any]:
    """The calibration that a file of calib/ tells: the cameras, the lidar (the rig's frame) and the frame of labels."""
    said: dict[str, Matrix] = {}
    try:
        for line in filter(str.strip, text.splitlines()):
            name, _, numbers = line.partition(":")
            said[name.strip()] = np.array([float(one) for one in numbers.split()])
        lidar = _square(said["Tr_velo_to_cam"].reshape(3, 4))
        straight = _square(np.column_stack([said["R0_rect"].reshape(3, 3), np.zeros(3)]))
        cameras = {name: said[f"P{name[-1]}"].reshape(3, 4) for name in CAMERAS if f"P{name[-1]}" in said}
        rectified = straight @ lidar
        back = np.linalg.inv(rectified)
        sensors: dict[str, Any] = {LIDAR: {"to_rig": np.eye(4).tolist()}, RECTIFIED: {"to_rig": back.tolist()}}
        for name, matrix in cameras.items():
            aside = np.eye(4)
            aside[:3, 3] = np.linalg.solve(matrix[:, :3], matrix[:, 3])
            lens = {"fx": matrix[0, 0], "fy": matrix[1, 1], "cx": matrix[0, 2], "cy": matrix[1, 2]}
            sensors[name] = {"to_rig": np.linalg.inv(aside @ rectified).tolist(), **lens}
    except (KeyError, ValueError, np.linalg.LinAlgError) as error:
        raise InvalidInput("The calibration is none of KITTI's.", hint=_HINT) from error
    return {"sensors": sensors}


def objects_of(text: str, calibration: Calibration | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The boxes on the image and, where there is a calibration, the cuboids in the lidar's frame; without DontCare.

    The attribute `instance`, the line in the file, is the same of a box and its cuboid. Raises ValueError for a line
    that is none.
    """
    boxes, cuboids = [], []
    for number, line in enumerate(filter(str.strip, text.splitlines())):
        kind, *told = line.split()
        values = [float(one) for one in told]
        if len(values) not in (14, 15) or not all(map(math.isfinite, values)):
            raise ValueError("a line of other columns")
        if kind == "DontCare":
            continue
        left, top, right, bottom = values[3:7]
        said = dict(zip(ATTRIBUTES, [*values[:3], float(number)], strict=True))
        box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        boxes.append({"label": kind, "geometry_type": "box", "geometry": box, "attributes": said})
        if calibration is not None and min(values[7:10]) > 0:
            cuboid = cuboid_of(values[7:14], calibration)
            cuboids.append({"label": kind, "geometry_type": "cuboid", "geometry": cuboid, "attributes": said})
    return boxes, cuboids


def cuboid_of(told: Sequence[float], calibration: Calibration) -> dict[str, float]:
    """The cuboid in the lidar's frame of height, width, length, x, y, z and rotation_y of a label.

    A cuboid turns about the lidar's upright alone: by how much the camera is tilted against that, its faces are too.
    """
    height, width, length, x, y, z, turn = told
    matrix = calibration.between(RECTIFIED, LIDAR)
    centre = moved(np.array([[x, y - height / 2, z]]), matrix)[0]
    ahead = matrix[:3, :3] @ [math.cos(turn), 0, -math.sin(turn)]
    sizes = {"length": length, "width": width, "height": height, "yaw": math.atan2(ahead[1], ahead[0])}
    return dict(zip("xyz", map(float, centre), strict=True)) | sizes


def label_of(cuboid: Mapping[str, float], calibration: Calibration) -> dict[str, float]:
    """Height, width, length, x, y, z and rotation_y of a cuboid in the lidar's frame, as a label tells them."""
    matrix = calibration.between(LIDAR, RECTIFIED)
    x, y, z = moved(np.array([[cuboid[one] for one in "xyz"]]), matrix)[0].tolist()
    ahead = matrix[:3, :3] @ [math.cos(cuboid["yaw"]), math.sin(cuboid["yaw"]), 0]
    sizes = {name: cuboid[name] for name in ("height", "width", "length")}
    turn = math.atan2(-ahead[2], ahead[0])
    return {**sizes, "x": x, "y": y + cuboid["height"] / 2, "z": z, "rotation_y": turn}


@dataclass(frozen=True, slots=True)
class Told:
    """How the cuboids of a sweep are told on an image of its group."""

    sweep: str
    calibration: Calibration
    slot: str
    sweep_slot: str
    lens: Lens

    def box(self, cuboid: Mapping[str, Any], width: int, height: int) -> dict[str, float] | None:
        """The bounds on the image of what the camera sees of the corners; None where that is nothing."""
        corners = moved(corners_of(cuboid), self.calibration.between(self.sweep_slot, self.slot))
        seen = seen_at(corners, self.lens)
        seen = seen[~np.isnan(seen).any(1)]
        if not len(seen):
            return None
        (left, top), (right, bottom) = seen.min(0).clip(0, [width, height]), seen.max(0).clip(0, [width, height])
        box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return {name: float(value) for name, value in box.items()} if min(right - left, bottom - top) > 0 else None

    def label(self, cuboid: Mapping[str, Any]) -> dict[str, float]:
        """Its sizes, place and turn as a label tells them."""
        return label_of(cuboid, self.calibration)


def told_by(names: Iterable[str], folder: str) -> dict[Place, str]:
    """The files of one folder by the moment that they are of."""
    placed = ((place_of(name), name) for name in names)
    return {place: name for (found, place), name in placed if found == folder and PurePosixPath(name).suffix == ".txt"}


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0.0, 0.0, 0.0, 1.0]])
