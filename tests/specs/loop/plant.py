"""A plant in memory behind the loop's ports: traffic, data sets, reviewers, training, models, serving, monitors.

Each verb makes a thing once for an idempotency key, as the real rooms do, and counts how often it made one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sightloop.domain import (
    Alert,
    AliasMove,
    Caller,
    DatasetVersion,
    Deployment,
    GateResult,
    PayloadKind,
    Prediction,
    Role,
    Run,
    RunState,
    VersionEntry,
    now,
)
from sightloop.errors import NotFound, SightloopError
from sightloop.events import Events
from sightloop.loop import Loop, Rooms
from sightloop.storage import Records, Stores

ENGINEER = Caller("default", "tester", Role.ENGINEER)
STRANGER = Caller("other", "stranger", Role.ENGINEER)
POLICY = """
name: keep-up
watch: {deployment: line-1, monitor: line-1}
on: drift
collect: {count: 20, reference: 60}
label: {schema: cells, reviewer_budget: 50}
train: {model: cells, dataset: cells, recipe: {trainer: frozen_head}, test: cells-test@latest}
gate: {margin: 0.05, slices: [cell_type], superiority: ["cell_type=poly"]}
promote: {deployment: line-1}
"""


@dataclass(frozen=True)
class Campaign:
    id: str
    state: str = "asking"
    round: int = 0


class Plant:
    def __init__(self) -> None:
        self.log: list[Prediction] = []
        self.alarms = [Alert("alt_1", "line-1", "drift", "raised", now(), 0, "rcp_alarm")]
        self.known: dict[str, str] = {}
        self.spooled: dict[str, bytes] = {}
        self.made: Counter[str] = Counter()
        self.groups: list[tuple[str, ...]] = []
        self.committed: Mapping[str, str] = {}
        self.campaign_state = "asking"
        self.human = 0
        self.run_state = RunState.SUCCEEDED
        self.run_error: Mapping[str, Any] = {}
        self.gate_passes = True
        self.champion = "mdv_1"
        self.serving = "mdv_1"
        self.tested = {"mdv_1"}
        self.rebased: dict[str, Any] = {}
        self.broken: dict[str, SightloopError] = {}
        self._by_key: dict[str, Any] = {}

    def rooms(self) -> Rooms:
        return Rooms(
            Traffic(self), Samples(self), Reviewers(self), Trainers(self), RunLog(self), Models(self), Deployer(self),
            Watchers(self),
        )  # fmt: skip

    def send(self, count: int, *, known: bool = True) -> None:
        """Predictions on new media, which are samples already or only in the spool."""
        for _ in range(count):
            digest = f"media-{len(self.log):03}"
            if known:
                self.known[digest] = f"smp-{len(self.log):03}"
            else:
                self.spooled[digest] = digest.encode()
            self.see(digest)

    def see(self, digest: str) -> None:
        sequence = len(self.log) + 1
        self.log.append(
            Prediction(
                f"prd_{sequence}", "", digest, "mdv_1", "line-1", now(), PayloadKind.CLASS_SCORES, {}, "ok", 0.9,
                sequence=sequence,
            )
        )  # fmt: skip

    def once(self, caller: Caller, kind: str, make: Callable[[], Any]) -> Any:
        if kind in self.broken:
            raise self.broken[kind]
        assert caller.idempotency_key is not None
        if caller.idempotency_key not in self._by_key:
            self.made[kind] += 1
            self._by_key[caller.idempotency_key] = make()
        return self._by_key[caller.idempotency_key]

    def run(self, caller: Caller, kind: str) -> Run:
        made: Run = self.once(
            caller, kind, lambda: Run(f"run_{kind}_{self.made[kind]}", kind, RunState.RUNNING, {}, now())
        )
        return made


@dataclass
class _Port:
    plant: Plant


class Traffic(_Port):
    def read(self, caller: Caller, deployment: str, after: int, limit: int) -> Sequence[Prediction]:
        return [one for one in self.plant.log if one.sequence > after][:limit]

    def media(self, caller: Caller, digest: str) -> bytes | None:
        return self.plant.spooled.get(digest)


class Samples(_Port):
    def find_media(self, caller: Caller, digests: Sequence[str]) -> Mapping[str, str]:
        return {one: self.plant.known[one] for one in digests if one in self.plant.known}

    def upload(self, caller: Caller, name: str, data: bytes) -> str:
        return name

    def ingest(self, caller: Caller, source: dict[str, Any]) -> Run:
        self.plant.known |= {one["digest"]: f"smp-{one['digest'][-3:]}" for one in source["files"]}
        return self.plant.run(caller, "ingest")

    def version(self, caller: Caller, id_or_name: str) -> DatasetVersion:
        name = id_or_name.split("@")[0]
        return DatasetVersion(f"dsv_{name}", name, 1, "", "", {}, {}, now())

    def entries(
        self, caller: Caller, version: str, split: str | None = None, labelled: bool = False
    ) -> Sequence[VersionEntry]:
        digest = "media-test" if "test" in version else "media-train"
        return [VersionEntry(f"smp-{version}", digest, "train", "ann_1", 1, "ok", "", "")]

    def inseparable(self, caller: Caller) -> Sequence[Sequence[str]]:
        return self.plant.groups

    def commit(self, caller: Caller, dataset: str, *, add: Mapping[str, str], note: str) -> DatasetVersion:
        self.plant.committed = add
        made: DatasetVersion = self.plant.once(
            caller, "commit", lambda: DatasetVersion("dsv_2", dataset, 2, "", "", {}, {}, now())
        )
        return made


class Reviewers(_Port):
    def start_campaign(
        self, caller: Caller, *, name: str, schema: str, samples: Sequence[str], eps: float, alpha: float,
        seed_count: int | None, seed: int, context: Sequence[str], policy: str,
    ) -> Campaign:  # fmt: skip
        made: Campaign = self.plant.once(caller, "campaign", lambda: Campaign("cmp_1"))
        return made

    def advance(self, caller: Caller, campaign_id: str) -> Campaign:
        return Campaign(campaign_id, self.plant.campaign_state)

    def counts(self, caller: Caller, campaign_id: str) -> Mapping[str, int]:
        return {"human": self.plant.human, "auto": 7}


class Trainers(_Port):
    def train(
        self, caller: Caller, recipe: dict[str, Any], *, model: str, dataset_version: str, test_version: str
    ) -> Run:
        return self.plant.run(caller, "train")

    def evaluate(self, caller: Caller, model_version: str, test_version: str) -> Run:
        self.plant.tested.add(model_version)
        return self.plant.run(caller, "evaluate")


class RunLog(_Port):
    def get(self, caller: Caller, run_id: str) -> Run:
        at = now()
        output = {"model_version": "mdv_2"}
        return Run(run_id, "", self.plant.run_state, {}, at, at, output=output, error=self.plant.run_error)


class Models(_Port):
    def aliases(self, caller: Caller, model: str) -> Mapping[str, str]:
        return {"champion": self.plant.champion}

    def evaluation(self, caller: Caller, version_id: str, test_version: str = "") -> Mapping[str, Any]:
        if version_id not in self.plant.tested:
            raise NotFound("It was not evaluated there.")
        return {}

    def gate(
        self, caller: Caller, challenger: str, champion: str | None, *, margin: float, alpha: float,
        slices: Sequence[str], superiority: Sequence[str], policy: str, run: str,
    ) -> GateResult:  # fmt: skip
        made: GateResult = self.plant.once(
            caller,
            "gate",
            lambda: GateResult(
                "gat_1", "cells", challenger, champion or "", self.plant.gate_passes, {}, "rcp_gate", now()
            ),
        )
        return made

    def promote(self, caller: Caller, model: str, version_id: str, *, alias: str, gate: str | None) -> AliasMove:
        def move() -> AliasMove:
            self.plant.champion = version_id
            return AliasMove(model, alias, "mdv_1", version_id, caller.actor, "rcp_move", now())

        made: AliasMove = self.plant.once(caller, "promote", move)
        return made


class Deployer(_Port):
    def get(self, caller: Caller, name: str) -> Deployment:
        return Deployment(
            "dep_1", name, "cells", self.plant.serving, "champion", "realtime", "onnx", "ready", "", now()
        )

    def sync(self, caller: Caller, name: str) -> Deployment:
        if "sync" in self.plant.broken:
            raise self.plant.broken["sync"]
        self.plant.serving = self.plant.champion
        return self.get(caller, name)


@dataclass
class _Watched:
    state: str = "alarmed"


@dataclass
class Watchers(_Port):
    watched: _Watched = field(default_factory=_Watched)

    def get(self, caller: Caller, name: str) -> _Watched:
        return self.watched

    def alerts(self, caller: Caller, state: str | None = None) -> Sequence[Alert]:
        if caller.workspace != ENGINEER.workspace:
            return []
        return [one for one in self.plant.alarms if state in (None, one.state)]

    def alert(self, caller: Caller, alert_id: str) -> Alert:
        return next(one for one in self.plant.alarms if one.id == alert_id)

    def acknowledge(self, caller: Caller, alert_id: str) -> Alert:
        self.plant.alarms = [replace(one, state="acknowledged") for one in self.plant.alarms]
        return self.alert(caller, alert_id)

    def rebase(
        self, caller: Caller, name: str, *, reference: Sequence[str], fit: Sequence[str], after: int | None
    ) -> object:
        self.plant.rebased = {"reference": list(reference), "fit": list(fit), "after": after}
        return self.watched


class House:
    """The loop over a plant, in a folder that outlives it."""

    def __init__(self, folder: Path, plant: Plant) -> None:
        self.records = Records(f"sqlite:///{folder / 'sightloop.db'}")
        self.records.migrate()
        self.stores = Stores(folder, self.records)
        self.events = Events(self.records)
        self.loop = Loop(self.records, self.stores, self.events, plant.rooms())

    def state(self) -> str:
        """The state of the only cycle."""
        (cycle,) = self.loop.cycles(ENGINEER)
        return cycle.state
