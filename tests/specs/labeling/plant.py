"""A small plant: pictures of dark and bright parts, and a reviewer who knows which is which."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sightloop.datasets import Datasets
from sightloop.domain import Caller
from sightloop.events import Events
from sightloop.labeling import Campaign, Labeling, QueueItem
from sightloop.runs import Runs
from sightloop.storage import Records, Stores

CLASSES = ("bright", "dark")


class MeanColour:
    """Twelve features: the mean of each channel in each quarter of the image, around nought."""

    id = "mean-colour@1"
    dimensions = 12
    size = 32
    graph = b""

    def embed(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        return np.stack([_quarters(image) for image in images]).astype(np.float32)


@dataclass(frozen=True)
class Plant:
    """The services over one installation, and a caller in one workspace of it."""

    labeling: Labeling
    datasets: Datasets
    records: Records
    events: Events
    stores: Stores
    runs: Runs
    caller: Caller
    truth: dict[str, str] = field(default_factory=dict)

    def elsewhere(self, caller: Caller) -> Plant:
        return replace(self, caller=caller, truth={})

    def with_parts(self, count: int, folder: Path) -> Plant:
        """The same plant after an ingest of so many parts, half of them dark; a label schema "parts" stands."""
        for i in range(count):
            (folder / f"{i:04}.png").write_bytes(part(i))
        run = self.datasets.ingest(self.caller, {"kind": "folder", "path": str(folder)})
        self.runs.wait(self.caller, run.id)
        for sample in self.datasets.samples(self.caller, limit=count).items:
            self.truth[sample.id] = CLASSES[int(sample.name.split(".")[0]) % 2]
        self.datasets.create_schema(self.caller, "parts", CLASSES)
        return self

    def campaign(self, key: str = "campaign", **arguments: object) -> Campaign:
        given: dict[str, object] = {"name": "parts", "schema": "parts", "samples": sorted(self.truth), **arguments}
        return self.labeling.start_campaign(self.caller.keyed(key), **given)  # type: ignore[arg-type]

    def answer(self, item: QueueItem, label: str = "") -> QueueItem:
        """The item, answered with its true label if none is given."""
        chosen = label or self.truth[item.sample]
        verb = "accept" if item.suggestion == chosen else "fix"
        return self.labeling.answer(self.caller.keyed("answer", item.id), item.id, verb, label=chosen, duration_s=2.0)

    def answer_all(self, campaign: Campaign, most: int = 10_000) -> Campaign:
        """The campaign after the reviewer has answered up to `most` items."""
        for _ in range(most):
            item = self.labeling.next_item(self.caller, campaign.id)
            if item is None:
                break
            self.answer(item)
        return self.labeling.campaign(self.caller, campaign.id)


def part(number: int) -> bytes:
    """An even number is a bright part, an odd one a dark part; each looks a little different."""
    noise = np.random.default_rng(number)
    level = (150.0 if number % 2 == 0 else 105.0) + noise.normal(0, 8)
    patches = np.clip(noise.normal(level, 25, (8, 8, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(patches).resize((32, 32), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def _quarters(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    parts = [image[y : y + height, x : x + width].mean(axis=(0, 1)) for y in (0, height) for x in (0, width)]
    return np.concatenate(parts) / 128 - 1
