"""A workspace: nouns with verbs, each verb one REST call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sightloop.interfaces.sdk.backups import Backups
from sightloop.interfaces.sdk.cameras import Cameras
from sightloop.interfaces.sdk.connection import Connection, reference
from sightloop.interfaces.sdk.data import Datasets, Labels, Samples
from sightloop.interfaces.sdk.entities import Entities
from sightloop.interfaces.sdk.labeling import Campaigns, Queue, Reviews
from sightloop.interfaces.sdk.models import Deployments, Models, Predictions
from sightloop.interfaces.sdk.records import Record
from sightloop.interfaces.sdk.rigs import Calibrations
from sightloop.interfaces.sdk.schemas import Schemas
from sightloop.interfaces.sdk.sources import Credentials, Expectations, Quarantine, Sources, Transforms
from sightloop.interfaces.sdk.traces import (
    Audit,
    Keys,
    Lineage,
    Progress,
    Receipts,
    Runs,
    Webhooks,
    Workspaces,
    follow,
)
from sightloop.interfaces.sdk.watching import Alerts, Loop, Monitors, Policies, Rules

_BUCKETS = ("s3://", "gs://", "az://")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
Reference = str | Mapping[str, Any]


class Workspace:
    """One tenant's world. Close it, or use it as a context manager."""

    def __init__(self, connection: Connection, close: Callable[[], None] | None = None) -> None:
        self._connection = connection
        self._close = close
        self.samples = Samples(connection)
        self.sources = Sources(connection)
        self.credentials = Credentials(connection)
        self.transforms = Transforms(connection)
        self.expectations = Expectations(connection)
        self.calibrations = Calibrations(connection)
        self.quarantine = Quarantine(connection)
        self.schemas = Schemas(connection)
        self.datasets = Datasets(connection)
        self.entities = Entities(connection)
        self.labels = Labels(connection)
        self.campaigns = Campaigns(connection)
        self.queue = Queue(connection)
        self.reviews = Reviews(connection)
        self.models = Models(connection)
        self.deployments = Deployments(connection)
        self.predictions = Predictions(connection)
        self.monitors = Monitors(connection)
        self.cameras = Cameras(connection)
        self.rules = Rules(connection)
        self.alerts = Alerts(connection)
        self.policies = Policies(connection)
        self.loop = Loop(connection)
        self.runs = Runs(connection)
        self.receipts = Receipts(connection)
        self.lineage = Lineage(connection)
        self.audit = Audit(connection)
        self.webhooks = Webhooks(connection)
        self.keys = Keys(connection)
        self.workspaces = Workspaces(connection)
        self.backups = Backups(connection)

    def ingest(
        self,
        source: str | Path | Iterable[str | Path],
        *,
        metadata: Mapping[str, Mapping[str, Any]] | None = None,
        copy: bool | None = None,
        credentials: str = "",
        reading: Mapping[str, Any] | None = None,
        include: Sequence[str] = (),
        frames: Mapping[str, Any] | None = None,
        group: Mapping[str, Any] | None = None,
        layout: str = "",
        name: str = "",
        keep_identity: bool = False,
        wait: bool = True,
        progress: Progress = False,
        key: str | None = None,
    ) -> Record:
        """The run that makes samples of a folder, an archive, files or a bucket; ended, unless `wait` is false.

        Args:
            source: "s3://...", "gs://..." and "az://..." name buckets.
            metadata: by file name, relative to the folder or the archive's root.
            copy: False leaves a folder's media where they are, True copies those of a bucket, which stay otherwise.
            credentials: of a bucket, by name.
            reading: what the numbers of the images mean: {"quantity": "temperature", "unit": "°C", "scale": 0.04,
                "offset": -273.15}.
            include: endings that are passed over otherwise, such as ".csv" and ".txt".
            frames: which frames of videos are samples: {"every_s": 1.0}, {"keyframes": True} or {"scenes": 0.3}, and
                "most" of one video, 500 by default.
            group: which samples are of one moment: {"slots": {"left": "image_2/*.png", "lidar": "velodyne/*.bin"},
                "anchor": "left"}, with "within_s" by time instead of by name.
            layout: "kitti" where the folders are image_2, velodyne, calib and label_2: groups, calibrations and labels.
            name: what the samples say of their source; what came in under the same name can be of one moment.
            keep_identity: leaves patients named in DICOM files.
        """
        said = {
            "reading": dict(reading) if reading else None,
            "include": list(include),
            "frames": dict(frames) if frames else None,
            "group": dict(group) if group else None,
            "layout": layout,
            "name": name,
            "identity": "keep" if keep_identity else None,
            "credentials": credentials,
        }
        made = self._source(source, copy=copy, keep_identity=keep_identity)
        body = {"source": made | {name: value for name, value in said.items() if value}, "metadata": metadata}
        return self._run(self._connection.post("/ingests", body, key=key), wait, progress)

    def train(
        self,
        recipe: Mapping[str, Any] | None = None,
        *,
        model: str,
        dataset: Reference,
        test: Reference,
        accept_leaks: str = "",
        wait: bool = True,
        progress: Progress = False,
        key: str | None = None,
    ) -> Record:
        """The run that trains a version of the model on a dataset version; `output.model_version` names it.

        Args:
            accept_leaks: why samples that belong together may stand both in training and in the test.
        """
        body = {"recipe": recipe or {}, "model": model, "dataset": reference(dataset), "test": reference(test)}
        body |= {"accept_leaks": accept_leaks} if accept_leaks else {}
        return self._run(self._connection.post("/trainings", body, key=key), wait, progress)

    def evaluate(self, version: Reference, *, test: Reference, wait: bool = True, key: str | None = None) -> Record:
        """The run that evaluates a model version on another test version."""
        body = {"model_version": reference(version), "test": reference(test)}
        return self._run(self._connection.post("/evaluations", body, key=key), wait, False)

    def find_label_errors(
        self, version: Reference, *, wait: bool = True, progress: Progress = False, key: str | None = None
    ) -> Record:
        """The run that ranks the probably wrong labels of a dataset version: `output.suspects`, worst first."""
        body = {"dataset_version": reference(version)}
        return self._run(self._connection.post("/label-errors", body, key=key), wait, progress)

    def check_recipe(self, recipe: Mapping[str, Any]) -> Record:
        """The recipe with every default filled in."""
        return self._connection.post("/recipes/validate", {"recipe": recipe})

    def events(self, *, after: int = 0, wait: bool = True) -> Iterator[Record]:
        """Events in order, as they happen; with `wait` false only those that there are."""
        return follow(self._connection, after=after, follow=wait)

    def fsck(self, *, deep: bool = False, collect: bool = False) -> Record:
        """What is wrong with the stored state. `deep` verifies every blob; `collect` sweeps up orphans."""
        return self._connection.post("/fsck", {"deep": deep, "collect": collect})

    def apply_retention(self) -> Record:
        """What was let go because it is older than the settings' section `retention` says."""
        return self._connection.post("/retention")

    def status(self) -> Record:
        """An overview in counts."""
        return self._connection.get("/status")

    def overview(self) -> Record:
        """Where the circle stands: counts by stage, what waits for a person, the story of the newest whole cycle."""
        return self._connection.get("/overview")

    def settings(self) -> Sequence[Record]:
        """Every setting with its value and meaning."""
        return self._connection.items("/settings")

    def close(self) -> None:
        """Ends the connection, and the installation where it was opened by this workspace."""
        self._connection.close()
        if self._close is not None:
            close, self._close = self._close, None
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, run: Record, wait: bool, progress: Progress) -> Record:
        return self.runs.wait(run, progress=progress) if wait else run

    def _source(
        self, source: str | Path | Iterable[str | Path], *, copy: bool | None, keep_identity: bool
    ) -> dict[str, Any]:
        stays = {} if copy is None else {"copy": copy}
        if isinstance(source, str) and source.startswith(_BUCKETS):
            return {"kind": "bucket", "url": source, **stays}
        if isinstance(source, str | Path):
            path = Path(source)
            kind = "archive" if path.name.lower().endswith(_ARCHIVES) else "folder"
            if self._connection.local:
                return {"kind": kind, "path": os.fspath(path.resolve()), **stays}
            if kind == "archive":
                return {"kind": kind, "upload": self._upload(path)}
            files = sorted(found for found in path.rglob("*") if found.is_file())
            return self._uploaded(files, path, keep_identity)
        return self._uploaded([Path(found) for found in source], None, keep_identity)

    def _uploaded(self, files: list[Path], root: Path | None, keep_identity: bool) -> dict[str, Any]:
        keep = keep_identity or None
        listed = [
            {"name": file.relative_to(root).as_posix() if root else file.name, "digest": self._upload(file, keep)}
            for file in files
        ]
        return {"kind": "upload", "files": listed}

    def _upload(self, file: Path, keep_identity: bool | None = None) -> str:
        sent = self._connection.post_bytes("/uploads", file.read_bytes(), name=file.name, keep_identity=keep_identity)
        return str(sent.digest)
