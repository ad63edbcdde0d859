"""Points in space come onto the image where optics put them; what is behind the camera or beyond its lens does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightloop.errors import InvalidInput
from sightloop.vision import Lens, check_geometry, corners_of, inverse, moved, outline_of, seen_at

Triple = tuple[float, float, float]
PLAIN = Lens(100, 200, 50, 60)
BENT = Lens(700, 710, 600, 170, (-0.3, 0.09, 0.001, -0.002, -0.01))
small = st.floats(-1, 1, allow_nan=False)


def pose(turn: float, lean: float, shift: Triple) -> np.ndarray:
    """A matrix (4, 4) of a turn about z, then one about x, then a shift."""
    c, s, d, e = math.cos(turn), math.sin(turn), math.cos(lean), math.sin(lean)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, d, -e], [0, e, d]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = about_x @ about_z, shift
    return matrix


def test_a_point_ahead_stands_at_the_principal_point() -> None:
    assert seen_at(np.array([[0.0, 0, 5]]), PLAIN).tolist() == [[50, 60]]


def test_right_and_down_in_space_are_right_and_down_on_the_image() -> None:
    assert seen_at(np.array([[1.0, 0.5, 2]]), PLAIN).tolist() == [[50 + 100 * 0.5, 60 + 200 * 0.25]]


def test_what_is_behind_the_camera_has_no_place() -> None:
    assert np.isnan(seen_at(np.array([[1.0, 1, -2], [0, 0, 0], [0, 0, 0.01]]), PLAIN)).all()


def test_distortion_displaces_by_the_published_polynomial() -> None:
    """x = 0.5, y = 0 with k1 = 0.1: 1 + 0.1 * 0.25 = 1.025; p2 = 0.01 adds 0.01 * (0.25 + 2 * 0.25) = 0.0075."""
    lens = Lens(1000, 1000, 0, 0, (0.1, 0, 0, 0.01, 0))
    assert seen_at(np.array([[1.0, 0, 2]]), lens)[0] == pytest.approx([1000 * (0.5 * 1.025 + 0.0075), 0])


def test_p1_moves_the_vertical_more_than_the_horizontal() -> None:
    """x = 0.2, y = 0.4: r2 = 0.2; p1 = 0.05 adds 2 * 0.05 * 0.08 = 0.008 across, 0.05 * (0.2 + 0.32) = 0.026 down."""
    lens = Lens(1, 1, 0, 0, (0, 0, 0.05, 0, 0))
    assert seen_at(np.array([[0.2, 0.4, 1]]), lens)[0] == pytest.approx([0.208, 0.426])


def test_points_far_aside_do_not_fold_back_onto_the_image() -> None:
    """r (1 - 0.3 r^2) grows up to r = 1 / sqrt(0.9); beyond that it would come back."""
    lens = Lens(100, 100, 0, 0, (-0.3, 0, 0, 0, 0))
    inside, outside = seen_at(np.array([[1.05, 0, 1], [1.06, 0, 1]]), lens)
    assert not np.isnan(inside).any()
    assert np.isnan(outside).all()


@given(small, small)
@settings(max_examples=60, deadline=None)
def test_the_ray_of_a_pixel_leads_back_to_it(x: float, y: float) -> None:
    """The ray is found by Newton's method on the projection itself, with numeric slopes."""
    wanted = seen_at(np.array([[0.4 * x, 0.4 * y, 1]]), BENT)[0]
    at = (wanted - [BENT.cx, BENT.cy]) / [BENT.fx, BENT.fy]
    for _ in range(20):
        step = 1e-6
        here, right, down = seen_at(np.array([[*at, 1], [at[0] + step, at[1], 1], [at[0], at[1] + step, 1]]), BENT)
        slopes = np.column_stack([right - here, down - here]) / step
        at = at - np.linalg.solve(slopes, here - wanted)
    assert at == pytest.approx([0.4 * x, 0.4 * y], abs=1e-6)


@given(small, small, st.tuples(small, small, small), st.tuples(small, small, small))
@settings(max_examples=60, deadline=None)
def test_the_way_back_is_the_inverse(turn: float, lean: float, shift: Triple, point: Triple) -> None:
    matrix = pose(3 * turn, lean, shift)
    assert moved(moved(np.array([point]), matrix), inverse(matrix))[0] == pytest.approx(point, abs=1e-9)


def test_the_corners_of_a_cuboid_begin_at_its_front_left_and_go_round() -> None:
    cuboid = {"x": 10, "y": 0, "z": 1, "length": 4, "width": 2, "height": 1, "yaw": 0}
    assert corners_of(cuboid)[:4].tolist() == [[12, 1, 0.5], [8, 1, 0.5], [8, -1, 0.5], [12, -1, 0.5]]
    assert corners_of(cuboid)[4:, 2].tolist() == [1.5] * 4


def test_a_quarter_turn_lays_the_length_along_y() -> None:
    cuboid = {"x": 0, "y": 0, "z": 0, "length": 4, "width": 2, "height": 1, "yaw": math.pi / 2}
    assert corners_of(cuboid)[0] == pytest.approx([-1, 2, -0.5])
    assert outline_of("cuboid", cuboid)[0] == pytest.approx((-1, 2))


def test_the_yaw_of_a_checked_cuboid_lies_within_half_a_turn() -> None:
    cuboid = {"x": 0, "y": 0, "z": 0, "length": 4, "width": 2, "height": 1, "yaw": 3 * math.pi / 2}
    assert check_geometry("cuboid", cuboid, 0, 0)["yaw"] == pytest.approx(-math.pi / 2)


@pytest.mark.parametrize("wrong", [{"height": 0}, {"width": -1}, {"yaw": math.nan}, {"x": "near"}, {"roll": 1}])
def test_a_cuboid_without_sizes_or_with_other_fields_is_an_error(wrong: dict[str, Any]) -> None:
    cuboid = {"x": 0, "y": 0, "z": 0, "length": 4, "width": 2, "height": 1, "yaw": 0}
    with pytest.raises(InvalidInput):
        check_geometry("cuboid", {**cuboid, **wrong}, 100, 100)
