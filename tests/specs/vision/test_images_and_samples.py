from __future__ import annotations

import numpy as np
import pytest

from sightloop.errors import InvalidInput
from sightloop.vision import diverse, have_near, near_duplicates, perceptual_hash, quality, split, uncertain
from sightloop.vision.image_quality import hamming

RNG = np.random.default_rng(11)
PICTURE = (np.add.outer(np.arange(32), np.arange(32) * 2) + RNG.integers(0, 60, (32, 32))).astype(np.uint8)


def test_quality_measures_brightness_and_contrast_as_shares() -> None:
    half = np.zeros((10, 10, 3), np.uint8)
    half[:, 5:] = 255
    measured = quality(half)
    assert [measured.brightness, measured.contrast] == pytest.approx([0.5, 0.5])


def test_a_blurred_image_has_a_smaller_blur_figure() -> None:
    sharp = RNG.integers(0, 256, (40, 40)).astype(np.uint8)
    soft = ((sharp[:-1].astype(int) + sharp[1:]) // 2).astype(np.uint8)
    assert quality(soft).blur < quality(sharp).blur


def test_pixels_of_another_type_are_refused() -> None:
    with pytest.raises(InvalidInput):
        quality(np.zeros((4, 4), np.float32))


def test_the_hash_survives_brightness_and_noise_but_not_another_picture() -> None:
    changed = (PICTURE * 0.9 + RNG.normal(0, 1, (32, 32))).clip(0, 255).astype(np.uint8)
    other = RNG.integers(0, 256, (32, 32)).astype(np.uint8)
    assert hamming(perceptual_hash(PICTURE), perceptual_hash(changed)) <= 6
    assert hamming(perceptual_hash(PICTURE), perceptual_hash(other)) > 6


def test_hashes_only_propose_and_embeddings_confirm() -> None:
    hashes = [0, 1, 3, 2**40 - 1]
    embeddings = np.array([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [1.0, 0.0]])
    found = near_duplicates(hashes, embeddings)
    assert found.groups == ((0, 1),)
    assert (found.proposed_pairs, found.confirmed_pairs) == (2, 1)


def test_near_duplicates_do_not_chain() -> None:
    hashes = [0, 2**6 - 1, 2**12 - 1]
    assert near_duplicates(hashes, np.ones((3, 2))).groups == ((0, 1),)


def test_a_group_is_capped_and_counted() -> None:
    found = near_duplicates(np.zeros(50, np.uint64), np.ones((50, 2)), max_group=20)
    assert [len(group) for group in found.groups] == [20, 20, 10]
    assert (found.largest, found.capped) == (20, 2)


def test_the_uncertain_come_closest_first() -> None:
    assert uncertain(np.array([[0.9, 0.1], [0.5, 0.5], [0.4, 0.6]]), 2).tolist() == [1, 2]


def test_the_diverse_cover_clusters_that_nobody_chose_yet() -> None:
    clusters = np.repeat(np.array([[0.0, 0], [10, 0], [0, 10]]), 5, axis=0)
    assert sorted(i // 5 for i in diverse(clusters, [0], 2, seed=0)) == [1, 2]


def test_groups_stay_together_and_strata_keep_their_shares() -> None:
    groups = np.repeat(np.arange(300), 2)
    strata = np.repeat(RNG.integers(0, 3, 300), 2)
    parts = np.array(split(groups, strata, {"train": 0.7, "test": 0.3, "none": 0.0}, seed=4))
    assert all(len(set(parts[groups == g])) == 1 for g in range(300))
    for stratum in range(3):
        assert np.mean(parts[strata == stratum] == "train") == pytest.approx(0.7, abs=0.02)


def test_a_split_is_the_same_for_the_same_seed_only() -> None:
    groups, strata = np.arange(100), np.zeros(100, np.int64)
    halves = {"a": 0.5, "b": 0.5}
    assert split(groups, strata, halves, 1) == split(groups, strata, halves, 1)
    assert split(groups, strata, halves, 1) != split(groups, strata, halves, 2)


def test_hashes_that_have_a_near_one_are_found_without_comparing_all() -> None:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**63, 3000, np.uint64)
    for bits in (0, 3, 6, 7):  # of some, copies that differ in so many bits
        for i in range(20):
            flipped = random.choice(64, bits, replace=False)
            hashes[random.integers(3000)] = hashes[i] ^ np.bitwise_or.reduce(np.uint64(1) << flipped.astype(np.uint64))
    apart = np.bitwise_count(hashes[:, None] ^ hashes) <= 6
    assert (have_near(hashes, 6) == (apart.sum(1) > 1)).all()
