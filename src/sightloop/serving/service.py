"""The verbs of serving: deploy, follow the alias, predict, stop."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from sightloop.domain import Caller, Deployment, ModelVersion, Role, Run, new_id, now
from sightloop.errors import InvalidInput, Refused, SightloopError, Unavailable, from_problem, not_found
from sightloop.events import Events
from sightloop.registry import Registry
from sightloop.runs import Runs
from sightloop.serving.deployment_file import (
    DeploymentFile,
    Served,
    ServingFolder,
    ServingKey,
    replace_file,
    write_deployments,
)
from sightloop.serving.door import Predicted
from sightloop.serving.ports import KeyHash
from sightloop.serving.prediction_log import ACTOR
from sightloop.serving.predictor import Predictor
from sightloop.serving.supervisor import Supervisor
from sightloop.serving.tables import deployment_switches, deployments
from sightloop.serving.traffic import Window
from sightloop.settings import Settings
from sightloop.storage import Records, faultpoint

SWITCH_S: Final = 60.0
RETRY_S: Final = 30.0
POLL_S: Final = 0.02
FOLLOW_S: Final = 0.1
SERVING, STOPPED = "serving", "stopped"
log = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


@dataclass(frozen=True, slots=True)
class Marker:
    """What happened to a deployment at a moment: `kind` is "serving" (this version from now on) or "stopped"."""

    at: datetime
    model_version: str
    kind: str


class Deployments:
    """Deployments of model versions in the serving process, which this class starts and ends.

    Args:
        serving_keys: the API keys of all workspaces; asked after every commit, so that a revoked key ends at once.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *,
        records: Records,
        events: Events,
        runs: Runs,
        registry: Registry,
        predictor: Predictor,
        serving_keys: Callable[[], Iterable[KeyHash]],
    ) -> None:
        self._place = ServingFolder(folder)
        self._records = records
        self._events = events
        self._runs = runs
        self._registry = registry
        self._serving_keys = serving_keys
        self._own_keys: dict[str, str] = {}
        self._supervisor = Supervisor(folder, settings)
        self._client = httpx.Client(trust_env=False, timeout=60.0)
        self._lock = threading.RLock()
        self._predictor = predictor
        self._published: DeploymentFile | None = None
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._follower = threading.Thread(target=self._follow_commits, name="deployment-file", daemon=True)
        runs.register("predict", predictor.run)

    def start(self) -> None:
        """Returns once the serving process answers for all that is deployed; at once if nothing is."""
        with self._lock:
            for served in self._served():
                self._put_back_bundle(served)
            self._publish()
            if self._served():
                self._supervisor.ensure()
        self._events.on_commit(self._changed.set)
        self._follower.start()

    def close(self) -> None:
        """Returns once the serving process has answered what it had taken in, and is gone."""
        self._closing.set()
        self._changed.set()
        if self._follower.is_alive():
            self._follower.join()
        self._supervisor.close()
        self._client.close()

    @property
    def pid(self) -> int:
        """The process id of the serving process, 0 where none was started: for figures of memory and load."""
        return self._supervisor.pid

    def deploy(self, caller: Caller, name: str, *, model: str, alias: str = "champion") -> Deployment:
        """The deployment, answering with the version that holds the alias.

        Raises InvalidBundle or Corrupt where the version cannot be loaded; the old one, if any, goes on serving.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(f'"{name}" is no name for a deployment.', hint="Use letters, digits, '-', '_' and '.'.")
        return self._switch(caller, name, model, alias, self._registry.version(caller, f"{model}@{alias}"))

    def sync(self, caller: Caller, name: str) -> Deployment:
        """The deployment, answering with the version that holds its alias now."""
        known = self.get(caller, name)
        version = self._registry.version(caller, f"{known.model}@{known.alias}")
        if known.state == SERVING and known.model_version == version.id:
            self._supervisor.ensure()
            return known
        return self._switch(caller, name, known.model, known.alias, version)

    def rollback(self, caller: Caller, name: str) -> Deployment:
        """The deployment, answering with the version that held its alias before; the alias goes back with it.

        Under the same idempotency key the alias moves once, and the deployment is switched until it answers.

        Raises Refused where the alias has not moved from another version.
        """
        known = self.get(caller, name)
        self._registry.rollback(caller, known.model, known.alias)
        return self.sync(caller, name)

    def stop(self, caller: Caller, name: str) -> Deployment:
        """The deployment, which answers no more; its log stays."""
        with self._lock:
            known = self.get(caller, name)
            if known.state != STOPPED:
                self._record(caller, known.id, name, {"state": STOPPED}, known.model_version)
                self._publish()
            return self.get(caller, name)

    def get(self, caller: Caller, name: str) -> Deployment:
        """The deployment of this name; raises NotFound."""
        known = {deployment.name: deployment for deployment in self.list(caller)}
        if name not in known:
            raise not_found("deployment", name, known, hint="Deploy a model: sightloop deployment deploy")
        return known[name]

    def list(self, caller: Caller) -> Sequence[Deployment]:
        """All deployments of the workspace, by name."""
        query = sa.select(deployments).where(deployments.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(deployments.c.name)).all()
        return [
            Deployment(
                id=row.id,
                name=row.name,
                model=row.model,
                model_version=row.model_version,
                alias=row.alias,
                target="realtime",
                runtime="onnxruntime",
                state=row.state,
                endpoint=f"{self._supervisor.address}/v2/models/{row.name}",
                made_at=datetime.fromisoformat(row.made_at),
            )
            for row in rows
        ]

    def switches(self, caller: Caller, name: str, window: Window) -> Sequence[Marker]:
        """When the deployment was given another version, or stopped, within the window; oldest first."""
        home = deployment_switches
        mine = (home.c.workspace_id == caller.workspace) & (home.c.deployment == self.get(caller, name).id)
        inside = (home.c.made_at >= window.start.isoformat()) & (home.c.made_at < window.end.isoformat())
        with self._records.read() as connection:
            rows = connection.execute(sa.select(home).where(mine & inside).order_by(home.c.made_at)).all()
        return [Marker(datetime.fromisoformat(row.made_at), row.model_version, row.state) for row in rows]

    def predict(
        self, caller: Caller, name: str, image: bytes, *, request_id: str = "", facets: Mapping[str, str] | None = None
    ) -> Predicted:
        """The serving process's answer for an encoded image, which its log keeps with the facets.

        Tries again under the same key while the process is being restarted, so nothing is predicted twice.
        """
        if self.get(caller, name).state != SERVING:
            raise Refused(f'The deployment "{name}" is stopped.', hint="Deploy it again.")
        headers = {**self._authorization(caller.workspace), "idempotency-key": request_id or new_id("req")}
        if facets:
            headers["x-sightloop-facets"] = ", ".join(f"{key}={value}" for key, value in facets.items())
        deadline = time.monotonic() + RETRY_S
        while True:
            try:
                url = f"{self._supervisor.address}/v2/models/{name}/image"
                found: Predicted = _content(self._client.post(url, content=image, headers=headers))
                return found
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise Unavailable("The serving process does not answer.", hint="Try again in a while.") from error
                self._supervisor.ensure()

    def batch(self, caller: Caller, model_version: str, samples: Sequence[str]) -> Run:
        """A run of kind "predict" that puts the version's predictions on these samples into the log."""
        version = self._registry.version(caller, model_version)
        return self._runs.start(caller, "predict", {"model_version": version.id, "samples": list(samples)})

    def predict_samples(
        self, caller: Caller, model_version: str, sample_ids: Sequence[str]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Probabilities (N, C) and embeddings (N, E), float32, in the order of the ids; nothing is logged."""
        return self._predictor.predict_samples(caller, model_version, sample_ids)

    def _switch(self, caller: Caller, name: str, model: str, alias: str, version: ModelVersion) -> Deployment:
        """Publish the version, wait until it answers, then record it; on failure the former state is published."""
        with self._lock:
            known = {deployment.name: deployment.id for deployment in self.list(caller)}
            deployment_id = known.get(name) or caller.new_id("dep")
            self._put_bundle(caller, version.id, version.bundle_digest)
            wanted = Served(caller.workspace, name, deployment_id, model, version.id, alias, version.bundle_digest)
            try:
                self._publish(wanted)
                faultpoint("deployment.published")
                self._supervisor.ensure()
                self._wait_for(wanted)
                faultpoint("deployment.answering")
            except Exception:
                self._publish()
                raise
            values = {
                "model": model,
                "alias": alias,
                "model_version": version.id,
                "bundle": version.bundle_digest,
                "state": SERVING,
            }
            self._record(caller, deployment_id, name, values, version.id)
            return self.get(caller, name)

    def _put_bundle(self, caller: Caller, version_id: str, digest: str) -> None:
        bundle = self._place.bundle(digest)
        if not bundle.exists():
            replace_file(bundle, self._registry.bundle(caller, version_id))

    def _put_back_bundle(self, served: Served) -> None:
        """Returns once serving has the bundle again, as after a restore; without it, the others still serve."""
        try:
            self._put_bundle(Caller(served.workspace, ACTOR, Role.ENGINEER), served.model_version, served.bundle)
        except SightloopError as error:
            log.error("the deployment %s has no bundle: %s", served.name, error.message)

    def _record(
        self, caller: Caller, deployment_id: str, name: str, values: Mapping[str, Any], model_version: str
    ) -> None:
        mine = (deployments.c.workspace_id == caller.workspace) & (deployments.c.name == name)
        made_at = now().isoformat()
        with self._events.change(caller, "deployment.switch", deployment_id) as change:
            if not change.execute(sa.update(deployments).where(mine).values(**values)).rowcount:
                key = {"workspace_id": caller.workspace, "name": name, "id": deployment_id, "made_at": made_at}
                change.execute(sa.insert(deployments), {**key, **values})
            switch = {
                "workspace_id": caller.workspace,
                "id": new_id("dsw"),
                "deployment": deployment_id,
                "model_version": model_version,
                "state": values["state"],
                "actor": caller.actor,
                "made_at": made_at,
            }
            change.execute(sa.insert(deployment_switches), switch)
            change.emit(
                "sightloop.deployment.switched",
                {"deployment": name, "model_version": model_version, "state": values["state"]},
            )

    def _publish(self, wanted: Served | None = None) -> None:
        """Write the deployment file from SQL, with one deployment as it should become."""
        served = {(row.workspace, row.name): row for row in self._served()}
        if wanted is not None:
            served[wanted.workspace, wanted.name] = wanted
        own = [
            ServingKey(sha256(self._own_key(workspace).encode()).hexdigest(), workspace, Role.ENGINEER, ACTOR)
            for workspace in sorted({workspace for workspace, _ in served})
        ]
        keys = [
            ServingKey(k.sha256, k.workspace, k.role, k.actor, k.expires_at, k.deployment) for k in self._serving_keys()
        ]
        content = DeploymentFile(tuple(served.values()), (*keys, *own))
        if content != self._published:
            write_deployments(self._place, content)
            self._published = content

    def _follow_commits(self) -> None:
        while self._changed.wait() and not self._closing.is_set():
            self._changed.clear()
            with self._lock:
                self._publish()
            self._closing.wait(FOLLOW_S)

    def _served(self) -> Sequence[Served]:
        """What serves, in every workspace: the process answers for all of them."""
        query = sa.select(deployments).where(deployments.c.state == SERVING)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(deployments.c.workspace_id, deployments.c.name)).all()
        return [
            Served(row.workspace_id, row.name, row.id, row.model, row.model_version, row.alias, row.bundle)
            for row in rows
        ]

    def _wait_for(self, wanted: Served) -> None:
        url = f"{self._supervisor.address}/v2/models/{wanted.name}"
        deadline = time.monotonic() + SWITCH_S
        while time.monotonic() < deadline:
            try:
                answer = self._client.get(url, headers=self._authorization(wanted.workspace))
            except httpx.TransportError:
                self._supervisor.ensure()
                continue
            if answer.status_code == 200:
                said = answer.json()
                if said["model_version"] == wanted.model_version:
                    return
                if said["wanted_version"] == wanted.model_version and said["error"]:
                    raise from_problem(said["error"])
            time.sleep(POLL_S)
        raise Unavailable("The serving process did not switch in time.", hint="Try again; the old version serves.")

    def _authorization(self, workspace: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._own_key(workspace)}"}

    def _own_key(self, workspace: str) -> str:
        with self._lock:
            return self._own_keys.setdefault(workspace, secrets.token_urlsafe(32))


def _content(answer: httpx.Response) -> Any:
    content = answer.json()
    if answer.status_code >= 400:
        raise from_problem(content)
    return content
