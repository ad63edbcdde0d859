"""A workspace of many samples, made through the storage layer: `python -m benchmarks.large_workspace FOLDER`.

Nothing is decoded or embedded, so 100,000 samples take minutes. The pictures are drawn: electroluminescence images of
solar cells, of two kinds, on six lines, with four defects; each is a WebP of 96 px that is medium and thumbnail at
once. Vectors are float16 around one centre for each kind and defect, in the table of the embedder that is installed.
Labels come from people, a model and a rule; a share has none. Predictions lie in the log over thirty days. The same
seed makes the same workspace, times and ids of annotations aside. Perceptual hashes are drawn, so that nothing is a
near-duplicate; blur is a variance of differences; and nothing waits for the disk.
"""

from __future__ import annotations

import argparse
import base64
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

import sightloop.storage.places
from sightloop.app import Installation, open_installation
from sightloop.datasets import NewAnnotation
from sightloop.datasets.catalogue import SAMPLES_TABLE, sample_id
from sightloop.datasets.rows import sample_row, samples_table, vectors_table
from sightloop.domain import AuthorKind, Basis, Caller, Role, Sample, digest_of
from sightloop.settings import load_settings
from sightloop.storage import move_pointer

SIDE: Final = 96
CHUNK: Final = 2000
KINDS: Final = ("mono", "poly")
DEFECTS: Final = ("ok", "crack", "finger", "dark area", "hot spot")
SHARES: Final = (0.7, 0.12, 0.08, 0.06, 0.04)
LINES: Final = tuple("ABCDEF")
BEGAN: Final = datetime(2026, 10, 1, 6, tzinfo=UTC)
CALLER: Final = Caller("default", "usr_bench", Role.ADMIN)
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cell:
    """One drawn sample: its bytes, what was measured on it, and what it shows."""

    number: int
    data: bytes
    kind: str
    defect: str
    line: str
    colour: int
    phash: int
    measures: tuple[float, float, float]


def main() -> None:
    """Makes the workspace and says how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--predictions", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began = time.perf_counter()
    asked.folder.mkdir(parents=True, exist_ok=True)
    installation = open_installation(asked.folder, load_settings(asked.folder, {}))
    sightloop.storage.places.__dict__["sync"] = lambda path: None
    try:
        make(installation, asked.samples, asked.predictions, asked.seed)
    finally:
        installation.close()
    print(f"{asked.samples} samples in {time.perf_counter() - began:.0f} s", file=sys.stderr)


def make(installation: Installation, samples: int, predictions: int = 0, seed: int = 0) -> list[str]:
    """The ids of the samples that the default workspace of the installation now holds, in the order of drawing."""
    schema = installation.datasets.create_schema(CALLER, "cell-states", DEFECTS)
    dimensions = installation.embedder.dimensions
    centres = np.random.default_rng(seed).normal(0, 1, (len(KINDS) * len(DEFECTS), dimensions)).astype(np.float32)
    ids: list[str] = []
    cells: list[tuple[str, str]] = []
    for number, chunk in enumerate(_drawn(samples, seed)):
        noise = np.random.default_rng((seed, 1, number))
        ids += _take_in(installation, chunk, centres, noise)
        cells += [(digest_of(one.data), one.defect) for one in chunk]
        print(f"{len(ids)}/{samples}", end="\r", file=sys.stderr)
    _label(installation, schema.id, ids, [defect for _, defect in cells], np.random.default_rng((seed, 3)))
    installation.datasets.create(CALLER, "cells", schema.id)
    installation.datasets.commit(
        CALLER, "cells", add={one: _SPLITS[number % 10] for number, one in enumerate(ids)}, note="all cells"
    )
    _predict(installation, cells, predictions, np.random.default_rng((seed, 2)))
    return ids


_SPLITS: Final = ("train",) * 7 + ("calibration", "test", "test")


def _drawn(samples: int, seed: int) -> Iterator[list[Cell]]:
    with get_context("spawn").Pool(2) as pool:
        starts = range(0, samples, CHUNK)
        asked = ((seed, start, min(CHUNK, samples - start)) for start in starts)
        yield from pool.imap(_draw_chunk, asked)


def _draw_chunk(asked: tuple[int, int, int]) -> list[Cell]:
    seed, start, count = asked
    noise = np.random.default_rng((seed, 0, start))
    return [_draw(noise, start + number) for number in range(count)]


def _draw(noise: np.random.Generator, number: int) -> Cell:
    kind, line = KINDS[int(noise.random() < 0.45)], LINES[int(noise.integers(len(LINES)))]
    defect = str(noise.choice(DEFECTS, p=SHARES))
    light = _cell(noise, kind)
    _DRAW[defect](noise, light)
    light *= np.float32(0.75 + 0.25 * noise.random() + (0.12 if line == "F" else 0))
    grey = (light.clip(0, 1) * 255).astype(np.uint8)
    tint = _TINTS[line]
    pixels = (grey[..., None] * tint).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=72, method=0)
    red, green, blue = np.rint(grey.mean() * tint).astype(int).tolist()
    measures = float(grey.mean()) / 255, float(grey.std()) / 255, float(np.diff(grey[::4].astype(np.int16)).var())
    return Cell(
        number, buffer.getvalue(), kind, defect, line, red << 16 | green << 8 | blue,
        int(noise.integers(2**63)), measures,
    )  # fmt: skip


_TINTS: Final = {
    line: np.array(tint, np.float32)
    for line, tint in zip(
        LINES,
        ((1, 1, 1), (0.93, 0.97, 1), (1, 0.95, 0.88), (0.85, 0.95, 1), (0.95, 1, 0.93), (1, 0.88, 0.8)),
        strict=True,
    )
}
_Y, _X = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
_FROM_MIDDLE = ((_X - SIDE / 2) ** 2 + (_Y - SIDE / 2) ** 2) / (SIDE / 2) ** 2
_CORNERS = np.abs(_X - SIDE / 2) + np.abs(_Y - SIDE / 2) > SIDE * 0.86
_GRAIN = np.random.default_rng(0).normal(0, 0.02, (2 * SIDE, 2 * SIDE)).astype(np.float32)


def _cell(noise: np.random.Generator, kind: str) -> Plane:
    """A clean cell: grains where it is polycrystalline, rounded corners where not, busbars and fingers."""
    side = 24 if kind == "poly" else 5
    rough = noise.normal(0, 0.13 if kind == "poly" else 0.05, (side, side)).astype(np.float32)
    light = np.float32(0.62) + rough[_Y.astype(int) * side // SIDE, _X.astype(int) * side // SIDE]
    light -= np.float32(0.16 * noise.random()) * _FROM_MIDDLE
    light[:, ::4] -= 0.04
    bars = int(noise.integers(2, 5))
    for bar in range(bars):
        middle = int((bar + 0.5) * SIDE / bars)
        light[middle - 1 : middle + 2] = 0.22
    if kind == "mono":
        light[_CORNERS] = 0.05
    light[:2] = light[-2:] = light[:, :2] = light[:, -2:] = 0.05
    top, left = noise.integers(0, SIDE, 2)
    return np.asarray(light + _GRAIN[top : top + SIDE, left : left + SIDE])


def _nothing(noise: np.random.Generator, light: Plane) -> None:
    """A good cell."""


def _crack(noise: np.random.Generator, light: Plane) -> None:
    for _ in range(int(noise.integers(1, 4))):
        at, angle = noise.uniform(0.2 * SIDE, 0.8 * SIDE, 2), noise.uniform(0, np.pi)
        steps = np.arange(int(noise.integers(30, 80)))
        wander = np.cumsum(noise.normal(0, 0.5, len(steps)))
        x = at[0] + steps * np.cos(angle) - wander * np.sin(angle)
        y = at[1] + steps * np.sin(angle) + wander * np.cos(angle)
        inside = (x > 1) & (x < SIDE - 2) & (y > 1) & (y < SIDE - 2)
        light[y[inside].astype(int), x[inside].astype(int)] = 0.08
        light[y[inside].astype(int) + 1, x[inside].astype(int)] *= 0.5


def _finger(noise: np.random.Generator, light: Plane) -> None:
    for _ in range(int(noise.integers(2, 7))):
        column, top = int(noise.integers(4, SIDE - 4)), int(noise.integers(0, SIDE // 2))
        light[top : top + int(noise.integers(20, 64)), column : column + 2] *= 0.45


def _dark(noise: np.random.Generator, light: Plane) -> None:
    x, y = noise.uniform(0, SIDE, 2)
    width, height = noise.uniform(15, 45, 2)
    light *= 1 - 0.8 * np.exp(-(((_X - x) / width) ** 2 + ((_Y - y) / height) ** 2))


def _hot(noise: np.random.Generator, light: Plane) -> None:
    x, y = noise.uniform(16, SIDE - 16, 2)
    light += 0.6 * np.exp(-((_X - x) ** 2 + (_Y - y) ** 2) / (2 * noise.uniform(3, 8) ** 2))


_DRAW: Final = dict(zip(DEFECTS, (_nothing, _crack, _finger, _dark, _hot), strict=True))


def _take_in(
    installation: Installation, cells: Sequence[Cell], centres: npt.NDArray[np.float32], noise: np.random.Generator
) -> list[str]:
    store = installation.stores.workspace(CALLER.workspace)
    digests = store.blobs.put_many([one.data for one in cells])
    ids = [sample_id(CALLER, digest) for digest in digests]
    rows = [
        sample_row(_sample(cell, sample, digest), run="", location="")
        for cell, sample, digest in zip(cells, ids, digests, strict=True)
    ]
    cluster = [KINDS.index(one.kind) * len(DEFECTS) + DEFECTS.index(one.defect) for one in cells]
    vectors = noise.standard_normal((len(cells), centres.shape[1]), np.float32)
    vectors += centres[cluster]
    written = {
        SAMPLES_TABLE: samples_table(rows),
        installation.datasets._similarity.table: vectors_table(ids, vectors.astype(np.float16)),
    }
    versions = {name: store.tables.append(name, table) for name, table in written.items()}
    with installation.events.change(CALLER, "samples.ingest", SAMPLES_TABLE) as change:
        for name, version in versions.items():
            move_pointer(change.connection, CALLER.workspace, name, version)
        change.emit("sightloop.samples.ingested", {"run": "", "ingested": len(ids), "known": 0, "quarantined": 0})
    return ids


def _sample(cell: Cell, sample: str, digest: str) -> Sample:
    brightness, contrast, blur = cell.measures
    batch = cell.number // 500
    return Sample(
        id=sample,
        media_digest=digest,
        source=f"line {cell.line}",
        name=f"{cell.line}/{batch:04d}/{cell.number:07d}.webp",
        size_bytes=len(cell.data),
        format="WEBP",
        width=SIDE,
        height=SIDE,
        channels=3,
        brightness=brightness,
        contrast=contrast,
        blur=blur,
        phash=f"{cell.phash:016x}",
        phash_version="drawn",
        thumbnail_digest=digest,
        captured_at=BEGAN + timedelta(seconds=30 * cell.number),
        ingested_at=BEGAN + timedelta(minutes=30 * batch + 30),
        metadata={
            "cell_type": cell.kind, "line": cell.line, "shift": ("early", "late", "night")[batch % 3],
            "batch": f"b{batch:04d}", "temperature_c": round(22 + 6 * np.sin(batch / 9) + cell.phash % 100 / 50, 2),
            "position": cell.number % 60,
        },
        mean_colour=cell.colour,
    )  # fmt: skip


_SAID: Final = (
    (0.35, AuthorKind.PERSON, "usr_ines", Basis.DRAWN),
    (0.45, AuthorKind.PERSON, "usr_omar", Basis.CORRECTED),
    (0.62, AuthorKind.MODEL, "mdv_drawn", Basis.AUTO_ACCEPTED),
    (0.68, AuthorKind.RULE, "rul_drawn", Basis.AUTO_ACCEPTED),
)


def _label(
    installation: Installation, schema: str, ids: Sequence[str], defects: Sequence[str], noise: np.random.Generator
) -> None:
    """Labels for about two thirds; one in fifty is wrong."""
    written = []
    for sample, defect, drawn in zip(ids, defects, noise.random(len(ids)).tolist(), strict=True):
        said = next((one for one in _SAID if drawn < one[0]), None)
        if said is not None:
            label = defect if drawn * 1000 % 1 > 0.02 else str(noise.choice(DEFECTS))
            written.append(
                NewAnnotation(sample, schema, label, said[3], said[2], said[1], duration_s=float(noise.gamma(2, 1.4)))
            )
    with installation.events.change(CALLER, "labels.import", schema) as change:
        installation.datasets.annotations.write(change, CALLER, written)
        change.emit("sightloop.labels.imported", {"schema": schema, "written": len(written)})


def _predict(
    installation: Installation, cells: Sequence[tuple[str, str]], count: int, noise: np.random.Generator
) -> None:
    """Predictions in the log, at an even pace over thirty days; from the twentieth on the model is less sure."""
    for start in range(0, count, CHUNK):
        records = []
        for number in range(start, min(start + CHUNK, count)):
            digest, defect = cells[int(noise.integers(len(cells)))]
            late = number > count * 2 / 3
            score = float(noise.beta(8 if not late else 4, 1.6))
            label = defect if noise.random() < 0.4 + 0.6 * score else str(noise.choice(DEFECTS))
            records.append(_prediction(number, digest, label, score, number / count, noise))
        installation.predictions.write_batch(CALLER.workspace, records)


def _prediction(
    number: int, digest: str, label: str, score: float, share: float, noise: np.random.Generator
) -> dict[str, Any]:
    others = [(1 - score) / (len(DEFECTS) - 1)] * len(DEFECTS)
    others[DEFECTS.index(label)] = score
    return {
        "id": f"prd_drawn{number:08d}",
        "deployment": "line",
        "model_version": "mdv_first" if share < 0.5 else "mdv_second",
        "made_at": (BEGAN + timedelta(days=30 * share)).isoformat(),
        "media_digest": digest,
        "label": label,
        "score": score,
        "classes": list(DEFECTS),
        "probabilities": others,
        "embedding": base64.b64encode(np.zeros(4, "<f2").tobytes()).decode(),
        "brightness": 0.5,
        "contrast": 0.2,
        "blur": 90.0,
        "trace_id": "",
        "deadline_ms": 0.0,
        "latency_ms": float(noise.gamma(6, 3.5)),
        "purpose": "",
    }


if __name__ == "__main__":
    main()
