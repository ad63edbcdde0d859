"""Point clouds: LAS, LAZ, PCD, KITTI velodyne and NumPy become points, and a bird's-eye picture of them.

Sources: ASPRS LAS 1.4 R15; PCD 0.7 (pointclouds.org); KITTI raw data development kit (float32 x, y, z, reflectance).
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from sightloop.inference.modalities.opened import Floats, Opened, Scalar, needs, shown
from sightloop.inference.reasons import refuse

MAX_POINTS: Final = 20_000_000
VIEW_SIDE: Final = 512
KITTI_ROW_BYTES: Final = 16
LAS_POINTS_AT, LAS_POINTS_64_AT = 107, 247  # LAS 1.4 R15, table 3
INTENSITY_NAMES: Final = ("intensity", "reflectance", "i")

Doubles = npt.NDArray[np.float64]


def open_las(data: bytes, _suffix: str) -> Opened:
    """A LAS or LAZ file; coordinates in the units of its own frame, which are taken for metres."""
    laspy: Any = needs("laspy", "lidar")
    if len(data) < 227:
        raise refuse("truncated")
    claimed = int.from_bytes(data[LAS_POINTS_AT : LAS_POINTS_AT + 4], "little")
    if data[24:26] == b"\1\4" and len(data) > LAS_POINTS_64_AT + 8:
        claimed = max(claimed, int.from_bytes(data[LAS_POINTS_64_AT : LAS_POINTS_64_AT + 8], "little"))
    _check_count(claimed)
    with laspy.open(BytesIO(data)) as reader:
        cloud = reader.read()
        packed = bool(reader.header.are_points_compressed)
        made = reader.header.creation_date
    xyz = np.column_stack([np.asarray(axis, np.float64) for axis in (cloud.x, cloud.y, cloud.z)])
    intensity = np.asarray(cloud.intensity, np.float64) / 65535  # unsigned 16 bits, LAS 1.4 R15, table 7
    facts: dict[str, Scalar] = {"surveyed_on": made.isoformat()} if made else {}
    return _opened("LAZ" if packed else "LAS", xyz, intensity, facts)


def open_pcd(data: bytes, _suffix: str) -> Opened:
    """A PCD file: ASCII, binary or compressed."""
    pypcd4: Any = needs("pypcd4", "lidar")
    header = data[:4096].decode("ascii", "replace").split("DATA")[0].split()
    if "POINTS" in header[:-1]:
        _check_count(_count(header[header.index("POINTS") + 1]))
    cloud = pypcd4.PointCloud.from_fileobj(BytesIO(data))
    fields = [str(one).lower() for one in cloud.fields]
    if not {"x", "y", "z"} <= set(fields):
        raise refuse("corrupt", "It has no fields x, y and z.")
    columns = np.asarray(cloud.numpy(), np.float64)
    xyz = columns[:, [fields.index(axis) for axis in "xyz"]]
    named = next((name for name in INTENSITY_NAMES if name in fields), "")
    return _opened("PCD", xyz, columns[:, fields.index(named)] if named else None, {})


def open_kitti(data: bytes, _suffix: str) -> Opened:
    """A velodyne sweep: float32 x forward, y left, z up in metres, and reflectance. It has no signature."""
    if len(data) % KITTI_ROW_BYTES or not data:
        raise refuse("truncated", "A KITTI sweep has 16 bytes a point.")
    _check_count(len(data) // KITTI_ROW_BYTES)
    rows = np.frombuffer(data, "<f4").reshape(-1, 4).astype(np.float64)
    if not np.isfinite(rows).all() or np.abs(rows[:, :3]).max() > 1e4 or not -1 <= rows[:, 3].min() <= 256:
        raise refuse("not_an_image", "A KITTI sweep holds float32 x, y, z and reflectance.")
    return _opened("KITTI", rows[:, :3], rows[:, 3], {})


def open_numpy(data: bytes, _suffix: str) -> Opened:
    """A NumPy array (N, 3) or (N, 4 or more): x, y, z and intensity. Objects, which would be pickles, are refused."""
    try:
        array = np.load(BytesIO(data), allow_pickle=False, max_header_size=4096)
    except ValueError as error:
        raise refuse("corrupt", "It holds no plain numbers.") from error
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise refuse("corrupt", f"A point cloud has the shape (N, 3 or more); this has {array.shape}.")
    _check_count(len(array))
    rows = array.astype(np.float64)
    return _opened("NPY", rows[:, :3], rows[:, 3] if rows.shape[1] > 3 else None, {})


def _opened(format: str, xyz: Doubles, intensity: Doubles | None, facts: dict[str, Scalar]) -> Opened:
    known = np.isfinite(xyz).all(axis=1)
    xyz = xyz[known]
    if not len(xyz):
        raise refuse("corrupt", "It holds no points.")
    strength = np.zeros(len(xyz)) if intensity is None else np.nan_to_num(intensity[known])
    strength = np.clip(strength / max(1.0, float(strength.max())), 0.0, 1.0)
    low, high = xyz.min(0), xyz.max(0)
    view, covered_m2 = _from_above(xyz, low, high)
    points = np.column_stack([xyz - low, strength]).astype(np.float32)
    facts = {
        "points": len(xyz),
        **{f"min_{axis}": round(float(low[i]), 3) for i, axis in enumerate("xyz")},
        **{f"max_{axis}": round(float(high[i]), 3) for i, axis in enumerate("xyz")},
        "points_per_m2": round(len(xyz) / covered_m2, 3),
        "mean_intensity": round(float(strength.mean()), 4),
        **facts,
    }
    return Opened(format, view, "sweep", 3 if intensity is None else 4, 32, facts=facts, points=points)


def _from_above(xyz: Doubles, low: Doubles, high: Doubles) -> tuple[Image.Image, float]:
    """A bird's-eye picture, north (y) up, coloured by the highest point of each cell; and the area that has points."""
    span = max(float(high[0] - low[0]), float(high[1] - low[1]), 1e-6)
    cell = span / (VIEW_SIDE - 1)
    column = ((xyz[:, 0] - low[0]) / cell).astype(int)
    row = ((high[1] - xyz[:, 1]) / cell).astype(int)
    heights: Floats = np.full((row.max() + 1, column.max() + 1), -np.inf, np.float32)
    np.maximum.at(heights, (row, column), (xyz[:, 2] - low[2]).astype(np.float32))
    heights[np.isinf(heights)] = np.nan
    square_m = max(cell, 0.1)  # smaller cells than points lie apart would count the gaps as not covered
    squares = np.unique(((xyz[:, :2] - low[:2]) / square_m).astype(np.int64), axis=0)
    return shown(heights, {"palette": "rainbow"}), len(squares) * square_m**2


def _check_count(points: int) -> None:
    if points > MAX_POINTS:
        raise refuse("too_many_pixels", f"It claims {points} points; the limit is {MAX_POINTS}.")


def _count(text: str) -> int:
    return int(text) if text.isdecimal() else 0
