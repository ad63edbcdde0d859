"""A small loop with its media and tables in a bucket: ingest, label, commit, train, serve, read back, sweep up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
from PIL import Image

import sightloop
from sightloop.domain import digest_of
from sightloop.storage.s3 import s3_place
from tests.conformance.seaweed import Bucket

COUNT = 24
CLASSES = ("dark", "bright")

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@dataclass
class Told:
    """What was there before the installation was closed, and what after it was opened again."""

    folder: Path
    bucket: Bucket
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)
    served: str = ""


@pytest.fixture(scope="module")
def told(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Told:
    home = tmp_path_factory.mktemp("on-s3")
    bucket = Bucket(s3_endpoint)
    settings = {"storage": {**bucket.as_arguments(), "orphan_grace_s": 0}}
    told = Told(home / "installation", bucket)
    _write_pictures(home / "images")
    with sightloop.connect(told.folder, settings=settings) as ws:
        ws.ingest(home / "images")
        samples = sorted((sample.name, sample.id) for sample in ws.samples.list())
        ws.schemas.create("cells", CLASSES)
        ws.labels.import_("cells", {one: CLASSES[i % 2] for i, (_, one) in enumerate(samples)})
        for dataset, split, kept in (("cells", "train", 0), ("cells-test", "test", 1)):
            chosen = {one: split for i, (_, one) in enumerate(samples) if i // 2 % 2 == kept}
            ws.datasets.create(dataset, schema="cells").commit(add=chosen)
        run = ws.train(model="cells", dataset="cells@1", test="cells-test@1")
        gate = ws.models.gate(run.output.model_version, minimum_auroc=0.4)
        ws.models.promote("cells", run.output.model_version, gate=gate)
        ws.deployments.deploy("line-1", model="cells")
        told.served = ws.deployments.predict("line-1", next((home / "images").iterdir()).read_bytes()).model_version
        told.before = _questions(ws)
    with sightloop.connect(told.folder, settings=settings) as ws:
        told.after = _questions(ws)
        told.problems = list(ws.fsck(deep=True).problems)
        orphan = digest_of(b"an orphan")
        obstore.put(_objects(bucket), f"default/blobs/{orphan[:2]}/{orphan}", b"an orphan")
        told.orphans = [ws.fsck(collect=collect).orphan_blobs for collect in (False, True, False)]
    return told


def _write_pictures(folder: Path) -> None:
    """Noisy pictures, dark and bright in turn."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number in range(COUNT):
        low = 120 * (number % 2)
        Image.fromarray(noise.integers(low, low + 100, (48, 48, 3), dtype=np.uint8)).save(folder / f"{number:03d}.png")


def _questions(ws: Any) -> dict[str, Any]:
    samples = list(ws.samples.list())
    return {
        "samples": [sample.as_dict() for sample in samples],
        "media": digest_of(ws.samples.media(samples[0].id)),
        "entries": [entry.as_dict() for entry in ws.datasets.entries("cells@1")],
        "labels": {sample: head.as_dict() for sample, head in ws.labels.heads("cells").items()},
        "card": ws.models.card("cells@champion"),
        "predictions": [prediction.as_dict() for prediction in ws.predictions.list()],
    }


def _objects(bucket: Bucket) -> Any:
    return s3_place(bucket.settings()).below("workspaces").objects


@pytest.mark.parametrize("question", ["samples", "media", "entries", "labels", "card", "predictions"])
def test_an_installation_opened_again_gives_the_same_answer(told: Told, question: str) -> None:
    assert told.before[question]
    assert told.after[question] == told.before[question]


def test_the_model_trained_from_the_bucket_serves(told: Told) -> None:
    assert told.served == told.before["predictions"][0]["model_version"]


def test_the_stored_state_is_sound(told: Told) -> None:
    assert told.problems == []


def test_an_orphan_in_the_bucket_is_found_and_swept_up(told: Told) -> None:
    first, swept, after = told.orphans
    assert (swept - first, after, first > 0) == (0, 0, True)


def test_no_medium_and_no_table_lies_in_the_folder(told: Told) -> None:
    assert not (told.folder / "workspaces").exists()
