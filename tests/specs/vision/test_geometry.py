"""Geometry that fits the image passes, all else is refused before anything is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sightloop.errors import InvalidInput
from sightloop.vision import bounds_of, check_geometry, decode_mask, encode_mask

WIDTH, HEIGHT = 20, 10
MASK = np.zeros((HEIGHT, WIDTH), bool)
MASK[2:5, 3:9] = True
GOOD: dict[str, dict[str, Any]] = {
    "class": {},
    "box": {"x": -1, "y": 0, "width": 22, "height": 10},
    "rotated_box": {"cx": 10, "cy": 5, "width": 8, "height": 2, "angle_deg": 30},
    "polygon": {"rings": [[[0, 0], [5, 0], [5, 5]], [[1, 1], [2, 1], [2, 2]]]},
    "polyline": {"points": [[0, 0], [20, 10]]},
    "mask": {"size": [HEIGHT, WIDTH], "counts": encode_mask(MASK)},
    "keypoints": {"points": [[1, 1, 2], [0, 0, 0]]},
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_fits_passes_and_passes_again(kind: str) -> None:
    checked = check_geometry(kind, GOOD[kind], WIDTH, HEIGHT, 2)
    assert check_geometry(kind, checked, WIDTH, HEIGHT, 2) == checked


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("circle", {}),
        ("class", {"x": 1}),
        ("box", {"width": 0}),
        ("box", {"x": float("nan")}),
        ("box", {"x": float("inf")}),
        ("box", {"x": True}),
        ("box", {"x": "1"}),
        ("box", {"x": 1}),
        ("box", {"colour": 1}),
        ("rotated_box", {"cx": 22}),
        ("rotated_box", {"width": 1000}),
        ("rotated_box", {"angle_deg": 1e6}),
        ("polygon", {"rings": []}),
        ("polygon", {"rings": [[[0, 0], [1, 1]]]}),
        ("polygon", {"rings": [[[0, 0], [1, 1], [2, 2]]]}),
        ("polygon", {"rings": [[[0, 0], [50, 0], [5, 5]]]}),
        ("polygon", {"rings": [[[0, 0], [5, 0], [5, 5]]] * 7000}),
        ("polygon", {"rings": "0,0,1,1"}),
        ("polyline", {"points": [[0, 0]]}),
        ("polyline", {"points": [[0, 0, 0], [1, 1, 1]]}),
        ("mask", {"size": [WIDTH, HEIGHT]}),
        ("mask", {"size": [1 << 40, 1 << 40]}),
        ("mask", {"counts": ""}),
        ("mask", {"counts": "P"}),
        ("mask", {"counts": "o" * 40 + "0"}),
        ("mask", {"counts": "é"}),
        ("mask", {"counts": [1, 2]}),
        ("mask", {"counts": encode_mask(np.zeros((HEIGHT, WIDTH), bool))}),
        ("mask", {"counts": encode_mask(np.ones((HEIGHT, WIDTH + 1), bool))}),
        ("mask", {"counts": "0" * 2_000_000}),
        ("keypoints", {"points": [[1, 1, 2]]}),
        ("keypoints", {"points": [[1, 1, 3], [0, 0, 0]]}),
        ("keypoints", {"points": [[0, 0, 0], [0, 0, 0]]}),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        check_geometry(kind, {**GOOD.get(kind, {}), **change}, WIDTH, HEIGHT, 2)


def test_the_text_of_a_mask_is_that_of_the_coco_tools() -> None:
    assert encode_mask(np.eye(3, dtype=bool)) == "013000"
    assert encode_mask(MASK) == "P137000000000\\3"


@settings(max_examples=150, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 70), st.integers(1, 70))))
def test_a_mask_comes_back_from_its_text(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    assert (decode_mask(encode_mask(mask), *mask.shape) == mask).all()


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=40))
def test_a_text_that_is_no_mask_is_refused_or_read_to_the_pixel(text: str) -> None:
    try:
        found = decode_mask(text, 7, 9)
    except InvalidInput:
        return
    assert found.shape == (7, 9)


@settings(max_examples=150, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 30))).filter(lambda one: bool(one.any())))
def test_the_bounds_of_a_mask_hold_all_of_it_and_no_more(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    rows, columns = np.nonzero(mask)
    box = bounds_of("mask", {"size": list(mask.shape), "counts": encode_mask(mask)})
    left, top = float(columns.min()), float(rows.min())
    assert box == (left, top, float(columns.max()) + 1 - left, float(rows.max()) + 1 - top)
