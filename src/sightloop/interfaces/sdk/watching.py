"""Monitors, rules, alerts and the policies that close the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sightloop.interfaces.sdk.connection import Noun, items_of, part, references
from sightloop.interfaces.sdk.records import Record

Reference = str | Mapping[str, Any]


class Monitors(Noun):
    """Sequential tests over a deployment's predictions, with a controlled false-alarm rate."""

    def create(
        self,
        name: str,
        *,
        deployment: str,
        reference: Sequence[Reference],
        fit: Sequence[Reference] = (),
        alpha: float = 0.01,
        kinds: Sequence[str] = ("embedding", "score"),
        regime: Sequence[str] = (),
        slices: Sequence[str] = (),
        key: str | None = None,
    ) -> Record:
        """A monitor of the deployment against reference samples, in time order.

        Args:
            fit: samples the model knows.
            alpha: chance of ever raising a false alarm, over all kinds and slices.
            kinds: of "embedding", "score", "label", "quality" and "latency".
            regime: facets within which images are compared, such as "hour@Europe/Berlin", "shift:6-14-22" or a metadata
                key; predictions state theirs in the header X-Sightloop-Facets.
            slices: facets whose values are watched apart as well.
        """
        body = {
            "name": name,
            "deployment": deployment,
            "reference": references(reference),
            "fit": references(fit),
            "alpha": alpha,
            "kinds": list(kinds),
            "regime": list(regime),
            "slices": list(slices),
        }
        return self._connection.post("/monitors", body, key=key)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/monitors")

    def get(self, name: str) -> Record:
        return self._connection.get(f"/monitors/{part(name)}")

    def estimate(self, name: str, *, audits: int = 60, upto: int | None = None) -> Record:
        """The accuracy to expect without labels, with limits, and a random audit of the same traffic.

        Tell the truth about `audit.open` with `predictions.outcome(id, {"label": ...})`, then ask again with the
        answer's `upto`: once all are answered, `audit` has limits of its own and contradicts the estimate ("refuted")
        or does not ("confirmed").
        """
        return self._connection.get(f"/monitors/{part(name)}/estimate", audits=audits, upto=upto)

    def advance(self, name: str | None = None, *, key: str | None = None) -> Sequence[Record]:
        """The alerts raised by the predictions that came in since the last look."""
        return items_of(self._connection.post("/monitors/advance", {"name": name}, key=key))

    def rebase(
        self, name: str, *, reference: Sequence[Reference], fit: Sequence[Reference] = (), key: str | None = None
    ) -> Record:
        """The monitor on a new reference; the old one is void after an alarm."""
        body = {"reference": references(reference), "fit": references(fit)}
        return self._connection.post(f"/monitors/{part(name)}/rebase", body, key=key)


class Rules(Noun):
    """Rules that fire once on a run of equal predictions, until reset."""

    def create(self, name: str, *, deployment: str, label: str, consecutive: int, key: str | None = None) -> Record:
        body = {"name": name, "deployment": deployment, "label": label, "consecutive": consecutive}
        return self._connection.post("/rules", body, key=key)

    def reset(self, name: str, *, key: str | None = None) -> Record:
        return self._connection.post(f"/rules/{part(name)}/reset", key=key)


class Alerts(Noun):
    """Raised alarms and fired rules."""

    def list(self, *, state: str | None = None) -> Sequence[Record]:
        return self._connection.items("/alerts", state=state)

    def get(self, alert: str) -> Record:
        return self._connection.get(f"/alerts/{part(alert)}")

    def acknowledge(self, alert: Reference, *, key: str | None = None) -> Record:
        return self._connection.post(f"/alerts/{part(alert)}/acknowledge", key=key)


class Policies(Noun):
    """Declared rules of the loop, in YAML."""

    def apply(self, text: str, *, key: str | None = None) -> Record:
        """The policy, created or replaced by name."""
        return self._connection.post_text("/policies", text, key=key)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/policies")

    def get(self, name: str) -> Record:
        return self._connection.get(f"/policies/{part(name)}")

    def dry_run(self, name: str) -> Record:
        """What the policy would do on the newest alert, and what it would cost; nothing is done."""
        return self._connection.post(f"/policies/{part(name)}/dry-run")

    def enable(self, name: str | None = None, *, key: str | None = None) -> Record:
        """One policy, or the whole workspace, may act again."""
        return self._connection.post("/loop/enable" if name is None else f"/policies/{part(name)}/enable", key=key)

    def stop(self, name: str | None = None, *, key: str | None = None) -> Record:
        """The kill switch: of one policy, or of every automatic act in the workspace."""
        return self._connection.post("/loop/stop" if name is None else f"/policies/{part(name)}/stop", key=key)


class Loop(Noun):
    """The circle that the policies drive."""

    def tick(self, *, key: str | None = None) -> Record:
        """What was done in one look: predictions imported, alerts raised, cycles advanced."""
        return self._connection.post("/loop/tick", key=key)

    def cycles(self) -> Sequence[Record]:
        return self._connection.items("/cycles")

    def cycle(self, cycle: str) -> Record:
        return self._connection.get(f"/cycles/{part(cycle)}")

    def resume(self, cycle: Reference, *, key: str | None = None) -> Record:
        """The failed, stopped or refused cycle, set back to where it ended for another attempt."""
        return self._connection.post(f"/cycles/{part(cycle)}/resume", key=key)

    def cancel(self, cycle: Reference, *, key: str | None = None) -> Record:
        """The cycle, stopped."""
        return self._connection.post(f"/cycles/{part(cycle)}/cancel", key=key)
