"""The work of each state: done at most once for each cycle and attempt, however often a tick asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sightloop.domain import Caller, Prediction, Run, RunState, derived_id
from sightloop.errors import NotFound, from_problem
from sightloop.loop.cycles import Cycle, Cycles
from sightloop.loop.ports import Deployer, Models, Reviewers, RunLog, Samples, Traffic, Trainers, Watchers
from sightloop.storage import faultpoint

PAGE = 500
Seen = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rooms:
    """The services that the loop joins."""

    traffic: Traffic
    samples: Samples
    reviewers: Reviewers
    trainers: Trainers
    runs: RunLog
    models: Models
    deployer: Deployer
    watchers: Watchers


class Pass:
    """One look at a cycle: does what can be done now and tells what was seen, or nothing where it must wait.

    What a state makes is noted in the cycle before the next thing is made, so that a crash anywhere leads back here.
    """

    def __init__(self, caller: Caller, cycle: Cycle, rooms: Rooms, cycles: Cycles, gathered: Gathered) -> None:
        self.cycle = cycle
        self._caller = caller
        self._rooms = rooms
        self._cycles = cycles
        self._gathered = gathered
        self._policy = cycle.declared
        self._began = time.perf_counter()
        self._ran_s = 0.0

    def look(self) -> Seen | None:
        """What was seen in the cycle's state; None where it waits for traffic, people or a run."""
        step: Callable[[], Seen | None] = getattr(self, f"_{self.cycle.state}")
        return step()

    def seconds(self) -> float:
        """The machine's work since the last time this was asked: this pass, and the runs it saw end."""
        now = time.perf_counter()
        spent, self._began, self._ran_s = now - self._began + self._ran_s, now, 0.0
        return spent

    def _alerted(self) -> Seen:
        alert = self._rooms.watchers.alert(self._caller, self.cycle.alert)
        return {"alert": alert.id, "kind": alert.kind, "monitor": alert.monitor, "receipt": alert.receipt}

    def _collecting(self) -> Seen | None:
        wanted, watch, rooms = self._policy["collect"], self._policy["watch"], self._rooms
        train = self._policy["train"]
        base = self._noted("base", lambda: rooms.samples.version(self._caller, f"{train['dataset']}@latest").id)
        test = self._noted("test", lambda: rooms.samples.version(self._caller, train["test"]).id)
        if not self._gathered.known:
            self._gathered.start(
                rooms.watchers.alert(self._caller, self.cycle.alert).sequence,
                {one.media_digest for version in (base, test) for one in rooms.samples.entries(self._caller, version)},
            )
        need = wanted["count"] + wanted["reference"]
        while True:
            if not self._gathered.fill(self._caller, rooms.traffic, watch["deployment"], need):
                return None
            found = self._ingested([one.media_digest for one in self._gathered.predictions])
            if found is None:
                return None
            if not self._gathered.drop(self._unfit(found, base, test)):
                break
        samples = [found[one.media_digest] for one in self._gathered.predictions]
        chosen, held_out = samples[: wanted["count"]], samples[wanted["count"] : need]
        self._note(samples=chosen, held_out=held_out, last_sequence=self._gathered.predictions[-1].sequence)
        return {
            "collected": len(chosen), "held_out": len(held_out), "last_sequence": self.cycle.facts["last_sequence"],
            "samples": derived_id("set", *chosen), "reference": derived_id("set", *held_out),
        }  # fmt: skip

    def _labeling(self) -> Seen | None:
        facts, label, rooms = self.cycle.facts, self._policy["label"], self._rooms
        campaign_id = self._noted(
            "campaign",
            lambda: (
                rooms.reviewers.start_campaign(
                    self._keyed("campaign"),
                    name=f"{self.cycle.policy} {self.cycle.id}",
                    schema=label["schema"],
                    samples=facts["samples"],
                    eps=label["eps"],
                    alpha=label["alpha"],
                    seed_count=label["seed_count"],
                    seed=label["seed"],
                    context=[
                        one.sample
                        for one in rooms.samples.entries(self._caller, facts["base"], split="train", labelled=True)
                    ],
                    policy=self.cycle.policy,
                ).id
            ),
        )
        campaign = rooms.reviewers.advance(self._caller, campaign_id)
        counts = rooms.reviewers.counts(self._caller, campaign_id)
        seen = {"campaign": campaign_id, "campaign_state": campaign.state, **counts}
        if campaign.round != self.cycle.facts.get("campaign_round"):
            self._note(campaign_round=campaign.round)
        return seen

    def _training(self) -> Seen | None:
        facts, train, rooms = self.cycle.facts, self._policy["train"], self._rooms
        version = self._noted(
            "dataset_version",
            lambda: (
                rooms.samples.commit(
                    self._keyed("commit"),
                    train["dataset"],
                    add=dict.fromkeys(facts["samples"], "train"),
                    note=f"collected by the policy {self.cycle.policy}",
                ).id
            ),
        )
        run = self._run(
            "train_run",
            lambda: rooms.trainers.train(
                self._keyed("train"),
                train["recipe"],
                model=train["model"],
                dataset_version=version,
                test_version=facts["test"],
            ),
        )
        if run is None:
            return None
        self._note(challenger=run.output["model_version"])
        return {"run": run.id, "dataset_version": version, "model_version": run.output["model_version"]}

    def _gating(self) -> Seen | None:
        facts, rooms, gate = self.cycle.facts, self._rooms, self._policy["gate"]
        model, alias = self._policy["train"]["model"], self._policy["promote"]["alias"]
        champion = self._noted("champion", lambda: rooms.models.aliases(self._caller, model).get(alias, ""))
        if champion and not self._tested(champion, facts["test"]):
            run = self._run(
                "evaluate_run",
                lambda: rooms.trainers.evaluate(self._keyed("evaluate"), champion, facts["test"]),
            )
            if run is None:
                return None
        verdict = rooms.models.gate(
            self._keyed("gate"),
            facts["challenger"],
            champion or None,
            margin=gate["margin"],
            alpha=gate["alpha"],
            slices=gate["slices"],
            superiority=gate["superiority"],
            policy=self.cycle.policy,
            run=facts["train_run"],
        )
        self._note(gate=verdict.id)
        return {
            "gate": verdict.id, "passed": verdict.passed, "challenger": facts["challenger"], "champion": champion,
            "receipt": verdict.receipt,
        }  # fmt: skip

    def _promoting(self) -> Seen:
        facts, rooms, promote = self.cycle.facts, self._rooms, self._policy["promote"]
        model = self._policy["train"]["model"]
        rooms.models.promote(
            self._keyed("promote"), model, facts["challenger"], alias=promote["alias"], gate=facts["gate"]
        )
        serving = rooms.deployer.sync(self._keyed("sync"), promote["deployment"])
        holder = rooms.models.aliases(self._caller, model).get(promote["alias"], "")
        return {"challenger": facts["challenger"], "holder": holder, "serving": serving.model_version}

    def _watching(self) -> Seen:
        facts, watch, rooms = self.cycle.facts, self._policy["watch"], self._rooms
        rooms.watchers.rebase(
            self._keyed("rebase"),
            watch["monitor"],
            reference=facts["held_out"],
            fit=facts["samples"],
            after=facts["last_sequence"],
        )
        rooms.watchers.acknowledge(self._keyed("acknowledge"), self.cycle.alert)
        return {"monitor": watch["monitor"], "reference": len(facts["held_out"]), "fit": len(facts["samples"])}

    def _ingested(self, digests: Sequence[str]) -> Mapping[str, str] | None:
        """Samples by media digest, after an ingest of media that are none yet; None while it runs."""
        rooms = self._rooms
        found = rooms.samples.find_media(self._caller, digests)
        missing = [one for one in digests if one not in found]
        if not missing:
            return found
        name = derived_id("ingest", *missing)
        files = []
        if name not in self.cycle.facts:
            for digest in missing:
                data = rooms.traffic.media(self._caller, digest)
                if data is not None:
                    files.append({"name": digest, "digest": rooms.samples.upload(self._caller, digest, data)})
            if not files:
                return found
        source = {"kind": "upload", "files": files}
        run = self._run(name, lambda: rooms.samples.ingest(self._keyed(name), source))
        return None if run is None else rooms.samples.find_media(self._caller, digests)

    def _unfit(self, found: Mapping[str, str], base: str, test: str) -> list[Prediction]:
        """Predictions whose media are gone, or nearly the same as what they must not meet.

        Nothing that is collected may meet the test version; what is held out may not meet what trains either.
        """
        groups = self._rooms.samples.inseparable(self._caller)
        entries = self._rooms.samples.entries(self._caller, test)
        judged = {one.sample for one in entries if one.split == "test"} or {one.sample for one in entries}
        leaks = _near(judged, groups)
        count, gathered = self._policy["collect"]["count"], self._gathered.predictions
        fit = [one for one in gathered if found.get(one.media_digest) not in {None, *leaks}]
        trains = {one.sample for one in self._rooms.samples.entries(self._caller, base, split="train")}
        trained = _near(trains | {found[one.media_digest] for one in fit[:count]}, groups)
        kept = {
            one.id for one in [*fit[:count], *(one for one in fit[count:] if found[one.media_digest] not in trained)]
        }
        return [one for one in gathered if one.id not in kept]

    def _tested(self, version: str, test: str) -> bool:
        try:
            self._rooms.models.evaluation(self._caller, version, test)
        except NotFound:
            return False
        return True

    def _run(self, name: str, start: Callable[[], Run]) -> Run | None:
        """The run of that name once it has succeeded; None while it runs. Raises what made it fail."""
        run = self._rooms.runs.get(self._caller, self._noted(name, lambda: start().id))
        if not run.state.terminal:
            return None
        if run.state is not RunState.SUCCEEDED:
            raise from_problem(run.error or {"detail": f"The run {run.id} was cancelled."})
        if run.ended_at is not None:
            self._ran_s += (run.ended_at - run.started_at).total_seconds()
        return run

    def _noted(self, name: str, make: Callable[[], str]) -> str:
        if name not in self.cycle.facts:
            made = make()
            faultpoint("cycle.made")
            self._note(**{name: made})
        return str(self.cycle.facts[name])

    def _note(self, **facts: Any) -> None:
        self.cycle = self._cycles.note(self._caller, self.cycle, facts, self.seconds())

    def _keyed(self, what: str) -> Caller:
        return self._caller.keyed("cycle", self.cycle.id, what, str(self.cycle.attempt))


def _near(samples: set[str], groups: Iterable[Iterable[str]]) -> set[str]:
    """The samples of every group that holds one of these."""
    return {one for group in map(set, groups) if group & samples for one in group}


class Gathered:
    """Distinct media predicted on after the alarm, in log order; rebuilt from the log after a restart."""

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self.known: set[str] = set()
        self._after = 0

    def start(self, after: int, known: set[str]) -> None:
        """Returns nothing; what is in the datasets already, above all in the test version, is never collected."""
        self._after, self.known = after, {*known, ""}

    def fill(self, caller: Caller, traffic: Traffic, deployment: str, need: int) -> bool:
        """Whether as many as needed are there, after reading what is new in the log."""
        while len(self.predictions) < need:
            page = traffic.read(caller, deployment, self._after, PAGE)
            if not page:
                return False
            for one in page:
                if len(self.predictions) == need:
                    break
                self._after = one.sequence
                if one.media_digest not in self.known:
                    self.known.add(one.media_digest)
                    self.predictions.append(one)
        return True

    def drop(self, lost: Sequence[Prediction]) -> bool:
        """Whether any was dropped: its media are gone, or it is too near to the test version."""
        gone = {one.id for one in lost}
        self.predictions = [one for one in self.predictions if one.id not in gone]
        return bool(gone)
