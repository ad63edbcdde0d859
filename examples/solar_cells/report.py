"""The story of the run: report.json with its figures and report.html with pictures and plots."""

from __future__ import annotations

import base64
import json
import math
from html import escape
from typing import Any

from examples.solar_cells import plots
from examples.solar_cells.page import card, figure, page, section, table
from examples.solar_cells.story import ALPHA, BUDGET, DRIFT_ALPHA, EPS, Story, what_moved


def write_report(story: Story) -> dict[str, Any]:
    """The figures, after both files are written into the story's folder."""
    figures = collect(story)
    (story.folder / "report.json").write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    (story.folder / "report.html").write_text(render(story, figures))
    return figures


def collect(story: Story) -> dict[str, Any]:
    """Every figure of the run, with the goals that they are held against."""
    book = story.notebook
    mono, poly = book.get("labels/mono"), book.get("labels/poly")
    auto, human, pool = (mono[k] + poly[k] for k in ("auto", "human", "pool"))
    wrong = mono["auto_wrong"] + poly["auto_wrong"]
    names = (
        "images_ingested", "quarantined", "quarantine_reasons", "loop_seconds_by_step", "near_duplicate_groups", "budget",
        "false_alarms_before_shift", "alarm_after_n_images", "alarms_after_promotion", "loop_seconds",
        "rollback_seconds", "forward_seconds", "dropped_requests", "requests_during_switch",
        "webhooks_delivered", "receipts", "receipts_replayed_same", "lineage_complete", "audit_entries",
        "audit_ok", "fsck_problems", "peak_rss_mb", "peak_rss_child_mb", "seconds", "gate_passed",
        "gate_verdict", "cycle_state", "v1", "v2", "actions", "finished",
    )  # fmt: skip
    figures: dict[str, Any] = {name: book.get(name) for name in names}
    for version in ("v1", "v2"):
        for metric in ("auroc", "accuracy"):
            for kind in ("mono", "poly"):
                for end in ("", "_ci"):
                    name = f"{version}_{metric}_{kind}{end}"
                    figures[name] = book.get(name)
    figures |= {
        "ingest_images_per_s": round(book.get("images_ingested") / book.get("ingest_seconds"), 1),
        "decisions_human": human,
        "decisions_auto": auto,
        "human_share": round(human / pool, 4),
        "human_share_by_campaign": {"mono": mono["human"] / mono["pool"], "poly": poly["human"] / poly["pool"]},
        "auto_error_bound": max(mono["residual_bound"], poly["residual_bound"]),
        "region_error_bound": EPS,
        "auto_error_confidence": 1 - ALPHA,
        "auto_error_actual": round(wrong / auto, 4) if auto else 0.0,
        "labels": {"mono": mono, "poly": poly},
        "gate_power": book.get("gate_verdict", {}).get("power"),
        "reviewer": "replay of the data set's own labels",
        "digests": _digests(story),
    }
    figures["goals"] = goals(figures)
    return figures


def bound_text(f: dict[str, Any]) -> str:
    """Both claims: about the regions accepted, and about the labels in them that nobody saw."""
    return f"bound {EPS:.0%} of each region, {f['auto_error_bound']:.1%} of what nobody saw"


WHY_MISSED = {
    "people decide at most half": "Some 2 % of the labels that the model is sure of are wrong, and audits that see errors "
    "take longer: 55 to 140 answers on pools of 360 and 620. An audit costs about the same on a pool of any size, so "
    "larger pools need fewer people.",
}


def goals(f: dict[str, Any]) -> list[dict[str, Any]]:
    """Each goal of the demo with what was reached. A missed goal is said to be missed."""
    rows = [
        ("every image is in, every broken file quarantined", f"{f['images_ingested']} and {f['quarantined']}",
         f["images_ingested"] == 2624 and f["quarantined"] == 40),
        ("wrong automatic labels stay under the bound", f"{f['auto_error_actual']:.1%} of {f['decisions_auto']}, {bound_text(f)}",
         f["auto_error_actual"] <= EPS),
        ("people decide at most half", f"{f['human_share']:.0%}", f["human_share"] <= 0.5),
        ("no alarm before the shift", f["false_alarms_before_shift"], f["false_alarms_before_shift"] == 0),
        ("an alarm within 40 images of the shift", f["alarm_after_n_images"], (f["alarm_after_n_images"] or 99) <= 40),
        ("v2 passes the gate: not worse on mono, better on poly", f["cycle_state"], bool(f["gate_passed"])),
        ("no request is dropped", f"{f['dropped_requests']} of {f['requests_during_switch']}", f["dropped_requests"] == 0),
        ("back on v1 within 5 s", f"{f['rollback_seconds']} s", (f["rollback_seconds"] or 99) <= 5),
        ("no alarm on the new reference", f["alarms_after_promotion"], f["alarms_after_promotion"] == 0),
        ("alarm and rule each acted on once", f["webhooks_delivered"], f["webhooks_delivered"] == 2),
        ("every receipt replays to the same outcome", f"{f['receipts_replayed_same']} of {f['receipts']}",
         f["receipts_replayed_same"] == f["receipts"]),
        ("every prediction resolves to labels", f["lineage_complete"], f["lineage_complete"] == 1.0),
        ("the store is sound", f"{f['fsck_problems']} problems", f["fsck_problems"] == 0),
    ]  # fmt: skip
    return [
        {"goal": goal, "value": str(value), "reached": reached, "why": "" if reached else WHY_MISSED.get(goal, "")}
        for goal, value, reached in rows
    ]


def render(story: Story, f: dict[str, Any]) -> str:
    """The page."""
    cards = [
        card(f"{f['images_ingested']:,}", "images in", f"{f['quarantined']} broken files quarantined"),
        card(f"{f['human_share']:.0%}", "decided by people", f"{f['decisions_auto']} labels accepted automatically"),
        card(f"{f['auto_error_actual']:.1%}", "of those wrong", bound_text(f)),
        card(
            str(f["alarm_after_n_images"]),
            "images to the alarm",
            f"{f['false_alarms_before_shift']} false alarms before",
        ),
        card(f"{f['v1_auroc_poly']:.2f} → {f['v2_auroc_poly']:.2f}", "AUROC on poly", "v1 to v2, frozen test"),
        card(f"{f['rollback_seconds']} s", "to roll back", f"{f['dropped_requests']} dropped requests"),
    ]
    body = [
        '<div class="cards">' + "".join(cards) + "</div>",
        section(
            "What came in",
            "Solar cells under electroluminescence (ELPV, CC-BY-NC-SA-4.0). The model learns on mono-crystalline cells; "
            "then the plant starts making poly-crystalline ones. All images are ingested; the loop runs on the ones where the "
            "experts were sure.",
            _strip(story) + _budget(story, f) + table(("reason", "files"), sorted(f["quarantine_reasons"].items())),
        ),
        section(
            "Who labelled",
            "People answer where the model is unsure or an audit asks. The rest is accepted only where a sequential audit "
            f"certifies at most {EPS:.0%} wrong labels with {1 - ALPHA:.0%} confidence. Here the reviewer is a replay of the "
            "data set's own labels, behind the same interface as a person.",
            plots.shares([_share(kind, f["labels"][kind]) for kind in ("mono", "poly")])
            + _receipts(story, "labels.accept", ("wealth", "audits", "errors", "region_size")),
        ),
        section(
            "What moved",
            f"A conformal test martingale watches the stream. On a stream that does not change, the chance of ever raising an "
            f"alarm is at most {DRIFT_ALPHA:.0%}, however often one looks.",
            _drift(story, f),
        ),
        section(
            "Which model is better",
            "Both versions on the same frozen test cells, never trained on. The gate promotes only what is not worse than the "
            "champion by more than the margin, overall and on each slice, and better where the policy asks for it.",
            plots.intervals(_auroc_rows(f), 0.5, 1.0) + _gate(f),
        ),
        section(
            "What the line did", "Each webhook is signed (Standard Webhooks), verified, and acted on once.", _actions(f)
        ),
        section(
            "What stands behind a prediction",
            "Followed from one answer of the endpoint back to people.",
            _lineage(story),
        ),
        section("Goals", "A goal that is missed is said to be missed.", _goals(f)),
    ]
    return page("The loop on 2,624 solar cells", f["finished"], "".join(body))


def _digests(story: Story) -> dict[str, str]:
    """Content hashes that a second run of the demo must reproduce."""
    ws = story.ws
    versions = {
        f"{name}@{version.number}": version.hash
        for name in ("cells", "cells-test", "poly-stream")
        for version in ws.datasets.versions(name)
    }
    models = {name: ws.models.version(story.notebook.get(name)).bundle_digest for name in ("v1", "v2")}
    return versions | models


def _strip(story: Story) -> str:
    picks = []
    for kind in ("mono", "poly"):
        for label in ("ok", "defect"):
            pool = [s for s in story.budget[kind]["test"] if story.truth[s] == label][:5]
            picks += [(sample, f"{kind}, {label}") for sample in pool]
    return '<div class="strip">' + "".join(figure(_thumb(story, s), text) for s, text in picks) + "</div>"


def _thumb(story: Story, sample: str) -> str:
    data = story.ws.samples.thumbnail(sample)
    kind = "webp" if data[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _budget(story: Story, f: dict[str, Any]) -> str:
    splits = list(next(iter(BUDGET.values())))
    return table(("cells", *splits), [(kind, *(f["budget"][kind][split] for split in splits)) for kind in BUDGET])


def _share(kind: str, labels: dict[str, int]) -> tuple[str, list[tuple[str, int, str]]]:
    return kind, [("decisions of people", labels["human"], "human"), ("automatic", labels["auto"], "auto")]


def _receipts(story: Story, kind: str, evidence: tuple[str, ...]) -> str:
    rows = []
    for receipt in reversed(list(story.ws.receipts.list(kind=kind))):
        facts = (receipt.evidence.get(name, "") for name in evidence)
        rows.append((receipt.id, *(f"{fact:.3g}" if isinstance(fact, float) else str(fact) for fact in facts)))
    return table(("receipt", *evidence), rows)


def _drift(story: Story, f: dict[str, Any]) -> str:
    alert = story.ws.alerts.get(story.notebook.get("alarm"))
    evidence = alert.evidence
    history = story.notebook.get("wealth")
    path = [value / math.log(10) for value in history[evidence.leading]]
    last = len(path) - 1
    first_poly = alert.sequence - int(f["alarm_after_n_images"]) + 1
    begins = next(i for i, sequence in enumerate(history["sequence"]) if sequence >= first_poly)
    curve = plots.wealth_curve(path, evidence.log_threshold / math.log(10), [(begins, "poly begins"), (last, "alarm")])
    examples = "".join(
        figure(_thumb(story, example.sample), f"p = {example.p:.3f}") for example in evidence.examples[:10]
    )
    return f'{curve}<p>{escape(what_moved(evidence))}</p><div class="strip">{examples}</div>'


def _auroc_rows(f: dict[str, Any]) -> list[tuple[str, float, float, float, str]]:
    return [
        (f"{version} on {kind}", f[f"{version}_auroc_{kind}"], *f[f"{version}_auroc_{kind}_ci"], version)
        for kind in ("mono", "poly")
        for version in ("v1", "v2")
    ]


def _gate(f: dict[str, Any]) -> str:
    paired = f["gate_verdict"]["paired"]
    rows = [
        (
            name,
            test["n"],
            f"{test['difference']:+.3f} [{test['lower']:+.3f}, {test['upper']:+.3f}]",
            f"{test['p_value']:.2g}",
            f"{test['power']:.2f}",
            "not worse" if test["passed"] else "REFUSED",
            f"better, p = {paired['superiority_p'][name]:.1g}" if name in paired["superior"] else "",
        )
        for name, test in paired["slices"].items()
    ]
    return table(("slice", "cells", "accuracy, v2 minus v1", "p", "power", "verdict", "superiority"), rows)


def _actions(f: dict[str, Any]) -> str:
    return table(("event", "the line controller did"), [(action["type"], action["did"]) for action in f["actions"]])


def _lineage(story: Story) -> str:
    prediction = next(iter(story.ws.predictions.list(model_version=story.notebook.get("v2"), limit=1)))
    found = story.ws.lineage.show(prediction.id)
    up, labels = found.upstream, found.upstream.labels
    rows = [
        ("prediction", found.id, f"{found.facts.label}, {found.facts.score:.2f}, by {found.facts.deployment}"),
        ("model version", up.model_version.id, f"{up.model_version.model} {up.model_version.number}"),
        ("run", up.run.id, f"code {up.run.code_version}, started by {up.run.actor}"),
        ("dataset version", up.dataset_version.id, up.dataset_version.hash),
        ("labels", f"{labels.labels} annotations", ", ".join(f"{n} {basis}" for basis, n in labels.by_basis.items())),
        ("receipts", ", ".join(labels.receipts), "each replays to the same outcome"),
    ]
    return table(("step", "id", "what"), rows)


def _goals(f: dict[str, Any]) -> str:
    return table(
        ("", "goal", "value", "why"),
        [("reached" if g["reached"] else "MISSED", g["goal"], g["value"], g["why"]) for g in f["goals"]],
    )
