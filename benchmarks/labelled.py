"""Labelled items that look like a dataset's, for whoever tries the label formats: drawn from a seed, without media."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sightloop.datasets.formats.rows import ExportItem, FormatObject, Items
from sightloop.domain import DatasetVersion, LabelSchema, digest_of
from sightloop.vision import encode_mask

KINDS = ("class", "box", "rotated_box", "polygon", "polyline", "mask", "keypoints")
WIDTH, HEIGHT = 96, 72
SCHEMA = LabelSchema(
    "sch_1", "parts", 1, ("bolt", "crack", "loose wire"), KINDS, {"deep": {"type": "bool"}},
    skeleton={"points": ["a", "b", "c"], "edges": [[0, 1], [1, 2]]},
)  # fmt: skip


def labelled(
    images: int, objects: int, kinds: Sequence[str] = KINDS, splits: Sequence[str] = ("test", "train"), seed: int = 0
) -> tuple[LabelSchema, Items]:
    """The schema, and so many images of each split, with so many objects each; kinds take turns.

    The kind "class" gives each image a class of its own.
    """
    shapes = [kind for kind in kinds if kind != "class"]
    version = DatasetVersion("dsv_1", "parts", 1, "0" * 64, "", {}, {}, datetime(2026, 1, 1, tzinfo=UTC))

    def make(split: str) -> Iterator[ExportItem]:
        for i in range(images):
            noise = np.random.default_rng((seed, splits.index(split), i))
            many = objects if shapes else 0
            drawn = [drawn_object(noise, shapes[(i * objects + j) % len(shapes)]) for j in range(many)]
            digest = digest_of(f"{split} {i}".encode())
            label = SCHEMA.classes[i % 3] if "class" in kinds else ""
            yield ExportItem(f"{i:06d}.png", digest, split, label, WIDTH, HEIGHT, objects=drawn, number=i + 1)

    return SCHEMA, Items(version, tuple(sorted(splits)), make)


def drawn_object(noise: np.random.Generator, kind: str) -> FormatObject:
    """An object of the kind, inside the image."""
    x, y = (round(float(one), 3) for one in noise.uniform(20, 40, 2))
    w, h = (round(float(one), 3) for one in noise.uniform(4, 18, 2))
    ring = [[x, y], [x + w, y + 1], [x + w / 2, y + h]]
    made: dict[str, dict[str, Any]] = {
        "box": {"x": x, "y": y, "width": w, "height": h},
        "rotated_box": {"cx": x, "cy": y, "width": w, "height": h, "angle_deg": round(w, 1)},
        "polygon": {"rings": [ring]},
        "polyline": {"points": ring},
        "keypoints": {"points": [[*ring[0], 2], [*ring[1], 1], [0.0, 0.0, 0]]},
    }
    geometry = made.get(kind, {})
    if kind == "mask":
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[int(y) : int(y + h), int(x) : int(x + w)] = noise.random((int(y + h) - int(y), int(x + w) - int(x))) < 0.8
        mask[int(y), int(x)] = True
        geometry = {"size": [HEIGHT, WIDTH], "counts": encode_mask(mask)}
    deep = {"deep": bool(noise.random() < 0.5)} if kind == "box" else {}
    return FormatObject(str(noise.choice(SCHEMA.classes)), kind, geometry, deep)
