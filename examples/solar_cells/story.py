"""The scenario: nine stages through the public SDK, each safe to run again after a kill."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.solar_cells import elpv
from examples.solar_cells.broken_files import write_broken_files
from examples.solar_cells.budget import check_budget
from examples.solar_cells.line_controller import LineController
from examples.solar_cells.progress import Notebook, Teller, timed
from examples.solar_cells.reviewer import answer_open_items
from examples.solar_cells.traffic import DEPLOYMENT, Camera, SteadyCaller, send

# The data budget (BOUNDS.md section 6): each type is split once, before anything is looked at.
BUDGET = {
    "mono": {"train": 360 / 901, "test": 250 / 901, "reference": 150 / 901, "traffic": 141 / 901},
    "poly": {"train": 620 / 1322, "test": 350 / 1322, "reference": 150 / 1322, "traffic": 202 / 1322},
}
EPS = ALPHA = 0.05
DRIFT_ALPHA = 0.01
SEED = 0


@dataclass
class Story:
    """Everything that the stages share."""

    folder: Path
    ws: Any
    notebook: Notebook
    tell: Teller
    controller: LineController
    cells: dict[str, elpv.Cell] = field(default_factory=dict)
    sample_of: dict[str, str] = field(default_factory=dict)
    name_of: dict[str, str] = field(default_factory=dict)
    budget: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    truth: dict[str, str] = field(default_factory=dict)
    camera: Camera | None = None

    def image(self, sample: str) -> bytes:
        return (elpv.image_folder() / self.name_of[sample]).read_bytes()


def ingest(story: Story) -> None:
    """Stage 1: all images in, forty broken files into quarantine."""
    tell, ws = story.tell, story.ws
    tell.heading("Ingest: 2,624 images and 40 broken files")
    cells = elpv.read_cells()
    story.cells = {cell.name: cell for cell in cells}
    metadata = elpv.metadata_of(cells)
    broken = story.folder / "broken-files"
    write_broken_files(broken, [elpv.image_folder() / cell.name for cell in cells[:6]])
    with timed(story.notebook, "ingest_seconds"), tell.bar("decode, measure, embed", len(cells)) as bar:
        run = ws.ingest(
            elpv.image_folder(),
            metadata=metadata,
            progress=lambda run: bar(run.progress.get("done", 0)),
            key="demo/ingest",
        )
    bad = ws.ingest(broken, key="demo/ingest-broken")
    for sample in ws.samples.list():
        story.sample_of[sample.name] = sample.id
        story.name_of[sample.id] = sample.name
    story.truth = {sample: story.cells[name].label for sample, name in story.name_of.items()}
    quarantined = ws.quarantine.list()
    reasons: dict[str, int] = {}
    for entry in quarantined:
        reasons[entry.reason] = reasons.get(entry.reason, 0) + 1
    seconds = story.notebook.get("ingest_seconds")
    story.notebook.put(
        images_ingested=len(story.sample_of),
        quarantined=len(quarantined),
        quarantine_reasons=dict(sorted(reasons.items())),
        near_duplicate_groups=run.output["near_duplicate_groups"],
    )
    tell.fact(
        f"{len(story.sample_of)} samples in {seconds:.0f} s; {run.output['near_duplicate_groups']} near-duplicates"
    )
    tell.fact(
        f"{bad.output['quarantined']} files quarantined: " + ", ".join(f"{n} {r}" for r, n in sorted(reasons.items()))
    )


def version(story: Story) -> None:
    """Stage 2: the schema, the data budget, and the mono part as the first dataset version."""
    tell, ws = story.tell, story.ws
    tell.heading("Version: the mono part, splits that keep near-duplicates together")
    ws.schemas.create("cells", list(elpv.CLASSES), key="demo/schema")
    for kind, fractions in BUDGET.items():
        name = "cells" if kind == "mono" else "poly-stream"
        ws.datasets.create(name, schema="cells", key=f"demo/dataset/{kind}")
        first = ws.datasets.commit(
            name,
            where={"cell_type": kind, "clear": True},
            splits=fractions,
            seed=SEED,
            note=f"clear {kind} cells, split once",
            key=f"demo/commit/{kind}",
        )
        story.budget[kind] = {split: [] for split in fractions}
        for entry in ws.datasets.entries(first.id):
            story.budget[kind][entry.split].append(entry.sample)
        tell.fact(f"{name}@1 {first.hash[:12]}: " + ", ".join(f"{n} {split}" for split, n in first.counts.items()))
    ws.datasets.create("cells-test", schema="cells", key="demo/dataset/test")
    freeze_test(story, "mono")
    story.notebook.put(
        budget={kind: {split: len(ids) for split, ids in splits.items()} for kind, splits in story.budget.items()}
    )


def freeze_test(story: Story, kind: str) -> None:
    """Adds the test cells of a type, with the experts' labels, to the frozen test: never trained on."""
    test = story.budget[kind]["test"]
    story.ws.labels.import_("cells", {sample: story.truth[sample] for sample in test}, key=f"demo/labels/test/{kind}")
    frozen = story.ws.datasets.commit(
        "cells-test", add=dict.fromkeys(test, "test"), note=f"frozen test, {kind}", key=f"demo/commit/test/{kind}"
    )
    story.tell.fact(
        f"cells-test@{frozen.number} {frozen.hash[:12]}: {frozen.counts.test} cells with the experts' labels"
    )


def label(story: Story) -> None:
    """Stage 3: labels from nothing; people only where the model is unsure or an audit asks."""
    tell, ws = story.tell, story.ws
    tell.heading("Label: seed, suggest, audit, accept under a bound")
    pool = story.budget["mono"]["train"]
    campaign = ws.campaigns.start(
        name="mono cells", schema="cells", samples=pool, eps=EPS, alpha=ALPHA, seed=SEED, key="demo/campaign/mono"
    )
    with timed(story.notebook, "label_seconds"), tell.bar("answers", len(pool)) as bar:
        answer_open_items(ws, campaign.id, story.truth, answered=bar)
    _tell_campaign(story, campaign.id, "mono", pool)
    second = ws.datasets.commit("cells", note="labels of the first campaign", key="demo/commit/labelled")
    change = ws.datasets.diff("cells@1", second.id)
    tell.fact(f"cells@2 {second.hash[:12]}: {len(change.relabelled)} labels new, {len(change.added)} samples added")


def train(story: Story) -> None:
    """Stage 4: v1, evaluated per slice, through its gate, champion."""
    tell, ws = story.tell, story.ws
    tell.heading("Train, evaluate, register: v1")
    recipe = {"trainer": "frozen_head", "seed": SEED}
    with timed(story.notebook, "train_seconds"):
        run = ws.train(recipe, model="cells", dataset="cells@2", test="cells-test@1", key="demo/train/v1")
    v1 = run.output["model_version"]
    gate = ws.models.gate(v1, champion=None, minimum_auroc=0.8, key="demo/gate/v1")
    ws.models.promote("cells", v1, gate=gate.id, key="demo/promote/v1")
    story.notebook.put(v1=v1)
    mono = run.output.metrics
    tell.fact(f"AUROC on mono {mono.auroc:.3f}, accuracy {mono.accuracy:.3f}; gate {_verdict(gate)}; champion is {v1}")


def serve(story: Story) -> None:
    """Stage 5 and 6: serve v1, mono traffic in silence, then poly traffic until the alarm."""
    tell, ws = story.tell, story.ws
    tell.heading("Serve v1 in its own process; watch it; the line controller listens")
    ws.deployments.deploy(DEPLOYMENT, model="cells", alias="champion", key="demo/deploy")
    ws.monitors.create(
        DEPLOYMENT,
        deployment=DEPLOYMENT,
        reference=story.budget["mono"]["reference"],
        fit=story.budget["mono"]["train"],
        alpha=DRIFT_ALPHA,
        key="demo/monitor",
    )
    hook = ws.webhooks.create(
        story.controller.url, events=["sightloop.alert.raised", "sightloop.rule.fired"], key="demo/webhook"
    )
    story.controller.trust(hook.secret)
    ws.rules.create("three-in-a-row", deployment=DEPLOYMENT, label="defect", consecutive=3, key="demo/rule")
    ws.policies.apply((Path(__file__).parent / "policy.yaml").read_text(), key="demo/policy")
    mono = story.budget["mono"]["traffic"]
    send(story, "mono", mono, "mono traffic")
    ws.monitors.advance()
    if story.notebook.get("false_alarms_before_shift") is None:
        story.notebook.put(false_alarms_before_shift=len(_drift_alerts(ws)))
    tell.fact(
        f"{len(mono)} mono images answered; alarms before the shift: {story.notebook.get('false_alarms_before_shift')}"
    )


def shift(story: Story) -> None:
    """Stage 6: the plant starts making poly cells. Image by image until the monitor says so."""
    tell, ws = story.tell, story.ws
    tell.heading("Shift: from mono to poly")
    before = story.notebook.get("false_alarms_before_shift")
    poly = story.budget["poly"]["traffic"]
    sent = story.notebook.get("sent/shift", 0)
    with tell.bar("images until the alarm", len(poly)) as bar:
        while len(_drift_alerts(ws)) <= before and sent < len(poly):
            send(story, "shift", poly[: sent + 1])
            ws.monitors.advance()
            sent += 1
            bar(sent)
    alerts = _drift_alerts(ws)
    if len(alerts) > before:
        alert = ws.alerts.get(alerts[-1].id)
        if story.notebook.get("alarm") is None:
            history = ws.monitors.get(DEPLOYMENT).history.as_dict()
            story.notebook.put(alarm_after_n_images=sent, alarm=alert.id, wealth=history)
        sent = story.notebook.get("alarm_after_n_images")
        tell.fact(f"alarm after {sent} poly images; {what_moved(alert.evidence)}")
    else:
        story.notebook.put(alarm_after_n_images=None)
        tell.fact("MISSED: no alarm on the poly traffic")
    freeze_test(story, "poly")


def close_the_loop(story: Story) -> None:
    """Stage 8: the declared policy collects, asks, retrains, gates, promotes and switches; nothing here decides."""
    tell, ws = story.tell, story.ws
    tell.heading("Act: the policy closes the loop")
    send(story, "collect", story.budget["poly"]["train"], "poly images for the next version")
    send(story, "reference", story.budget["poly"]["reference"], "poly images held out for the new reference")
    steady = SteadyCaller(story)
    steady.start()
    try:
        cycle = _drive(story)
    finally:
        steady.stop()
    facts = cycle.facts
    # Seconds of the cycle leave out the heads that a campaign fits between answers; the replayed reviewer takes no time.
    machine = sum(cycle.seconds.values()) + story.notebook.get("loop_label_seconds", 0.0)
    story.notebook.put(
        cycle=cycle.id,
        cycle_state=cycle.state,
        loop_seconds=round(machine, 2),
        loop_seconds_by_step={**cycle.seconds.as_dict(), "answers": story.notebook.get("loop_label_seconds")},
        dropped_requests=story.notebook.get("dropped_requests", 0) + steady.dropped,
        requests_during_switch=story.notebook.get("requests_during_switch", 0) + steady.answered,
    )
    _tell_campaign(story, facts.campaign, "poly", list(facts.samples))
    gate = next(iter(ws.receipts.list(kind="model.gate", subject=facts.challenger))).outcome
    story.notebook.put(v2=facts.challenger, gate_passed=gate.passed, gate_verdict=gate.as_dict(), gate=facts.gate)
    tell.fact(f"cycle {cycle.state}; gate {_verdict(gate)}")
    for name, version in (("v1", story.notebook.get("v1")), ("v2", facts.challenger)):
        evaluated = ws.evaluate(version, test="cells-test@latest", key=f"demo/evaluate/{name}")
        story.notebook.put(**_aurocs(evaluated.output.metrics, name))
        _tell_model(story, name)
    tell.fact(f"{steady.answered} requests during retraining and switch, {steady.dropped} dropped")


def _drive(story: Story) -> Any:
    """The ended cycle: ticks the loop's clock and answers what it asks of people."""
    ws = story.ws
    while True:
        ws.loop.tick()
        cycle = ws.loop.cycles()[0]
        if cycle.state in {"done", "refused", "stopped", "failed"}:
            return cycle
        if cycle.state == "collecting":
            raise SystemExit("The policy waits for more traffic than the demo has: lower collect.count in policy.yaml.")
        if cycle.state == "labeling" and "campaign" in cycle.facts:
            with (
                timed(story.notebook, "loop_label_seconds"),
                story.tell.bar("answers", len(cycle.facts.samples)) as bar,
            ):
                answer_open_items(ws, cycle.facts.campaign, story.truth, answered=bar)
        time.sleep(0.5)


def after(story: Story) -> None:
    """Stage 8, its end: calm on the new reference, then back to v1 and forward again, timed."""
    tell, ws = story.tell, story.ws
    tell.heading("Calm again; roll back and forward")
    start = story.notebook.get("alarm_after_n_images") or 0
    rest = story.budget["poly"]["traffic"][start:]
    known = {alert.id for alert in _drift_alerts(ws)}
    send(story, "after", rest, "poly traffic on v2")
    ws.monitors.advance()
    new = [alert for alert in _drift_alerts(ws) if alert.id not in known]
    if story.notebook.get("alarms_after_promotion") is None:
        story.notebook.put(alarms_after_promotion=len(new))
    tell.fact(f"{len(rest)} poly images on v2; alarms: {story.notebook.get('alarms_after_promotion')}")
    if story.notebook.get("rollback_seconds") is None and story.notebook.get("cycle_state") == "done":
        steady = SteadyCaller(story)
        steady.start()
        started = time.perf_counter()
        ws.models.rollback("cells", key="demo/rollback")
        ws.deployments.sync(DEPLOYMENT, key="demo/rollback-sync")
        back = time.perf_counter() - started
        ws.models.promote(
            "cells",
            story.notebook.get("v2"),
            gate=story.notebook.get("gate"),
            reason="forward again",
            key="demo/forward",
        )
        ws.deployments.sync(DEPLOYMENT, key="demo/forward-sync")
        forward = time.perf_counter() - started - back
        steady.stop()
        story.notebook.put(
            rollback_seconds=round(back, 3),
            forward_seconds=round(forward, 3),
            dropped_requests=story.notebook.get("dropped_requests", 0) + steady.dropped,
            requests_during_switch=story.notebook.get("requests_during_switch", 0) + steady.answered,
        )
    tell.fact(
        f"rolled back in {story.notebook.get('rollback_seconds')} s, forward in {story.notebook.get('forward_seconds')} s"
    )


def prove(story: Story) -> None:
    """Stage 7 and 9: what was delivered, what can be replayed, what stands behind each prediction."""
    tell, ws = story.tell, story.ws
    tell.heading("Receipts, lineage, audit")
    deadline = time.monotonic() + 20
    while len(story.controller.actions()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    receipts = list(ws.receipts.list())
    replays = [ws.receipts.replay(receipt.id) for receipt in receipts]
    share = ws.lineage.complete_share()
    audit = ws.audit.verify()
    actions = story.controller.actions()
    broken = check_budget(ws)
    story.notebook.put(
        budget_broken=broken,
        webhooks_delivered=len(actions),
        actions=actions,
        receipts=len(receipts),
        receipts_replayed_same=sum(replay.same for replay in replays),
        lineage_complete=share,
        audit_entries=audit.entries,
        audit_ok=audit.ok,
    )
    tell.fact(f"{len(actions)} signed webhooks acted on once: " + "; ".join(action["did"] for action in actions))
    tell.fact(f"{len(receipts)} receipts, {sum(replay.same for replay in replays)} replayed to the same outcome")
    tell.fact("what trained never judged and was never held out" if not broken else f"BUDGET: {' '.join(broken)}")
    tell.fact(
        f"lineage complete for {share:.1%} of predictions; audit chain of {audit.entries} entries holds: {audit.ok}"
    )


def what_moved(evidence: Any) -> str:
    """One sentence for people: which score carries the alarm, and how the images changed."""
    parts = [
        f"{name} {change.before:.3g} to {change.now:.3g}"
        for name, change in evidence.moved.items()
        if name != "labels" and change.before is not None
    ]
    return f"carried by the {evidence.leading} score; medians before and now: " + ", ".join(parts)


def _drift_alerts(ws: Any) -> list[Any]:
    return sorted((a for a in ws.alerts.list() if a.kind == "drift"), key=lambda alert: alert.sequence)


def _verdict(gate: Any) -> str:
    return "passed" if gate.passed else "REFUSED"


def _aurocs(metrics: Any, name: str) -> dict[str, Any]:
    slices = metrics.slices.cell_type
    return {
        f"{name}_{metric}_{kind}{end}": slices[kind][f"{metric}{end}"]
        for kind in ("mono", "poly")
        for metric in ("auroc", "accuracy")
        for end in ("", "_ci")
    }


def _tell_model(story: Story, name: str) -> None:
    for kind in ("mono", "poly"):
        value, (low, high) = (story.notebook.get(f"{name}_auroc_{kind}{end}") for end in ("", "_ci"))
        story.tell.fact(f"{name} AUROC on {kind}: {value:.3f} [{low:.3f}, {high:.3f}]")


def _tell_campaign(story: Story, campaign: str, kind: str, pool: list[str]) -> None:
    """Counts of a campaign, and the share of its automatic labels that the hidden truth calls wrong."""
    counts = story.ws.campaigns.counts(campaign)
    heads = story.ws.labels.heads("cells", samples=pool).values()
    accepted = story.ws.receipts.list(kind="labels.accept", subject=campaign)
    residual = max((r.evidence.residual_bound for r in accepted if r.outcome.certified), default=0.0)
    auto = [head for head in heads if head.basis == "auto_accepted"]
    wrong = sum(head.label != story.truth[head.sample] for head in auto)
    final_wrong = sum(head.label != story.truth[head.sample] for head in heads)
    story.notebook.put(
        **{
            f"labels/{kind}": {
                "pool": len(pool), "human": counts.human, "auto": len(auto), "auto_wrong": wrong,
                "audits": counts.audits, "residual_bound": residual, "final_wrong": final_wrong,
            }
        }
    )  # fmt: skip
    story.tell.fact(
        f"{kind}: {counts.human} human decisions ({counts.human / len(pool):.0%}), {len(auto)} labels accepted automatically, "
        f"{wrong} of them wrong; with {1 - ALPHA:.0%} confidence at most {EPS:.0%} of the "
        f"region accepted, audited labels included, and {residual:.1%} of what nobody saw"
    )
