"""The loop's main steps over plain HTTP with an API key; every write is sent twice and answered the same."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sightloop.interfaces.sdk import connect
from tests.journeys.served import Served
from tests.journeys.small_loop import SmallLoop
from tests.journeys.small_plant import make_plant
from tests.specs.interfaces.promises import Promises

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]


class Plain:
    """HTTP and nothing else."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.promises = Promises(http.get("/openapi.json").json())
        self.promises.watch(http)
        self._sent = 0

    def get(self, path: str, **params: Any) -> Any:
        return self.http.get(path, params=params).raise_for_status().json()

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """The answer to a POST, sent twice under one key; asserts that both answers are the same."""
        self._sent += 1
        content = {"content": body} if isinstance(body, bytes) else {"json": body or {}}
        headers = {"Idempotency-Key": f"step-{self._sent}"}
        first, again = (self.http.post(path, params=params, headers=headers, **content) for _ in range(2))
        assert first.is_success, first.text
        assert again.json() == first.json()
        return first.json()

    def ended(self, run: str) -> Any:
        """The output of a run that succeeded."""
        while (found := self.get(f"/runs/{run}", wait_s=10))["state"] in {"pending", "running"}:
            pass
        assert found["state"] == "succeeded", found
        return found["output"]


@pytest.fixture
def plain(served: Served) -> Iterator[Plain]:
    with connect(served.folder) as ws:
        secret = ws.keys.create("engineer").secret
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=f"{served.address}/api/v1", headers=headers, timeout=120, trust_env=False) as http:
        yield Plain(http)


def test_a_stranger_is_not_answered(served: Served) -> None:
    assert httpx.get(f"{served.address}/api/v1/samples", trust_env=False).status_code == 401


def test_the_loop_runs_request_by_request(closed: SmallLoop, served: Served, plain: Plain, tmp_path: Path) -> None:
    more = make_plant(tmp_path, mono=0, poly=4, skip=230)
    files = [
        {"name": name, "digest": plain.post("/uploads", more.image(name), name=name)["digest"]} for name in more.labels
    ]
    run = plain.post("/ingests", {"source": {"kind": "upload", "files": files}})
    assert plain.ended(run["id"])["ingested"] == 4
    plain.post("/schemas", {"name": "wire", "classes": ["ok", "defect"]})
    plain.post("/datasets", {"name": "wire", "schema": "wire"})
    rows = [{"name": name, "label": label} for name, label in closed.plant.labels.items()]
    plain.post("/imports", {"schema": "wire", "rows": rows})
    chosen = {"where": {"cell_type": "poly"}, "splits": {"train": 0.6, "test": 0.4}}
    version = plain.post("/datasets/wire/versions", chosen)
    assert version["number"] == 1
    run = plain.post("/trainings", {"model": "wire", "dataset": "wire@1", "test": "wire@1"})
    model_version = plain.ended(run["id"])["model_version"]
    gate = plain.post("/gates", {"challenger": model_version, "minimum_auroc": 0.6})
    assert gate["passed"]
    plain.post("/models/wire/promote", {"version": model_version, "gate": gate["id"]})
    deployment = plain.post("/deployments", {"name": "line-3", "model": "wire"})
    assert deployment["model_version"] == model_version
    assert len(plain.get("/models/wire/versions")["items"]) == 1

    image = base64.b64encode(more.image(next(iter(more.labels)))).decode()
    asked = {"id": "first", "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [image]}]}
    answer = plain.post(f"{deployment['endpoint']}/infer", asked)
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert answer["model_version"] == model_version
    assert answer["id"] == "first"
    assert outputs["label"][0] in {"ok", "defect"}
    assert sum(outputs["probabilities"]) == pytest.approx(1, abs=1e-5)

    logged = plain.get("/predictions", deployment="line-3")["items"]
    assert [prediction["id"] for prediction in logged] == outputs["prediction_id"]
    assert plain.get(f"/lineage/{logged[0]['id']}")["missing"] == []
    assert plain.post(f"/receipts/{gate['receipt']}/replay")["same"]
    assert plain.promises.broken == []


def test_whatever_the_loop_left_is_shown_as_the_api_describes_it(served: Served, plain: Plain) -> None:
    first = {
        name: plain.get(f"/{lists}")["items"][0]
        for name, lists in {
            "run": "runs", "receipt": "receipts", "dataset": "datasets", "campaign": "campaigns", "cycle": "cycles",
            "alert": "alerts", "prediction": "predictions", "policy": "policies", "rule": "rules", "sample": "samples",
        }.items()
    }  # fmt: skip
    campaign, prediction = first["campaign"]["id"], first["prediction"]
    looks = [
        f"runs/{first['run']['id']}", f"runs/{first['run']['id']}/links", f"receipts/{first['receipt']['id']}",
        "lineage/complete-share", f"lineage/{prediction['id']}", f"lineage/{first['sample']['id']}", "audit",
        f"schemas/{first['dataset']['schema']}", "datasets/cells", "datasets/cells/versions",
        "dataset-versions/cells@latest", "dataset-versions/cells@latest/entries",
        "dataset-versions/cells@1/diff/cells@2", f"campaigns/{campaign}", f"campaigns/{campaign}/counts",
        f"campaigns/{campaign}/items", f"campaigns/{campaign}/answers", f"policies/{first['policy']['name']}",
        f"cycles/{first['cycle']['id']}", f"alerts/{first['alert']['id']}", "monitors", "monitors/line-1",
        "monitors/line-1/estimate", "models", "models/cells", "models/cells/versions", "models/cells/aliases",
        "models/cells/aliases/champion/history", "model-versions/cells@champion", "model-versions/cells@champion/gates",
        "model-versions/cells@champion/evaluation", "deployments", "deployments/line-1",
        f"predictions/{prediction['id']}", f"samples/{first['sample']['id']}",
        f"samples/{first['sample']['id']}/annotations", "samples/count", "samples/near-duplicates", "quarantine",
        "status", "webhooks", "webhook-deliveries",
    ]  # fmt: skip
    for look in looks:
        plain.get(f"/{look}")
    plain.post(f"/policies/{first['policy']['name']}/dry-run")
    assert plain.promises.broken == []
    assert len(plain.promises.kept) > len(looks)
