"""The loop's main steps on the command line, beside a server that holds the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.served import Served
from tests.journeys.small_loop import POLICY, SmallLoop
from tests.journeys.small_plant import make_plant

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]


def test_the_loop_runs_command_by_command(closed: SmallLoop, served: Served, tmp_path: Path) -> None:
    run = served.command
    more = make_plant(tmp_path, mono=4, skip=160)
    assert run("ingest", str(more.images))["output"]["ingested"] == 4
    run("schema", "create", "hand", "ok", "defect")
    run("dataset", "create", "hand", "--schema", "hand")
    shares = "train=0.3,test=0.28,reference=0.42"
    first = run("dataset", "commit", "hand", "--where", "cell_type=mono", "--splits", shares)
    campaign = run("label", "start", "hand", "--schema", "hand", "--version", "hand@1:train")["id"]
    item = run("label", "next", "--campaign", campaign)
    assert run("label", "answer", item["id"], "fix", "--label", "ok")["state"] == "answered"
    assert run("label", "status", campaign)["human"] == 1
    table = tmp_path / "labels.csv"
    table.write_text("name,label\n" + "".join(f"{name},{label}\n" for name, label in closed.plant.labels.items()))
    run("dataset", "import", "hand", str(table))
    second = run("dataset", "commit", "hand")
    assert len(run("dataset", "diff", first["id"], second["id"])["relabelled"]) == sum(first["counts"].values())
    version = run("train", "hand", "--dataset", "hand@2", "--test", "hand@2")["output"]["model_version"]
    gate = run("model", "gate", version, "--minimum-auroc", "0.6")
    assert gate["passed"]
    assert run("model", "promote", "hand", version, "--gate", gate["id"])["to_version"] == version
    assert run("deploy", "line-2", "--model", "hand")["model_version"] == version
    (tmp_path / "new.png").write_bytes(more.image(next(iter(more.labels))))
    prediction = run("predict", "line-2", str(tmp_path / "new.png"))
    assert prediction["model_version"] == version
    watched = ("--reference", "hand@1:reference", "--fit", "hand@1:train")
    assert run("monitor", "create", "line-2", "--deployment", "line-2", *watched)["state"] == "watching"
    (tmp_path / "policy.yaml").write_text(POLICY.replace("line-1", "line-2").replace("keep-up", "keep-up-too"))
    assert run("policy", "apply", str(tmp_path / "policy.yaml"))["enabled"]
    run("prediction", "list", "--deployment", "line-2")
    lineage = run("lineage", "show", prediction["prediction_id"])
    assert lineage["missing"] == []
    assert run("receipt", "replay", gate["receipt"])["same"]
    assert run("fsck")["problems"] == []
