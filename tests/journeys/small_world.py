"""An installation with a few labelled pictures and a dataset version, enough to knock at every door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

import sightloop
from sightloop.interfaces.cli.tree import app
from sightloop.interfaces.sdk import Workspace
from tests.specs.interfaces.house import write_pictures

CLASSES = ("dark", "bright")


@dataclass(frozen=True)
class SmallWorld:
    """One opened folder, reached by its three doors."""

    folder: Path
    ws: Workspace

    @property
    def rest(self) -> httpx.Client:
        """The owner's client under /api/v1."""
        return self.ws._connection.http

    def command(self, *words: str) -> Any:
        """What `sightloop ... --folder FOLDER` did: exit code, stdout, stderr."""
        return CliRunner().invoke(app, [*words, "--folder", str(self.folder)])

    def state(self) -> dict[str, Any]:
        """All that a request could have changed, in short."""
        ws = self.ws
        versions = [version for model in ws.models.list() for version in ws.models.versions(model.name)]
        return {
            "status": ws.status(),
            "versions": ws.datasets.versions("cells"),
            "models": versions,
            "heads": ws.labels.heads("cells"),
            "schema": ws.schemas.get("cells"),
            "policies": ws.policies.list(),
            "receipts": list(ws.receipts.list()),
        }


@contextmanager
def small_world(home: Path, settings: Mapping[str, Any] | None = None) -> Iterator[SmallWorld]:
    """Eight pictures, labelled in turn, as cells@1: half of them train, half test."""
    write_pictures(home / "images", 8)
    with sightloop.connect(home / "installation", settings=settings) as ws:
        ws.ingest(home / "images")
        samples = [sample.id for sample in ws.samples.list()]
        ws.schemas.create("cells", CLASSES)
        ws.labels.import_("cells", {one: CLASSES[i % 2] for i, one in enumerate(samples)})
        cells = ws.datasets.create("cells", schema="cells")
        cells.commit(add={one: "train" if i < 4 else "test" for i, one in enumerate(samples)})
        yield SmallWorld(home / "installation", ws)
