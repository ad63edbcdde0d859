"""The verbs of monitoring."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from sightloop.domain import Alert, Caller, Prediction, now
from sightloop.errors import Conflict, InvalidInput, NotEnoughData, NotFound, SightloopError, not_found
from sightloop.events import Events
from sightloop.monitoring.advance import PAGE, Advance, Folds, Row, alert_of
from sightloop.monitoring.estimates import WINDOW, Estimate, audit_of, drawn, estimate_of, estimated, window_of
from sightloop.monitoring.facets import check_facets, of_prediction, of_sample, regime_of
from sightloop.monitoring.fitting import fit_reference
from sightloop.monitoring.fold import Fold
from sightloop.monitoring.monitor import Monitor, evidence_of, state_of
from sightloop.monitoring.ports import Evaluations, LogReader, ReferencePredictor, Samples
from sightloop.monitoring.reference import KINDS, Outlook, Reference, separate
from sightloop.monitoring.rules import Rule
from sightloop.monitoring.tables import alerts, monitors, rules
from sightloop.storage import Records, Stores

Alerts = list[Alert]  # the verb `list` below hides the built-in one from annotations in the class
Monitors = list[Monitor]
Rules = list[Rule]
Rows = list[Row]
Lines = list[str]
Numbers = list[float]
_WATCHED = ("watching", "void")
MOST_ANSWERS = 500


class Monitoring:
    """Monitors and rules over the prediction log of each deployment, and the alerts they raise."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        log: LogReader,
        predictor: ReferencePredictor,
        evaluations: Evaluations,
        samples: Samples,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._log = log
        self._predictor = predictor
        self._evaluations = evaluations
        self._samples = samples
        self._folds = Folds(records, stores)
        self._advance = Advance(events, stores, self._folds)
        self._turn = threading.RLock()

    def create(
        self,
        caller: Caller,
        name: str,
        *,
        deployment: str,
        reference: Sequence[str],
        fit: Sequence[str] = (),
        alpha: float = 0.01,
        kinds: Sequence[str] = ("embedding", "score"),
        regime: Sequence[str] = (),
        slices: Sequence[str] = (),
    ) -> Monitor:
        """A monitor that watches the deployment from its next prediction on.

        Args:
            reference: held-out samples, in time order, that neither trained the model nor serve elsewhere.
            fit: samples that distances are measured to, such as the model's training samples.
            alpha: chance of ever raising a false alarm, shared by all `kinds` and `slices`.
            kinds: of "embedding", "score", "label", "quality" and "latency".
            regime: facets within which images are compared, where they differ by design: "hour", "camera" (monitoring's
                `facets`). The reference must state them all; a regime that it does not hold is counted, not compared.
            slices: facets whose values are watched apart as well.
        """
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown or not kinds or len(set(kinds)) < len(kinds):
            raise InvalidInput(f"Monitors cannot be {list(kinds)}.", hint=f"Name each once: {', '.join(KINDS)}.")
        monitor_id = caller.new_id("mon")
        existing = self._row(monitors, caller, monitors.c.id == monitor_id)
        if existing:
            return Monitor.of(existing)
        check_facets((*regime, *slices))
        declared = {"regime": list(regime), "slices": list(slices)}
        fitted, digest = self._fitted(caller, deployment, reference, fit, alpha, kinds, declared)
        row = {
            "workspace_id": caller.workspace, "id": monitor_id, "name": name, "deployment": deployment,
            "model_version": fitted.model_version, "alpha": alpha, "kinds": list(kinds), "declared": declared,
            "state": "watching", "epoch": 1, "sequence": self._end(caller, deployment, 0), "reference": digest,
            "stated": state_of(fitted), "fold": Fold(fitted, alpha).as_dict(), "made_at": now().isoformat(),
        }  # fmt: skip
        self._insert(caller, monitors, row, "monitor")
        return Monitor.of(row)

    def rebase(
        self, caller: Caller, name: str, *, reference: Sequence[str], fit: Sequence[str] = (), after: int | None = None
    ) -> Monitor:
        """The monitor on a new reference for the version now deployed; wealth starts at 1 in a new epoch.

        The reference it has already changes nothing: an alarm stays until a new one is taken.

        Args:
            after: watch predictions with a higher sequence; by default those still to come.
        """
        row = self._named(monitors, caller, name, "monitor")
        fitted, digest = self._fitted(
            caller, row["deployment"], reference, fit, row["alpha"], row["kinds"], row["declared"]
        )
        with self._turn:
            row = self._named(monitors, caller, name, "monitor")
            if digest == row["reference"]:
                return Monitor.of(row)
            start = self._end(caller, row["deployment"], row["sequence"]) if after is None else after
            changed = {
                "model_version": fitted.model_version, "state": "watching", "epoch": row["epoch"] + 1,
                "sequence": start, "reference": digest, "stated": state_of(fitted),
                "fold": Fold(fitted, row["alpha"]).as_dict(),
            }  # fmt: skip
            with self._events.change(caller, "monitor.rebase", row["id"]) as tx:
                tx.execute(_at(monitors, caller, row["id"]).values(**changed))
                tx.emit("sightloop.monitor.rebased", {"monitor": name, "epoch": changed["epoch"], "reference": digest})
            return Monitor.of(row | changed)

    def advance(self, caller: Caller, name: str | None = None) -> Alerts:
        """The alerts that new predictions raise, after all monitors and rules (or the named one) took them."""
        raised: Alerts = []
        with self._turn:
            if name is not None and not self._rows(monitors, caller, name) and not self._rows(rules, caller, name):
                raise not_found("monitor or rule", name, self._names(caller))
            while True:
                found = self._advance_page(caller, name)
                if found is None:
                    return raised
                raised += found

    def get(self, caller: Caller, name: str) -> Monitor:
        """The monitor with its history and estimate."""
        with self._turn:
            row = self._named(monitors, caller, name, "monitor")
            fold = self._folds.take(row)
            self._folds.keep(row, fold)
            return Monitor.of(row, fold)

    def estimate(self, caller: Caller, name: str, *, audits: int = 60, upto: int | None = None) -> Estimate:
        """The accuracy to expect on the newest traffic, and what a random audit of it says.

        Args:
            audits: predictions to draw; their truth is told as their outcome, {"label": ...}.
            upto: the last sequence of the traffic meant; the answer's "upto" keeps the draw as traffic goes on.
        """
        if not 1 <= audits <= WINDOW:
            raise InvalidInput(f"{audits} audits cannot be drawn.", hint=f"Give 1 to {WINDOW}.")
        with self._turn:
            row = self._named(monitors, caller, name, "monitor")
            fold = self._folds.take(row)
            self._folds.keep(row, fold)
            found, places = estimate_of(fold, upto), window_of(fold, upto)
            if not found:
                raise NotEnoughData(f'"{name}" has watched no image yet.', hint="Wait for traffic.")
            sequence, ids, labels = (
                [fold.history[column][i] for i in places] for column in ("sequence", "prediction", "label")
            )
        asked = drawn(f"{row['id']}:{row['epoch']}", ids, audits)
        truth: dict[str, str] = {}
        after = sequence[0] - 1
        while after < sequence[-1] and (page := self._log.read(caller, row["deployment"], after, PAGE)):
            truth |= {one.id: str(one.outcome["label"]) for one in page if "label" in one.outcome}
            after = page[-1].sequence
        audit = audit_of(found, asked, dict(zip(ids, labels, strict=True)), truth)
        return estimated(found, name, sequence[-1], audit)

    def list(self, caller: Caller) -> Monitors:
        """All monitors by name, without history."""
        return [Monitor.of(row) for row in self._rows(monitors, caller)]

    def alerts(self, caller: Caller, state: str | None = None, limit: int | None = None, cursor: str = "") -> Alerts:
        """Alerts, newest first, after the one whose id is the cursor; `state` is "raised" or "acknowledged"."""
        mine = alerts.c.workspace_id == caller.workspace
        mine &= sa.true() if state is None else alerts.c.state == state
        if cursor:
            last = self.alert(caller, cursor)
            mine &= sa.tuple_(alerts.c.raised_at, alerts.c.id) < (last.raised_at.isoformat(), last.id)
        query = sa.select(alerts).where(mine).order_by(alerts.c.raised_at.desc(), alerts.c.id.desc()).limit(limit)
        with self._records.read() as connection:
            return [alert_of(dict(row)) for row in connection.execute(query).mappings()]

    def alert(self, caller: Caller, alert_id: str) -> Alert:
        """The alert."""
        row = self._row(alerts, caller, alerts.c.id == alert_id)
        if row is None:
            raise not_found("alert", alert_id, hint="List them: sightloop alert list")
        return alert_of(row)

    def alert_history(self, caller: Caller, alert_id: str) -> Mapping[str, Numbers]:
        """The evidence of the alert's epoch up to its alarm, thinned; empty for a rule."""
        alert = self.alert(caller, alert_id)
        row = self._row(monitors, caller, monitors.c.name == alert.monitor)
        if alert.kind != "drift" or row is None:
            return {}
        return evidence_of(self._folds.course(row, alert_id))

    def acknowledge(self, caller: Caller, alert_id: str) -> Alert:
        """The alert, acknowledged; the monitor stays as it is."""
        if self.alert(caller, alert_id).state == "raised":
            with self._events.change(caller, "alert.acknowledge", alert_id) as tx:
                tx.execute(_at(alerts, caller, alert_id).values(state="acknowledged"))
                tx.emit("sightloop.alert.acknowledged", {"alert": alert_id})
        return self.alert(caller, alert_id)

    def create_rule(self, caller: Caller, name: str, *, deployment: str, label: str, consecutive: int) -> Rule:
        """A rule that fires once, when the label has come `consecutive` times in a row from now on."""
        if consecutive < 1:
            raise InvalidInput(f"A rule cannot wait for {consecutive} in a row.", hint="Give 1 or more.")
        rule_id = caller.new_id("rul")
        existing = self._row(rules, caller, rules.c.id == rule_id)
        if existing:
            return Rule.of(existing)
        self._predictor.get(caller, deployment)
        row = {
            "workspace_id": caller.workspace, "id": rule_id, "name": name, "deployment": deployment, "label": label,
            "consecutive": consecutive, "state": "armed", "sequence": self._end(caller, deployment, 0), "streak": [],
            "made_at": now().isoformat(),
        }  # fmt: skip
        self._insert(caller, rules, row, "rule")
        return Rule.of(row)

    def reset_rule(self, caller: Caller, name: str) -> Rule:
        """The rule, armed again; what was predicted before does not count."""
        with self._turn:
            row = self._named(rules, caller, name, "rule")
            changed = {
                "state": "armed", "streak": [], "sequence": self._end(caller, row["deployment"], row["sequence"])
            }  # fmt: skip
            with self._events.change(caller, "rule.reset", row["id"]) as tx:
                tx.execute(_at(rules, caller, row["id"]).values(**changed))
                tx.emit("sightloop.rule.reset", {"rule": name})
            return Rule.of(row | changed)

    def rules(self, caller: Caller) -> Rules:
        """All rules by name."""
        return [Rule.of(row) for row in self._rows(rules, caller)]

    def check(self, workspace: str) -> Lines:
        """What is wrong: monitors whose reference or history is not what was stored."""
        problems = []
        with self._records.read() as connection:
            rows = connection.execute(sa.select(monitors).where(monitors.c.workspace_id == workspace)).mappings().all()
        for row in rows:
            try:
                Folds(self._records, self._stores).take(dict(row))
            except SightloopError as error:
                problems.append(f"monitor {row['id']}: {error.message}")
        return problems

    def read_upto(self, caller: Caller) -> int:
        """The sequence number up to which every watching monitor and armed rule has read the prediction log."""
        watching = [row["sequence"] for row in self._rows(monitors, caller, None) if row["state"] in _WATCHED]
        armed = [row["sequence"] for row in self._rows(rules, caller, None) if row["state"] == "armed"]
        return min((*watching, *armed), default=sys.maxsize)

    def references(self, workspace: str) -> set[str]:
        """Digests of the blobs that monitors, alerts and rules stand on."""
        with self._records.read() as connection:
            held = connection.scalars(sa.select(monitors.c.reference).where(monitors.c.workspace_id == workspace))
            kept = connection.scalars(sa.select(alerts.c.data).where(alerts.c.workspace_id == workspace))
            return {*held, *kept} - {""}

    def _advance_page(self, caller: Caller, name: str | None) -> Alerts | None:
        """The alerts of the next page of some deployment, or None where the log holds nothing new."""
        watching: dict[str, Rows] = defaultdict(list)
        armed: dict[str, Rows] = defaultdict(list)
        for row in self._rows(monitors, caller, name):
            if row["state"] in _WATCHED:
                watching[row["deployment"]].append(row)
        for row in self._rows(rules, caller, name):
            if row["state"] == "armed":
                armed[row["deployment"]].append(row)
        for deployment in sorted({*watching, *armed}):
            here = watching[deployment], armed[deployment]
            start = min(row["sequence"] for rows in here for row in rows)
            page = self._log.read(caller, deployment, start, PAGE)
            if page:
                return self._advance.run(caller, deployment, page, *here)
        return None

    def _fitted(
        self,
        caller: Caller,
        deployment: str,
        reference: Sequence[str],
        fit: Sequence[str],
        alpha: float,
        kinds: Sequence[str],
        declared: Mapping[str, Sequence[str]],
    ) -> tuple[Reference, str]:
        """The reference for what is deployed now, and the digest of the blob that holds it."""
        if not 0 < alpha < 1:
            raise InvalidInput(f"alpha is {alpha}.", hint="Give a share between 0 and 1, for example 0.01.")
        version = self._predictor.get(caller, deployment).model_version
        held, fitted = separate(reference, fit)
        probabilities, embeddings = self._predictor.predict_samples(caller, version, [*held, *fitted])
        cut = len(held)
        regime, slices = declared.get("regime", ()), declared.get("slices", ())
        made = fit_reference(
            version,
            self._outlook(caller, fitted, probabilities[cut:], embeddings[cut:], quality="quality" in kinds),
            self._outlook(
                caller, held, probabilities[:cut], embeddings[:cut],
                quality="quality" in kinds, regime=regime, slices=slices,
            ),
            kinds=kinds,
            alpha=alpha,
            regime=regime,
            slices=slices,
            answered=self._answered(caller, deployment, version, regime, slices) if "latency" in kinds else None,
            audited=self._audited(caller, version),
        )  # fmt: skip
        return made, self._stores.workspace(caller.workspace).blobs.put(made.to_bytes())

    def _outlook(
        self,
        caller: Caller,
        names: Sequence[str],
        probabilities: npt.NDArray[np.float32],
        embeddings: npt.NDArray[np.float32],
        *,
        quality: bool,
        regime: Sequence[str] = (),
        slices: Sequence[str] = (),
    ) -> Outlook:
        """What is known of samples; they are looked up only where more is asked for than the model says."""
        if not (quality or regime or slices):
            return Outlook(tuple(names), probabilities, embeddings)
        samples = [self._samples.sample(caller, name) for name in names]
        facets = [of_sample((*regime, *slices), one) for one in samples]
        return Outlook(
            tuple(names), probabilities, embeddings,
            np.array([(one.brightness, one.contrast, one.blur) for one in samples]) if quality else None,
            None,
            tuple(regime_of(regime, one) for one in facets),
            {facet: tuple(one[facet] for one in facets) for facet in slices},
        )  # fmt: skip

    def _answered(
        self, caller: Caller, deployment: str, version: str, regime: Sequence[str], slices: Sequence[str]
    ) -> Outlook:
        """The newest answers of the version on the deployment: what its latency is compared with."""
        newest: deque[Prediction] = deque(maxlen=MOST_ANSWERS)
        after = 0
        while page := self._log.read(caller, deployment, after, 10 * PAGE):
            after = page[-1].sequence
            newest.extend(one for one in page if one.model_version == version)
        facets = [of_prediction((*regime, *slices), one) for one in newest]
        nothing = np.empty((0, 0), np.float32)
        return Outlook(
            tuple(one.id for one in newest), nothing, nothing, None,
            np.array([one.latency_ms for one in newest]),
            tuple(regime_of(regime, one) for one in facets),
            {facet: tuple(one[facet] for one in facets) for facet in slices},
        )  # fmt: skip

    def _audited(self, caller: Caller, version: str) -> tuple[Numbers, Numbers]:
        try:
            tested = self._evaluations.evaluation(caller, version)
        except NotFound:
            return [], []
        confidence = np.asarray(tested["probabilities"], np.float64).max(axis=1)
        correct = [float(a == b) for a, b in zip(tested["label"], tested["predicted"], strict=True)]
        return [float(one) for one in confidence], correct

    def _end(self, caller: Caller, deployment: str, after: int) -> int:
        """The sequence of the newest prediction, at least `after`."""
        while page := self._log.read(caller, deployment, after, 10 * PAGE):
            after = page[-1].sequence
        return after

    def _insert(self, caller: Caller, table: sa.Table, row: Row, kind: str) -> None:
        if self._rows(table, caller, row["name"]):
            raise Conflict(f'A {kind} "{row["name"]}" exists already.', hint="Choose another name.")
        with self._events.change(caller, f"{kind}.create", row["id"]) as tx:
            tx.execute(sa.insert(table).values(**row))
            tx.emit(f"sightloop.{kind}.created", {kind: row["name"], "deployment": row["deployment"]})

    def _rows(self, table: sa.Table, caller: Caller, name: str | None = None) -> Rows:
        query = sa.select(table).where(table.c.workspace_id == caller.workspace).order_by(table.c.name)
        with self._records.read() as connection:
            found = connection.execute(query if name is None else query.where(table.c.name == name)).mappings().all()
        return [dict(row) for row in found]

    def _row(self, table: sa.Table, caller: Caller, condition: sa.ColumnElement[bool]) -> Row | None:
        query = sa.select(table).where(table.c.workspace_id == caller.workspace, condition)
        with self._records.read() as connection:
            found = connection.execute(query).mappings().first()
        return None if found is None else dict(found)

    def _named(self, table: sa.Table, caller: Caller, name: str, kind: str) -> Row:
        found = self._rows(table, caller, name)
        if not found:
            raise not_found(kind, name, (row["name"] for row in self._rows(table, caller)))
        return found[0]

    def _names(self, caller: Caller) -> Lines:
        return [row["name"] for table in (monitors, rules) for row in self._rows(table, caller)]


def _at(table: sa.Table, caller: Caller, key: str) -> sa.Update:
    return sa.update(table).where(table.c.workspace_id == caller.workspace, table.c.id == key)
