"""What the specifications of datasets stand on: a small real embedder, a workspace, pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa
from PIL import Image

from sightloop.datasets import Claims, Datasets
from sightloop.datasets.columns import NO_CLAIMS
from sightloop.domain import Caller, DatasetVersion, LabelSchema, Role
from sightloop.events import Events
from sightloop.runs import Runs
from sightloop.storage import Records, Stores, metadata


class TinyEmbedder:
    """An 8 x 8 picture of each image, as a vector of 192 numbers around nought."""

    id = "tiny@1"
    dimensions = 192
    size = 64
    graph = b""

    def embed(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        small = [np.asarray(Image.fromarray(one).resize((8, 8), Image.Resampling.BOX), np.float32) for one in images]
        return np.stack([(one - one.mean()).ravel() / 128 for one in small])


@dataclass(frozen=True)
class Columns:
    """An answer with its stamp."""

    stamp: str
    table: pa.Table


@dataclass(frozen=True)
class World:
    """An open installation, and a caller in one of its workspaces."""

    datasets: Datasets
    records: Records
    stores: Stores
    events: Events
    runs: Runs
    caller: Caller
    folder: Path

    def elsewhere(self, workspace: str, folder: Path) -> World:
        return replace(self, caller=Caller(workspace, "tester", Role.ADMIN), folder=folder)

    def ingest(self, metadata: Mapping[str, Mapping[str, Any]] | None = None, **source: Any) -> Mapping[str, Any]:
        """The output of an ingest; of this world's folder if no source is given."""
        given = {"kind": "folder", "path": str(self.folder), **source}
        run = self.datasets.ingest(self.caller, given, metadata=metadata)
        return self.runs.wait(self.caller, run.id).output

    def with_pictures(self, count: int, **facets: Sequence[str]) -> World:
        """The same world after an ingest of so many pictures; facets are dealt in turn."""
        for i in range(count):
            (self.folder / f"{i:03}.png").write_bytes(picture(i))
        self.ingest(
            {f"{i:03}.png": {key: values[i % len(values)] for key, values in facets.items()} for i in range(count)}
        )
        return self

    def ids(self) -> list[str]:
        return list(self.datasets.sample_ids(self.caller))

    def named(self, name: str) -> str:
        """The id of the sample of that name."""
        return self.datasets.samples(self.caller, {"name": name}).items[0].id

    def stored(self) -> list[bytes]:
        """Every blob of the workspace."""
        blobs = self.stores.workspace(self.caller.workspace).blobs
        return [blobs.get(digest) for digest in blobs.digests()]

    def forget_table(self, name: str) -> None:
        """The workspace is as if the table had never been written."""
        self.stores.workspace(self.caller.workspace).tables.drop(name)
        pointers = metadata.tables["table_pointers"]
        gone = sa.delete(pointers).where(pointers.c.workspace_id == self.caller.workspace, pointers.c.name == name)
        with self.records.write() as connection:
            connection.execute(gone)

    def columns(self, claims: Claims = NO_CLAIMS, **asked: Any) -> Columns:
        """What the sheet answers to a question."""
        sheet = self.datasets.sheet
        question = sheet.asked(self.caller, **asked)
        return Columns(sheet.stamp(self.caller, question, claims.stamp), sheet.read(self.caller, question, claims))

    def schema(self, *classes: str) -> LabelSchema:
        return self.datasets.create_schema(self.caller, "states", classes or ("ok", "defect"))

    def label(self, labels: Mapping[str, str], schema: str = "states") -> None:
        rows = [{"sample": sample, "label": label} for sample, label in labels.items()]
        self.datasets.import_labels(self.caller, schema, rows)

    def commit(self, name: str = "cells", **arguments: Any) -> DatasetVersion:
        """A version of the named dataset, which is made if there is none."""
        self.datasets.create(self.caller, name, self.schema().id)
        return self.datasets.commit(self.caller, name, **arguments)


def picture(seed: int, format: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture of soft random patches: no two seeds look alike."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


def brighter(data: bytes, by: int) -> bytes:
    """Nearly the same picture."""
    pixels = np.asarray(Image.open(io.BytesIO(data))).astype(int) + by
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
