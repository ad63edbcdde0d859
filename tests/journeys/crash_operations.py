"""What a client does to a small installation, how the installation is prepared, and what it holds afterwards.

Everything here is called in processes that `crash_process` forks: they may be killed anywhere.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sightloop
from sightloop.domain import digest_of
from sightloop.errors import NotFound
from sightloop.serving.deployment_file import ServingFolder
from sightloop.serving.supervisor import _end_left_over
from sightloop.storage import Records, Stores, configure_faults
from tests.journeys.small_plant import SmallPlant, make_plant

SETTINGS: Mapping[str, Any] = {
    "events": {"egress_allow": ["127.0.0.1/32"]},
    "storage": {"orphan_grace_s": 0, "free_bytes_floor": 0},
    "decode": {"workers": 1},
    "serving": {"threads": 1},
}
POLICY = """
name: keep-up
watch: {deployment: line-1, monitor: line-1}
on: drift
collect: {count: 30, reference: 60}
label: {schema: cells, reviewer_budget: 30}
train: {model: cells, dataset: cells, test: cells-test@latest, recipe: {trainer: frozen_head, seed: 0}}
gate: {margin: 0.2, alpha: 0.05}
promote: {alias: champion, deployment: line-1}
"""
PAIRS = {"slots": {"left": "left-*.png", "right": "right-*.png"}, "anchor": "left"}
ALARMING = 24
SETTLED_S = 60.0
# How often these come depends on when a clock looked; what they tell is compared by what they leave.
_UNCOUNTED = {"sightloop.predictions.imported", "sightloop.monitoring.advanced", "sightloop.table.restored"}


@dataclass(frozen=True)
class Place:
    """An installation folder, the images beside it, and where webhooks go."""

    folder: Path
    images: Path
    url: str = ""

    def free(self) -> list[str]:
        """Samples that nobody has labelled and no dataset holds."""
        found: list[str] = json.loads((self.images / "free.json").read_text())
        return found

    def image(self, kind: str, number: int) -> bytes:
        return sorted((self.images / kind).iterdir())[number].read_bytes()


def ingest(ws: Any, place: Place) -> None:
    ws.ingest(place.images / "new", name="new", group=PAIRS, key="op")


def label(ws: Any, place: Place) -> None:
    ws.labels.import_("cells", dict.fromkeys(labelled(ws)[:6], "defect"), key="op")


def review(ws: Any, place: Place) -> None:
    campaign = ws.campaigns.start(name="free", schema="cells", samples=place.free(), key="op")
    campaign.advance(key="op-advance")
    item = ws.queue.next(campaign, key="op-next")
    ws.queue.answer(item, "fix", label="ok", key="op-answer")


def commit(ws: Any, place: Place) -> None:
    ws.datasets.commit("cells", add=dict.fromkeys(place.free(), "train"), key="op")


def train(ws: Any, place: Place) -> None:
    ws.train({"seed": 7}, model="cells", dataset="cells@1", test="cells-test@1", key="op")


def promote(ws: Any, place: Place) -> None:
    ws.models.gate("cells@2", champion="cells@1", key="op-gate")
    ws.models.promote("cells", ws.models.version("cells@2").id, reason="the newer one", key="op")


def deploy(ws: Any, place: Place) -> None:
    ws.deployments.sync("line-1", key="op")


def predict(ws: Any, place: Place) -> None:
    for number in range(3):
        ws.deployments.predict("line-1", place.image("mono", number), request_id=f"op-{number}")


def look(ws: Any, place: Place) -> None:
    ws.loop.tick()


def deliver(ws: Any, place: Place) -> None:
    if not ws.webhooks.list():
        ws.webhooks.create(place.url, events=["sightloop.schema.created"])
    for name in ("first", "second"):
        ws.schemas.create(name, ["a", "b"], key=f"op-{name}")
    wait(lambda: bool(ws.webhooks.deliveries()) and {d.state for d in ws.webhooks.deliveries()} == {"delivered"})


def begin(ws: Any, place: Place) -> None:
    ws.schemas.create("first", ["a", "b"], key="op")


def collect(ws: Any, place: Place) -> None:
    ws.fsck(collect=True)


@dataclass(frozen=True)
class Operation:
    """What a client does, on which prepared folder, and whether the serving process is the one that dies."""

    act: Callable[[Any, Place], None]
    template: str
    in_serving: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "begin": Operation(begin, "nothing"),
    "ingest": Operation(ingest, "trained"),
    "label": Operation(label, "trained"),
    "review": Operation(review, "trained"),
    "commit": Operation(commit, "trained"),
    "train": Operation(train, "trained"),
    "promote": Operation(promote, "trained"),
    "deploy": Operation(deploy, "served"),
    "switch": Operation(deploy, "served", in_serving=True),
    "predict": Operation(predict, "served", in_serving=True),
    "look": Operation(look, "logged"),
    "look again": Operation(look, "torn"),
    "deliver": Operation(deliver, "trained"),
    "collect": Operation(collect, "littered"),
}


def labelled(ws: Any) -> list[str]:
    return sorted(ws.labels.heads("cells"))


def attempt(place: Place, name: str, faults: str) -> None:
    """Does the operation with fault points armed; where the serving process is to die, control dies with it.

    Control's points are armed when the folder is open, so that it is the operation that dies and not the opening.
    """
    operation, over = OPERATIONS[name], threading.Event()
    if operation.in_serving:
        ServingFolder(place.folder).lock.unlink(missing_ok=True)  # it names a process of long ago
        threading.Thread(target=_die_with_serving, args=(place.folder, over), daemon=True).start()
    early = operation.in_serving or operation.act is begin
    with opened(place, faults if early else "") as ws:
        if not early:
            configure_faults(faults)
        operation.act(ws, place)
        over.set()


def repeat(place: Place, name: str) -> dict[str, Any]:
    """What the installation holds after its recovery and the client's same call, and how long it took to recover."""
    began = time.monotonic()
    with opened(place) as ws:
        wait(lambda: all(run.state in {"succeeded", "failed", "cancelled"} for run in ws.runs.list()))
        recovered_s = time.monotonic() - began
        problems = list(ws.fsck(deep=True).problems)
        OPERATIONS[name].act(ws, place)
        held = state(ws)
        problems += ws.fsck(deep=True).problems
    return {"state": held, "problems": problems, "recovered_s": recovered_s}


def state(ws: Any) -> dict[str, Any]:
    """All that a client can see, as plain values; ids come from keys and content, so they are the same each time."""
    events = [event for event in ws.events(wait=False) if event["type"] not in _UNCOUNTED]
    models = [model.name for model in ws.models.list()]
    predictions = list(ws.predictions.list())
    return {
        "samples": sorted((one.name, one.media_digest, one.group, one.slot) for one in ws.samples.list()),
        "quarantine": sorted(one.name for one in ws.quarantine.list()),
        "labels": {key: [one.label, one.revision] for key, one in sorted(heads(ws).items())},
        "versions": [[d.name, v.number, v.hash] for d in ws.datasets.list() for v in ws.datasets.versions(d.name)],
        "models": [[v.id, v.number, v.bundle_digest] for name in models for v in ws.models.versions(name)],
        "aliases": [ws.models.aliases(name).as_dict() for name in models],
        "moves": [[m.to_version for m in ws.models.history(name)] for name in models],
        "gates": [gate.id for name in models for v in ws.models.versions(name) for gate in ws.models.gates(v.id)],
        "campaigns": [[one.id, one.state, one.round] for one in ws.campaigns.list()],
        "answers": [[a.item, a.label] for one in ws.campaigns.list() for a in ws.campaigns.answers(one.id)],
        "deployments": [[one.name, one.state, one.model_version] for one in ws.deployments.list()],
        "predictions": sorted([one.id, one.label, one.media_digest] for one in predictions),
        "sequences": sorted(one.sequence for one in predictions),
        "monitors": [[one.name, one.state, one.sequence, one.epoch] for one in ws.monitors.list()],
        "alerts": [[one.kind, one.monitor, one.sequence, one.state] for one in ws.alerts.list()],
        "cycles": [[one.id, one.state, one.moves, sorted(one.facts.as_dict())] for one in ws.loop.cycles()],
        "runs": sorted([one.kind, one.state] for one in ws.runs.list()),
        "receipts": Counter(receipt.kind for receipt in ws.receipts.list()),
        "events": Counter(event["type"] for event in events),
        "event ids twice": [key for key, count in Counter(e["id"] for e in events).items() if count > 1],
        "deliveries": Counter(one.state for one in ws.webhooks.deliveries()),
        "audit": ws.audit.verify().ok,
    }


def heads(ws: Any) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = ws.labels.heads("cells")
    except NotFound:
        return {}
    return found


def wait(done: Callable[[], bool]) -> None:
    """Returns once it is so; raises AssertionError where that takes more than a minute."""
    until = time.monotonic() + SETTLED_S
    while not done():
        assert time.monotonic() < until, "it did not settle"
        time.sleep(0.02)


def opened(place: Place, faults: str = "") -> Any:
    return sightloop.connect(place.folder, settings={**SETTINGS, "faults": faults})


def prepare(home: Path) -> None:
    """Makes the images and the templates under `home`: trained, served, logged, littered and torn but for its kill."""
    plant = make_plant(home / "mono", mono=88)
    shutil.copytree(plant.images, home / "images" / "mono")
    make_plant(home / "poly", mono=0, poly=ALARMING)
    shutil.copytree(home / "poly" / "images", home / "images" / "poly")
    make_plant(home / "more", mono=4, skip=88)
    shutil.copytree(home / "more" / "images", home / "images" / "new")
    for name, image in zip(
        ("left-1.png", "right-1.png"), sorted((home / "images" / "new").glob("*.png")), strict=False
    ):
        image.rename(image.with_name(name))
    (home / "images" / "new" / "broken.png").write_bytes(b"not an image")
    (home / "images" / "new" / "again.png").write_bytes(plant.image(sorted(plant.labels)[0]))
    place = partial(Place, images=home / "images")
    groups = _train(place(home / "trained"), plant)
    _copy(home, "trained", "served")
    _serve(place(home / "served"))
    _copy(home, "served", "logged")
    _log(place(home / "logged"), groups)
    _copy(home, "trained", "littered")
    _litter(home / "littered")
    _copy(home, "logged", "torn")


def _copy(home: Path, one: str, other: str) -> None:
    shutil.copytree(home / one, home / other)


def _train(place: Place, plant: SmallPlant) -> dict[str, list[str]]:
    """Samples, labels, two dataset versions and two model versions, the first one champion."""
    with opened(place) as ws:
        ws.ingest(plant.images)
        truth = {sample.id: plant.labels[sample.name] for sample in ws.samples.list()}
        by_label = [[one for one in sorted(truth) if truth[one] == label] for label in ("ok", "defect")]
        cuts = {"train": slice(0, 6), "test": slice(6, 12), "reference": slice(12, 42)}
        (place.images / "free.json").write_text(json.dumps([*by_label[0][42:], *by_label[1][42:]]))
        groups = {name: [sample for ids in by_label for sample in ids[cut]] for name, cut in cuts.items()}
        ws.schemas.create("cells", ["ok", "defect"])
        known = [*groups["train"], *groups["test"]]
        ws.labels.import_("cells", {sample: truth[sample] for sample in known})
        for dataset, split in (("cells", "train"), ("cells-test", "test")):
            ws.datasets.create(dataset, schema="cells")
            ws.datasets.commit(dataset, add=dict.fromkeys(groups[split], split))
        for seed in (0, 1):
            ws.train({"seed": seed}, model="cells", dataset="cells@1", test="cells-test@1")
        ws.models.promote("cells", ws.models.version("cells@1").id, reason="the first one")
    return groups


def _serve(place: Place) -> None:
    """A deployment that answers with version 1 while its alias names version 2."""
    with opened(place) as ws:
        ws.deployments.deploy("line-1", model="cells")
        ws.models.promote("cells", ws.models.version("cells@2").id, reason="to be switched to")


def _log(place: Place, groups: Mapping[str, list[str]]) -> None:
    """A watched deployment that was sent other cells, in two segments which nobody has imported, and is stopped."""
    with opened(place) as ws:
        ws.monitors.create("line-1", deployment="line-1", reference=groups["reference"], fit=groups["train"], alpha=0.1)
        ws.policies.apply(POLICY)
    for half in (range(ALARMING // 2), range(ALARMING // 2, ALARMING)):
        with opened(place) as ws:
            for number in half:
                ws.deployments.predict("line-1", place.image("poly", number), request_id=f"traffic-{number}")
            if half.stop == ALARMING:
                ws.deployments.stop("line-1")


def _litter(folder: Path) -> None:
    """What crashes leave behind: blobs that nothing names, and a table ahead of its pointer."""
    with opened(Place(folder, folder)) as ws:
        ws.status()
    blobs = folder / "workspaces" / "default" / "blobs"
    for text in (b"left over", b"left over too"):
        home = blobs / digest_of(text)[:2]
        home.mkdir(exist_ok=True)
        (home / digest_of(text)).write_bytes(text)
    records = Records(f"sqlite:///{folder / 'sightloop.db'}")
    tables = Stores(folder, records).workspace("default").tables
    version = tables.latest("samples")
    assert version is not None
    tables.append("samples", tables.read("samples", version).slice(0, 1))
    records.close()


def _die_with_serving(folder: Path, over: threading.Event) -> None:
    """Kills this process as soon as the serving process, once it was there, is gone: as if the machine had died."""
    place = ServingFolder(folder)
    pid = 0
    while not over.wait(0.005):
        text = place.lock.read_text() if place.lock.exists() else ""
        found = int(text.split('"pid": ')[1].split(",")[0]) if '"pid"' in text else 0
        pid = pid or (found if found and _alive(found) else 0)
        if pid and not _alive(pid):
            os.kill(os.getpid(), signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def end_left_over(folder: Path) -> None:
    """Ends the serving process of a folder that nobody will open again."""
    _end_left_over(ServingFolder(folder))
