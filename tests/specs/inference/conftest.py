from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from sightloop.inference import (
    Bundle,
    BundleFacts,
    DecodePool,
    Embedder,
    LinearHead,
    assemble_bundle,
    load_embedder,
)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool(workers=1) as pool:
        yield pool


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return load_embedder()


@pytest.fixture(scope="session")
def head(embedder: Embedder) -> LinearHead:
    rng = np.random.default_rng(0)
    return LinearHead(
        weights=rng.normal(size=(3, 8)),
        bias=rng.normal(size=3),
        mean=rng.normal(size=embedder.dimensions),
        projection=rng.normal(size=(8, embedder.dimensions)) / 50,
    )


@pytest.fixture(scope="session")
def facts() -> BundleFacts:
    return BundleFacts(
        training_run="run-1",
        dataset_version="cells@1",
        label_schema="cells@1",
        code_version="0.1.0",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture(scope="session")
def bundle(embedder: Embedder, head: LinearHead, facts: BundleFacts) -> Bundle:
    return assemble_bundle(embedder, head, temperature=1.5, classes=("crack", "finger", "sound"), facts=facts)
