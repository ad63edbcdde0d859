"""What an object's geometry may be, in absolute pixels of the oriented image, origin top left.

box {x, y, width, height}; rotated_box {cx, cy, width, height, angle_deg} (clockwise on the screen); polygon {rings}
(the outer ring, then holes); polyline {points}; mask {size: [height, width], counts} (see masks.py); keypoints
{points: [x, y, visibility]} in the order of the skeleton, visibility 0 (not labelled), 1 (hidden), 2 (visible) as in
COCO; class {}. Of a sweep: cuboid {x, y, z, length, width, height, yaw}: its centre and sizes in metres in the frame of
the sensor, length along its heading, which is yaw radians counter-clockwise from x as seen from above.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from sightloop.errors import InvalidInput
from sightloop.vision.evidence import require
from sightloop.vision.masks import read_runs
from sightloop.vision.pinhole import corners_of

Geometry = dict[str, Any]
Box = tuple[float, float, float, float]

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "class": (),
    "box": ("x", "y", "width", "height"),
    "rotated_box": ("cx", "cy", "width", "height", "angle_deg"),
    "polygon": ("rings",),
    "polyline": ("points",),
    "mask": ("size", "counts"),
    "keypoints": ("points",),
    "cuboid": ("x", "y", "z", "length", "width", "height", "yaw"),
}
GEOMETRY_TYPES: Final = tuple(FIELDS)
MAX_POINTS: Final = 20_000
TOLERANCE_PX: Final = 1.0


def check_geometry(kind: str, geometry: Mapping[str, Any], width: int, height: int, skeleton: int = 0) -> Geometry:
    """The geometry with all numbers as floats.

    Args:
        width, height: of the image, in pixels; what lies up to one pixel outside of it is let pass.
        skeleton: how many points the skeleton of the schema has.

    Raises:
        InvalidInput: not of this kind, not finite, empty, or outside the image.
    """
    if kind not in FIELDS:
        raise InvalidInput(f'There is no geometry type "{kind}".', hint=f"Use {', '.join(FIELDS)}.")
    expected = FIELDS[kind]
    if not (type(geometry) is dict or isinstance(geometry, Mapping)) or geometry.keys() != set(expected):
        hint = f"Give {', '.join(expected)} and nothing else." if expected else "Give {}."
        raise InvalidInput(f"This is no {kind}.", hint=hint)
    if kind == "class":
        return {}
    if kind == "mask":
        return _mask(geometry, width, height)
    if kind == "polygon":
        rings = _list(geometry["rings"], kind, 1, MAX_POINTS)
        drawn = [_points(ring, kind, 2, 3) for ring in rings]
        require(sum(map(len, drawn)) <= MAX_POINTS, "The polygon has too many points.", f"{MAX_POINTS} at most.")
        _inside(kind, [one for ring in drawn for one in ring], width, height)
        require(ring_area(drawn[0]) > 0, "The polygon has no area.", "Draw at least three points that span an area.")
        return {"rings": drawn}
    if kind == "polyline":
        points = _points(geometry["points"], kind, 2, 2)
        _inside(kind, points, width, height)
        return {"points": points}
    if kind == "keypoints":
        return _keypoints(geometry["points"], width, height, skeleton)
    values = {name: _number(geometry[name], kind) for name in expected}
    if kind == "cuboid":
        require(min(values[name] for name in FIELDS[kind][3:6]) > 0, "The cuboid is empty.", "Give it sizes in metres.")
        return {**values, "yaw": math.remainder(values["yaw"], math.tau)}
    if not (values["width"] > 0 and values["height"] > 0):
        raise InvalidInput(f"The {kind} is empty.", hint="Give it a width and a height.")
    if kind == "box":
        x, y = values["x"], values["y"]
        _inside(kind, [(x, y), (x + values["width"], y + values["height"])], width, height)
    else:
        _inside(kind, [(values["cx"], values["cy"])], width, height)
        fits = max(values["width"], values["height"]) <= math.hypot(width, height) + 2 * TOLERANCE_PX
        require(fits and abs(values["angle_deg"]) <= 360, "The rotated_box is no box of this image.", "Draw it anew.")
    return values


def bounds_of(kind: str, geometry: Mapping[str, Any]) -> Box:
    """x, y, width, height of the smallest upright box around a checked geometry; zeros for a class."""
    if kind == "box":
        return (geometry["x"], geometry["y"], geometry["width"], geometry["height"])
    if kind == "mask":
        return _mask_bounds(geometry)
    points = outline_of(kind, geometry)
    if not points:
        return (0.0, 0.0, 0.0, 0.0)
    xs, ys = [one[0] for one in points], [one[1] for one in points]
    return (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def outline_of(kind: str, geometry: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The points that a geometry is drawn with: corners, the outer ring, or the keypoints that are labelled.

    Of a cuboid the corners as seen from above, in metres.
    """
    if kind == "box":
        x, y, w, h = (geometry[name] for name in FIELDS["box"])
        return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    if kind == "rotated_box":
        turn = math.radians(geometry["angle_deg"])
        cos, sin, w, h = math.cos(turn), math.sin(turn), geometry["width"] / 2, geometry["height"] / 2
        corners = [(-w, -h), (w, -h), (w, h), (-w, h)]
        return [(geometry["cx"] + a * cos - b * sin, geometry["cy"] + a * sin + b * cos) for a, b in corners]
    if kind == "polygon":
        return [(x, y) for x, y in geometry["rings"][0]]
    if kind == "polyline":
        return [(x, y) for x, y in geometry["points"]]
    if kind == "keypoints":
        return [(x, y) for x, y, seen in geometry["points"] if seen]
    if kind == "cuboid":
        return [(float(x), float(y)) for x, y in corners_of(geometry)[:4, :2]]
    return []


def ring_area(ring: Sequence[Sequence[float]]) -> float:
    """The area inside a ring, by the shoelace formula."""
    x, y = np.array(ring, float).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _mask(geometry: Mapping[str, Any], width: int, height: int) -> Geometry:
    size = geometry["size"]
    same = isinstance(size, Sequence) and not isinstance(size, str) and list(size) == [height, width]
    require(same, f"The mask's size is not [{height}, {width}], the image's.", "Give [height, width] of the sample.")
    runs = read_runs(geometry["counts"], height, width)
    require(int(runs[1::2].sum()) > 0, "The mask is empty.", "Paint at least one pixel, or remove the object.")
    return {"size": [height, width], "counts": geometry["counts"]}


def _mask_bounds(geometry: Mapping[str, Any]) -> Box:
    height, width = geometry["size"]
    ends = np.cumsum(read_runs(geometry["counts"], height, width))
    starts, lasts = ends[:-1:2], ends[1::2] - 1
    kept = lasts >= starts
    starts, lasts = starts[kept], lasts[kept]
    left, right = int(starts.min() // height), int(lasts.max() // height)
    tall = starts // height != lasts // height  # a run into the next column touches the bottom and the top
    top = 0 if tall.any() else int((starts % height).min())
    bottom = height - 1 if tall.any() else int((lasts % height).max())
    return (float(left), float(top), float(right - left + 1), float(bottom - top + 1))


def _keypoints(values: Any, width: int, height: int, skeleton: int) -> Geometry:
    points = _points(values, "keypoints", 3, 1)
    require(
        len(points) == skeleton,
        f"There are {len(points)} keypoints; the skeleton of the schema has {skeleton}.",
        "Give one for each point of the skeleton, in its order; visibility 0 where there is none.",
    )
    require(all(seen in (0, 1, 2) for _, _, seen in points), "A visibility is not 0, 1 or 2.", "Give [x, y, 0|1|2].")
    seen = [(x, y) for x, y, visible in points if visible]
    require(bool(seen), "No keypoint is labelled.", "Place at least one, or remove the object.")
    _inside("keypoints", seen, width, height)
    return {"points": [[x, y, int(visible)] for x, y, visible in points]}


def _points(values: Any, kind: str, size: int, least: int) -> list[list[float]]:
    found = []
    for one in _list(values, kind, least, MAX_POINTS):
        point = [_number(value, kind) for value in _list(one, kind, size, size)]
        found.append(point)
    return found


def _list(values: Any, kind: str, least: int, most: int) -> Sequence[Any]:
    good = isinstance(values, Sequence) and not isinstance(values, str) and least <= len(values) <= most
    if not good:
        number = f"{least}" if least == most else f"{least} to {most}"
        raise InvalidInput(f"The points of the {kind} are not as they should be.", hint=f"Give a list of {number}.")
    checked: Sequence[Any] = values
    return checked


def _number(value: Any, kind: str) -> float:
    if type(value) is float and -1e9 < value < 1e9:
        return value
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e9:
        raise InvalidInput(f"A number of the {kind} is none, or not finite.", hint="Give pixels of the image.")
    return float(value)


def _inside(kind: str, points: Sequence[Sequence[float]], width: int, height: int) -> None:
    right, bottom = width + TOLERANCE_PX, height + TOLERANCE_PX
    for x, y in points:
        if not (-TOLERANCE_PX <= x <= right and -TOLERANCE_PX <= y <= bottom):
            message = f"The {kind} leaves the image of {width} x {height} pixels."
            raise InvalidInput(message, hint="Give pixels of the oriented image.")
