"""The whole loop through the SDK, once for a test session: what it did and what stood before and after a reopening."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sightloop
from examples.solar_cells.budget import check_budget
from examples.solar_cells.line_controller import LineController
from examples.solar_cells.reviewer import answer_open_items
from tests.journeys.small_plant import SmallPlant
from tests.specs.interfaces.promises import Promises

SETTINGS = {"events": {"egress_allow": ["127.0.0.1/32"]}}
PATIENCE_S = 600.0
SHARES = {
    "mono": {"train": 0.28, "test": 0.22, "reference": 0.42, "traffic": 0.08},
    "poly": {"test": 0.22, "traffic": 0.78},
}
# The margin is wide because so few test cells could not show less (BOUNDS.md section 3).
POLICY = """
name: keep-up-with-the-line
watch: {deployment: line-1, monitor: line-1}
on: drift
collect: {count: 50, reference: 60}
label: {schema: cells, reviewer_budget: 50}
train: {model: cells, dataset: cells, test: cells-test@latest, recipe: {trainer: frozen_head, seed: 0}}
gate: {margin: 0.2, alpha: 0.05, slices: [cell_type]}
promote: {alias: champion, deployment: line-1}
"""


@dataclass
class SmallLoop:
    """A loop that has closed. `at_close` and `at_reopening` hold the same questions, answered twice."""

    folder: Path
    plant: SmallPlant
    controller: LineController
    truth: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    budget: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    counts: Any = None
    v1: str = ""
    silent: int = 0
    alert: Any = None
    at_close: dict[str, Any] = field(default_factory=dict)
    at_reopening: dict[str, Any] = field(default_factory=dict)
    cycle: Any = None
    served_after: list[str] = field(default_factory=list)
    replays: list[Any] = field(default_factory=list)
    share: float = 0.0
    audit_ok: bool = False
    problems: list[str] = field(default_factory=list)
    budget_broken: list[str] = field(default_factory=list)
    promises: Promises | None = None


def close_the_loop(
    folder: Path, plant: SmallPlant, controller: LineController, settings: Mapping[str, Any] = SETTINGS
) -> SmallLoop:
    """The loop, closed: v1 on mono cells, closed and opened again, poly cells, an alarm, and v2 by policy."""
    told = SmallLoop(folder, plant, controller)
    with sightloop.connect(folder, settings=settings) as ws:
        told.promises = Promises(ws._connection.get("/openapi.json").as_dict())
        told.promises.watch(ws._connection.http)
        _first_version(told, ws)
        _serve(told, ws)
        told.at_close = questions(ws)
    with sightloop.connect(folder, settings=settings) as ws:
        told.promises.watch(ws._connection.http)
        told.at_reopening = questions(ws)
        _shift(told, ws)
        _second_version(told, ws)
        _prove(told, ws)
    return told


def questions(ws: Any) -> dict[str, Any]:
    """What anybody may ask of a workspace, answered as plain values."""
    predictions = list(ws.predictions.list())
    return {
        "samples": [sample.id for sample in ws.samples.list()],
        "versions": [version.as_dict() for version in ws.datasets.versions("cells")],
        "labels": {sample: head.as_dict() for sample, head in ws.labels.heads("cells").items()},
        "aliases": ws.models.aliases("cells").as_dict(),
        "card": ws.models.card("cells@champion"),
        "predictions": [prediction.as_dict() for prediction in predictions],
        "monitor": ws.monitors.get("line-1").as_dict(),
        "receipts": [receipt.as_dict() for receipt in ws.receipts.list()],
        "lineage": ws.lineage.show(predictions[0].id).as_dict(),
        "policies": [policy.as_dict() for policy in ws.policies.list()],
    }


def _first_version(told: SmallLoop, ws: Any) -> None:
    ws.ingest(told.plant.images, metadata=told.plant.metadata())
    told.names = {sample.id: sample.name for sample in ws.samples.list()}
    told.truth = {sample: told.plant.labels[name] for sample, name in told.names.items()}
    ws.schemas.create("cells", ["ok", "defect"])
    for dataset, kind in (("cells", "mono"), ("stream", "poly")):
        ws.datasets.create(dataset, schema="cells")
        first = ws.datasets.commit(dataset, where={"cell_type": kind}, splits=SHARES[kind], seed=0)
        told.budget[kind] = {split: [] for split in SHARES[kind]}
        for entry in ws.datasets.entries(first):
            told.budget[kind][entry.split].append(entry.sample)
    ws.datasets.create("cells-test", schema="cells")
    _freeze_test(told, ws, "mono")
    pool = told.budget["mono"]["train"]
    campaign = ws.campaigns.start(name="mono", schema="cells", samples=pool)
    answer_open_items(ws, campaign.id, told.truth)
    told.counts = campaign.counts()
    labelled = ws.datasets.commit("cells")
    run = ws.train(model="cells", dataset=labelled, test="cells-test@1")
    told.v1 = run.output.model_version
    gate = ws.models.gate(told.v1, minimum_auroc=0.6)
    ws.models.promote("cells", told.v1, gate=gate)


def _serve(told: SmallLoop, ws: Any) -> None:
    mono = told.budget["mono"]
    ws.deployments.deploy("line-1", model="cells")
    ws.monitors.create("line-1", deployment="line-1", reference=mono["reference"], fit=mono["train"], alpha=0.05)
    hook = ws.webhooks.create(told.controller.url, events=["sightloop.alert.raised", "sightloop.rule.fired"])
    told.controller.trust(hook.secret)
    ws.rules.create("two-in-a-row", deployment="line-1", label="defect", consecutive=2)
    ws.policies.apply(POLICY)
    for sample in mono["traffic"]:
        _send(told, ws, sample)
    ws.loop.tick()
    told.silent = len(_alarms(ws))


def _shift(told: SmallLoop, ws: Any) -> None:
    for sample in told.budget["poly"]["traffic"]:
        if told.alert is None:
            _send(told, ws, sample)
            ws.monitors.advance()
            told.alert = next(iter(_alarms(ws)), None)
    assert told.alert is not None, "no alarm on cells of another type"
    _freeze_test(told, ws, "poly")


def _second_version(told: SmallLoop, ws: Any) -> None:
    sent = sum(1 for _ in ws.predictions.list(deployment="line-1")) - len(told.budget["mono"]["traffic"])
    for sample in told.budget["poly"]["traffic"][sent:]:
        _send(told, ws, sample)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        ws.loop.tick()
        told.cycle = ws.loop.cycles()[0]
        if told.cycle.state in {"done", "refused", "stopped", "failed"}:
            break
        if told.cycle.state == "labeling" and "campaign" in told.cycle.facts:
            answer_open_items(ws, told.cycle.facts.campaign, told.truth)
        time.sleep(0.05)
    sample = told.budget["poly"]["test"][0]
    told.served_after.append(_send(told, ws, sample).model_version)
    ws.models.rollback("cells")
    ws.deployments.sync("line-1")
    told.served_after.append(_send(told, ws, sample).model_version)


def _prove(told: SmallLoop, ws: Any) -> None:
    until = time.monotonic() + PATIENCE_S
    while len(told.controller.actions()) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    told.replays = [(receipt.kind, ws.receipts.replay(receipt.id).same) for receipt in ws.receipts.list()]
    told.share = ws.lineage.complete_share()
    told.audit_ok = ws.audit.verify().ok
    told.problems = list(ws.fsck(deep=True).problems)
    told.budget_broken = check_budget(ws)


def _freeze_test(told: SmallLoop, ws: Any, kind: str) -> None:
    test = told.budget[kind]["test"]
    ws.labels.import_("cells", {sample: told.truth[sample] for sample in test})
    ws.datasets.commit("cells-test", add=dict.fromkeys(test, "test"))


def _send(told: SmallLoop, ws: Any, sample: str) -> Any:
    return ws.deployments.predict("line-1", told.plant.image(told.names[sample]))


def _alarms(ws: Any) -> list[Any]:
    return [alert for alert in ws.alerts.list() if alert.kind == "drift"]
