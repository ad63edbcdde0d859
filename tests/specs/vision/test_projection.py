"""Few numbers for many: principal components, places in the plane, and who has no near neighbour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sightloop.vision import layout, neighbour_distances, principal
from sightloop.vision.projection import BLOCK

Floats = npt.NDArray[np.float32]


def clusters(count: int, width: int = 40, groups: int = 3) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Vectors around a centre for each group, and their groups."""
    noise = np.random.default_rng(0)
    group = noise.integers(0, groups, count)
    centres = noise.normal(0, 1, (groups, width))
    return (centres[group] + noise.normal(0, 0.2, (count, width))).astype(np.float32), group


def test_principal_components_keep_the_groups_apart() -> None:
    vectors, group = clusters(300)
    reduced = principal(vectors.astype(np.float16), seed=0)
    nearest = ((reduced[:, None] - reduced) ** 2).sum(-1) + np.eye(300) * 1e9
    assert (group[nearest.argmin(1)] == group).all()


def test_principal_components_do_not_depend_on_the_length_of_a_vector() -> None:
    vectors, _ = clusters(60)
    assert np.allclose(principal(vectors, 0), principal(vectors * 3, 0), atol=1e-5)


def test_a_layout_repeats_and_keeps_groups_together() -> None:
    vectors, group = clusters(90)
    reduced = principal(vectors, 0)
    places, method = layout(reduced, 0)
    assert "t-SNE" in method
    assert np.array_equal(places, layout(reduced, 0)[0])
    nearest = ((places[:, None] - places) ** 2).sum(-1) + np.eye(90) * 1e9
    assert (group[nearest.argmin(1)] == group).mean() > 0.95


def test_rows_beyond_the_landmarks_lie_with_their_own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightloop.vision.projection.LANDMARKS", 60)
    vectors, group = clusters(240)
    places, method = layout(principal(vectors, 0), 0)
    assert method.endswith("by 60 landmarks")
    centres = np.stack([np.median(places[group == one], axis=0) for one in range(3)])
    assert (((places[:, None] - centres) ** 2).sum(-1).argmin(1) == group).mean() > 0.95


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_a_handful_of_rows_has_a_place_too(count: int) -> None:
    vectors, _ = clusters(count)
    assert layout(principal(vectors, 0), 0)[0].shape == (count, 2)


def test_who_lies_apart_has_the_greatest_distance_in_any_block() -> None:
    vectors, _ = clusters(BLOCK + 50)
    vectors[BLOCK + 7] = -vectors.mean(0) * 5
    reduced = principal(vectors, 0)
    assert neighbour_distances(reduced, 10, 0).argmax() == BLOCK + 7
    assert neighbour_distances(reduced, 10, 0, among=100).argmax() == BLOCK + 7


def test_without_a_layout_library_components_are_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightloop.vision.projection.find_spec", lambda name: None)
    reduced = principal(clusters(40)[0], 0)
    places, method = layout(reduced, 0)
    assert (np.array_equal(places, reduced[:, :2]), method) == (True, "PCA to 2")
