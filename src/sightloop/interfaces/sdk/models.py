"""Models, deployments and predictions of a workspace."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from sightloop.interfaces.sdk.connection import Noun, part, reference, references
from sightloop.interfaces.sdk.records import Record
from sightloop.interfaces.sdk.traces import Runs

Reference = str | Mapping[str, Any]
_KNOWN_S = 5.0


class Models(Noun):
    """Models and their versions; a version is named by id or as "cells@champion" or "cells@3"."""

    def list(self) -> Sequence[Record]:
        return self._connection.items("/models")

    def get(self, model: str) -> Record:
        return self._connection.get(f"/models/{part(model)}")

    def versions(self, model: str) -> Sequence[Record]:
        return self._connection.items(f"/models/{part(model)}/versions")

    def version(self, version: Reference) -> Record:
        return self._connection.get(f"/model-versions/{part(version)}")

    def card(self, version: Reference) -> str:
        """The model card, in Markdown."""
        return self._connection.text(f"/model-versions/{part(version)}/card")

    def gates(self, version: Reference) -> Sequence[Record]:
        """The gates that the version went through, oldest first."""
        return self._connection.items(f"/model-versions/{part(version)}/gates")

    def evaluation(self, version: Reference) -> Record:
        """Results on the frozen test set, sample by sample."""
        return self._connection.get(f"/model-versions/{part(version)}/evaluation")

    def bundle(self, version: Reference) -> bytes:
        """The bundle archive: one ONNX file and its manifest."""
        return self._connection.read(f"/model-versions/{part(version)}/bundle")

    def export(self, version: Reference, path: str | Path) -> Path:
        """The file written: the bundle archive."""
        return self._connection.save(f"/model-versions/{part(version)}/bundle", path)

    def import_(
        self,
        model: str,
        archive: bytes,
        *,
        test: Reference,
        dataset: Reference | None = None,
        wait: bool = True,
        key: str | None = None,
    ) -> Record:
        """The run that evaluates a bundle archive and makes it a version; `output.model_version` names it.

        `dataset` is the version that the bundle was trained on, where it is known here.
        """
        trained_on = None if dataset is None else reference(dataset)
        run = self._connection.post_bytes(
            f"/models/{part(model)}/versions", archive, key=key, test=reference(test), dataset=trained_on
        )
        return Runs(self._connection).wait(run) if wait else run

    def gate(
        self,
        challenger: Reference,
        *,
        champion: Reference | None = None,
        margin: float = 0.05,
        alpha: float = 0.05,
        slices: Sequence[str] = (),
        superiority: Sequence[str] = (),
        minimum_auroc: float | None = None,
        key: str | None = None,
    ) -> Record:
        """The verdict: not worse than the champion by more than the margin, overall and on every slice."""
        body = {
            "challenger": reference(challenger),
            "champion": None if champion is None else reference(champion),
            "margin": margin,
            "alpha": alpha,
            "slices": list(slices),
            "superiority": list(superiority),
            "minimum_auroc": minimum_auroc,
        }
        return self._connection.post("/gates", body, key=key)

    def promote(
        self,
        model: str,
        version: Reference,
        *,
        gate: Reference | None = None,
        alias: str = "champion",
        reason: str = "",
        key: str | None = None,
    ) -> Record:
        """The move of the alias to the version; without a passed gate it needs a reason."""
        body = {
            "version": reference(version),
            "gate": None if gate is None else reference(gate),
            "alias": alias,
            "reason": reason,
        }
        return self._connection.post(f"/models/{part(model)}/promote", body, key=key)

    def rollback(self, model: str, *, alias: str = "champion", key: str | None = None) -> Record:
        """The move of the alias back to the version that held it before."""
        return self._connection.post(f"/models/{part(model)}/rollback", {"alias": alias}, key=key)

    def aliases(self, model: str) -> Record:
        return self._connection.get(f"/models/{part(model)}/aliases")

    def history(self, model: str, alias: str = "champion") -> Sequence[Record]:
        """Every move of the alias."""
        return self._connection.items(f"/models/{part(model)}/aliases/{part(alias)}/history")


class Deployments(Noun):
    """Model versions that answer."""

    def deploy(self, name: str, *, model: str, alias: str = "champion", key: str | None = None) -> Record:
        """The deployment, once its endpoint answers with the version that the alias names."""
        return self._connection.post("/deployments", {"name": name, "model": model, "alias": alias}, key=key)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/deployments")

    def get(self, name: str) -> Record:
        return self._connection.get(f"/deployments/{part(name)}")

    def metrics(
        self, name: str, *, since: datetime | None = None, until: datetime | None = None, bins: int = 48
    ) -> Record:
        """What it answered over time, in bins, by default over the last 24 hours; and when it was switched."""
        window = {"from": since and since.isoformat(), "to": until and until.isoformat()}
        return self._connection.get(f"/deployments/{part(name)}/metrics", bins=bins, **window)

    def sync(self, name: str, *, key: str | None = None) -> Record:
        """The deployment, once it answers with the version that its alias names now."""
        return self._connection.post(f"/deployments/{part(name)}/sync", key=key)

    def rollback(self, name: str, *, key: str | None = None) -> Record:
        """The deployment, once it answers with the version that held its alias before; the alias goes back with it."""
        return self._connection.post(f"/deployments/{part(name)}/rollback", key=key)

    def endpoint(self, name: str, *, days: int = 1) -> Record:
        """The `url` that answers and the `headers` of a new key that may ask it: POST an image to `{url}/image`.

        Returns once the serving process knows the key.
        """
        found = self._connection.post(f"/deployments/{part(name)}/endpoint", {"days": days})
        until = time.monotonic() + _KNOWN_S
        with httpx.Client(headers=found.headers.as_dict(), trust_env=False) as client:
            while client.get(found.url).status_code == 401 and time.monotonic() < until:
                time.sleep(0.05)
        return found

    def stop(self, name: str, *, key: str | None = None) -> Record:
        return self._connection.post(f"/deployments/{part(name)}/stop", key=key)

    def predict(self, name: str, image: bytes, *, request_id: str | None = None) -> Record:
        """The prediction for the bytes of one image. The same request id is the same prediction."""
        return self._connection.post_bytes(f"/deployments/{part(name)}/predict", image, key=request_id)


class Predictions(Noun):
    """The prediction log."""

    def list(
        self,
        *,
        deployment: str | None = None,
        sample: Reference | None = None,
        model_version: Reference | None = None,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Predictions in the order of the log."""
        return self._connection.pages(
            "/predictions",
            limit=limit,
            deployment=deployment,
            sample=None if sample is None else reference(sample),
            model_version=None if model_version is None else reference(model_version),
        )

    def get(self, prediction: Reference) -> Record:
        return self._connection.get(f"/predictions/{part(prediction)}")

    def media(self, prediction: Reference) -> bytes:
        """The bytes that were predicted on, as long as they are kept."""
        return self._connection.read(f"/predictions/{part(prediction)}/media")

    def outcome(self, prediction: Reference, outcome: Mapping[str, Any], *, key: str | None = None) -> Record:
        """The prediction with its delayed truth or business result."""
        return self._connection.post(f"/predictions/{part(prediction)}/outcome", {"outcome": outcome}, key=key)

    def batch(self, version: Reference, samples: Sequence[Reference], *, key: str | None = None) -> Record:
        """The run that predicts the samples with a model version."""
        body = {"model_version": reference(version), "samples": references(samples)}
        return self._connection.post("/batches", body, key=key)
