from __future__ import annotations

import numpy as np
import psutil
import pytest
from PIL import Image

from sightloop.errors import InvalidInput, NotFound
from sightloop.inference import DecodePool, DecodeRequest, Embedder, load_embedder

from .images import encoded, noise


def test_an_image_becomes_4608_numbers(embedder: Embedder) -> None:
    vectors = embedder.embed([noise(300, 300)])
    assert vectors.shape == (1, 4608)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_images_of_different_sizes_keep_their_order(embedder: Embedder) -> None:
    images = [noise(300, 300, 1), noise(200, 250, 2), noise(300, 300, 3)]
    together = embedder.embed(images)
    alone = np.concatenate([embedder.embed([image]) for image in images])
    assert np.allclose(together, alone, atol=1e-3)


def test_different_images_have_different_vectors(embedder: Embedder) -> None:
    grey = np.full((300, 300, 3), 128, np.uint8)
    noisy, flat = embedder.embed([noise(300, 300), grey])
    assert np.abs(noisy - flat).max() > 1


def test_the_id_names_the_graph_by_its_digest(embedder: Embedder) -> None:
    assert embedder.id == load_embedder().id
    assert embedder.id.startswith("lite0-pooled-300@1:")


def test_reducing_in_the_decoder_or_in_the_graph_gives_the_same_vector(embedder: Embedder, pool: DecodePool) -> None:
    coarse = Image.fromarray(noise(30, 40)).resize((800, 600), Image.Resampling.BICUBIC)
    reduced = pool.decode(encoded("PNG", np.asarray(coarse)), DecodeRequest(size=(300, 300))).pixels
    assert reduced is not None
    in_decoder, in_graph = embedder.embed([reduced, np.asarray(coarse)])
    assert in_decoder @ in_graph / np.linalg.norm(in_decoder) / np.linalg.norm(in_graph) > 0.999


def test_an_image_too_large_for_the_graph_is_refused(embedder: Embedder) -> None:
    with pytest.raises(InvalidInput, match="5000 x 5000"):
        embedder.embed([np.zeros((5000, 5000, 3), np.uint8)])


def test_memory_that_a_large_image_took_is_given_back_with_the_next_small_one() -> None:
    fresh, process = load_embedder(), psutil.Process()
    small, large = noise(300, 300), noise(4000, 4000)
    fresh.embed([small])
    before = process.memory_info().rss
    fresh.embed([large])
    fresh.embed([small])
    assert process.memory_info().rss - before < 200 << 20


def test_pixels_that_are_not_uint8_colour_are_refused(embedder: Embedder) -> None:
    with pytest.raises(InvalidInput, match=r"float64 \(300, 300\)"):
        embedder.embed([np.zeros((300, 300))])  # type: ignore[list-item]


def test_an_unknown_embedder_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match="lite0"):
        load_embedder("lite9")
