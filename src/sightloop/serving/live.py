"""The deployments that a serving process answers for, kept as the deployment file says."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import numpy as np

from sightloop.domain import Caller
from sightloop.errors import Corrupt, NotFound, SightloopError, Unauthenticated, Unavailable, not_found
from sightloop.inference import Bundle, ModelSession
from sightloop.serving.batching import Batcher, Engine
from sightloop.serving.deployment_file import Served, ServingFolder, ServingKey, read_deployments
from sightloop.settings import ServingSettings

WATCH_S: Final = 0.1
WARM_UPS: Final = 2


@dataclass(slots=True)
class Live:
    """One deployment as it stands: what it should serve, what answers, and why they differ if they do."""

    wanted: Served
    batcher: Batcher | None = None
    problem: Mapping[str, Any] = field(default_factory=dict)
    switched_at: datetime | None = None

    @property
    def state(self) -> str:
        """`serving` (perhaps an older version, then with a problem) or `failed`."""
        return "serving" if self.batcher else "failed"

    def answering(self) -> Batcher:
        """The batcher; raises Unavailable where no version could be loaded."""
        if self.batcher is None:
            raise Unavailable(
                f'The deployment "{self.wanted.name}" has no version that can be loaded.',
                hint="See its error: GET /v2/models/NAME",
                retry_after_s=1,
            )
        return self.batcher


class LiveDeployments:
    """Deployments and keys, refreshed within 100 ms of a change of the file.

    A new version is loaded and warmed beside the old one, then takes its place between two batches. One that
    cannot be loaded leaves the old one serving.
    """

    def __init__(self, folder: ServingFolder, settings: ServingSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._live: dict[tuple[str, str], Live] = {}
        self._keys: dict[str, ServingKey] = {}
        self._seen: tuple[int, int, int] | None = None
        self._stop = threading.Event()
        self.problem: Mapping[str, Any] = {}
        self.refresh()
        self._thread = threading.Thread(target=self._watch, name="deployment-watch", daemon=True)
        self._thread.start()

    def caller(self, token: str) -> Caller:
        """On whose behalf the holder of this key asks; raises Unauthenticated."""
        key = self._keys.get(sha256(token.encode()).hexdigest())
        if key is None or not key.valid(datetime.now(UTC)):
            raise Unauthenticated("This needs a valid API key.", hint="Send it as 'Authorization: Bearer KEY'.")
        return Caller(workspace=key.workspace, actor=key.actor, role=key.role, deployment=key.deployment)

    def get(self, caller: Caller, name: str) -> Live:
        """The deployment of this name in the caller's workspace; raises NotFound."""
        may_ask = caller.deployment in ("", name)
        live = self._live.get((caller.workspace, name)) if may_ask else None
        if live is None:
            mine = [
                known
                for workspace, known in self._live
                if workspace == caller.workspace and caller.deployment in ("", known)
            ]
            raise not_found("deployment", name, mine, hint="Deploy a model: sightloop deployment deploy")
        return live

    def all(self) -> list[Live]:
        """Every deployment of every workspace, for metrics."""
        return list(self._live.values())

    def refresh(self) -> None:
        """Returns once deployments and keys are as the file says, as far as their bundles can be loaded."""
        try:
            status = self._folder.deployments.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        except FileNotFoundError:
            return
        if stamp == self._seen:
            return
        try:
            content = read_deployments(self._folder)
        except Corrupt as error:
            self._seen, self.problem = stamp, error.problem()
            return
        self._seen, self.problem = stamp, {}
        self._keys = {key.sha256: key for key in content.keys}
        wanted = {(served.workspace, served.name): served for served in content.deployments}
        for key, served in wanted.items():
            self._settle(key, served)
        for key in set(self._live) - set(wanted):
            gone = self._live.pop(key)
            if gone.batcher:
                gone.batcher.close()

    def close(self) -> None:
        """Returns once every admitted request is answered."""
        self._stop.set()
        self._thread.join()
        for live in self._live.values():
            if live.batcher:
                live.batcher.close()

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_S):
            try:
                self.refresh()
            except OSError as error:  # a disk that fails for a moment must not end the watch
                self.problem = SightloopError(f"The deployment file cannot be looked at ({error.errno}).").problem()

    def _settle(self, key: tuple[str, str], served: Served) -> None:
        live = self._live.get(key)
        if live is not None and live.wanted == served and not live.problem:
            return
        try:
            engine = self._load(served)
        except Exception as error:  # a bundle that passed its check may still fail here; the old version goes on
            failure = error if isinstance(error, SightloopError) else SightloopError("The bundle cannot be loaded.")
            self._live[key] = (
                replace(live, wanted=served, problem=failure.problem())
                if live
                else Live(served, None, failure.problem())
            )
            return
        batcher = live.batcher if live else None
        if batcher is None:
            settings = self._settings
            batcher = Batcher(
                engine,
                max_batch=settings.max_batch,
                max_wait_s=settings.max_wait_ms / 1000,
                queue_limit=settings.queue_limit,
                queue_s=settings.queue_ms / 1000,
            )
        batcher.engine = engine
        self._live[key] = Live(served, batcher, switched_at=datetime.now(UTC))

    def _load(self, served: Served) -> Engine:
        try:
            data = self._folder.bundle(served.bundle).read_bytes()
        except OSError as error:
            raise NotFound("The bundle's file is missing.", hint="Deploy the version again.") from error
        if sha256(data).hexdigest() != served.bundle:
            raise Corrupt("The bundle's file is damaged.", hint="Deploy the version again.")
        bundle = Bundle.from_archive(data)
        session = ModelSession(bundle, threads=self._settings.threads)
        blank = np.zeros((bundle.manifest.input.height, bundle.manifest.input.width, 3), np.uint8)
        for _ in range(WARM_UPS):
            session.predict([blank])
        return Engine(served.model, served.model_version, session)
