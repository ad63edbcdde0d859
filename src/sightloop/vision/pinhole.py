"""Where points in space stand on a camera's image, and the corners of cuboids.

Metres and pixels. A camera's frame has x to the right, y down and z ahead; a rig's frame is whatever its calibration
says. A matrix (4, 4) takes points of one frame into another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

NEAREST_M: Final = 0.05  # what lies nearer to the camera's plane, or behind it, has no place on the image


@dataclass(frozen=True, slots=True)
class Lens:
    """How a camera draws: focal lengths and principal point in pixels, distortion k1, k2, p1, p2, k3 (no unit)."""

    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)


def moved(points: Doubles, matrix: Doubles) -> Doubles:
    """Points (N, 3) in the frame that the matrix leads to."""
    found: Doubles = points @ matrix[:3, :3].T + matrix[:3, 3]
    return found


def inverse(matrix: Doubles) -> Doubles:
    """The matrix that leads back, of one that turns and shifts."""
    back = np.eye(4)
    back[:3, :3] = matrix[:3, :3].T
    back[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
    return back


def seen_at(points: Doubles, lens: Lens) -> Doubles:
    """Pixels (N, 2) of points (N, 3) in the camera's frame; NaN where the camera cannot see them.

    x/z and y/z are displaced radially by k1, k2, k3 and tangentially by p1, p2 (D. C. Brown, "Decentering distortion of
    lenses", Photogrammetric Engineering 32(3), 1966; in the form and order of R. Hartley and A. Zisserman's and of
    OpenCV's camera model), then scaled and shifted. Beyond the angle at which the radial polynomial stops to grow it
    would fold far points back onto the image: they are not seen.
    """
    ahead = points[:, 2] > NEAREST_M
    x, y = (points[:, :2] / np.where(ahead, points[:, 2], np.nan)[:, None]).T
    k1, k2, p1, p2, k3 = lens.distortion
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    seen = ahead & (r2 < _widest(k1, k2, k3))
    u = lens.fx * (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)) + lens.cx
    v = lens.fy * (y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y) + lens.cy
    return np.where(seen[:, None], np.column_stack([u, v]), np.nan)


def corners_of(cuboid: Mapping[str, Any]) -> Doubles:
    """The corners (8, 3) of a checked cuboid: from its front left round to its front right; four below, four above."""
    length, width, height = (cuboid[name] / 2 for name in ("length", "width", "height"))
    sides = np.array([[length, width], [-length, width], [-length, -width], [length, -width]] * 2)
    cos, sin = np.cos(cuboid["yaw"]), np.sin(cuboid["yaw"])
    flat = sides @ np.array([[cos, sin], [-sin, cos]])
    centre = np.array([cuboid[name] for name in ("x", "y", "z")])
    return np.asarray(np.column_stack([flat, np.repeat([-height, height], 4)]) + centre, np.float64)


def _widest(k1: float, k2: float, k3: float) -> float:
    """The square of the radius up to which r (1 + k1 r^2 + k2 r^4 + k3 r^6) grows with r."""
    turns = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
    real = turns[(abs(turns.imag) < 1e-12) & (turns.real > 0)].real
    return float(real.min()) if len(real) else np.inf
