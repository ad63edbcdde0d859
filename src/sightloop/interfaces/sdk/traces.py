"""What happened and who may act: runs, receipts, lineage, audit, events, webhooks, keys, workspaces."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sightloop.errors import Unavailable, from_problem
from sightloop.interfaces.sdk.connection import Connection, Noun, part, reference
from sightloop.interfaces.sdk.records import Record

Reference = str | Mapping[str, Any]
Progress = Callable[[Record], None] | bool
_POLL_S = 1.0


class Runs(Noun):
    """Executions of work."""

    def list(self, *, kind: str | None = None, limit: int | None = None) -> Iterator[Record]:
        return self._connection.pages("/runs", kind=kind, limit=limit)

    def get(self, run: Reference) -> Record:
        return self._connection.get(f"/runs/{part(run)}")

    def links(self, run: Reference) -> Sequence[Record]:
        """What the run used and made."""
        return self._connection.items(f"/runs/{part(run)}/links")

    def cancel(self, run: Reference, *, key: str | None = None) -> Record:
        """The run, cancelled: what it had committed stays, and its work stops at its next step."""
        return self._connection.post(f"/runs/{part(run)}/cancel", key=key)

    def wait(self, run: Reference, *, timeout_s: float = 3600.0, progress: Progress = False) -> Record:
        """The ended run. Raises the run's own error if it failed or was cancelled.

        `progress` gets the run about each second; True prints it to standard error.
        """
        tell = _print_progress if progress is True else progress or _say_nothing
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            found = self._connection.get(f"/runs/{part(run)}", wait_s=_POLL_S)
            tell(found)
            if found.state in ("failed", "cancelled"):
                raise from_problem(found.error.as_dict())
            if found.state == "succeeded":
                return found
        raise Unavailable(
            f'The run "{reference(run)}" has not ended after {timeout_s:g} s.',
            hint="It goes on; look at it with: sightloop run show",
        )


def _say_nothing(run: Record) -> None:
    pass


def _print_progress(run: Record) -> None:
    told = run.progress
    if "total" in told:
        print(f"\r{run.kind} {told.done}/{told.total} {told.note:<40}", end="", file=sys.stderr)
    if run.state not in ("pending", "running"):
        print(f"\r{run.kind} {run.state}{'':<40}", file=sys.stderr)


class Receipts(Noun):
    """What automatic decisions left."""

    def list(
        self, *, kind: str | None = None, subject: str | None = None, limit: int | None = None
    ) -> Iterator[Record]:
        return self._connection.pages("/receipts", kind=kind, subject=subject, limit=limit)

    def get(self, receipt: Reference) -> Record:
        return self._connection.get(f"/receipts/{part(receipt)}")

    def replay(self, receipt: Reference) -> Record:
        """The decision computed again from its inputs: `same` tells whether it came out alike."""
        return self._connection.post(f"/receipts/{part(receipt)}/replay")


class Lineage(Noun):
    """What stands on what."""

    def show(self, id: Reference) -> Record:
        """What a prediction, model version, dataset version, sample or annotation stands on, and what on it."""
        return self._connection.get(f"/lineage/{part(id)}")

    def complete_share(self) -> float:
        """The share of predictions that resolve all the way to labels."""
        return float(self._connection.get("/lineage/complete-share").share)


class Audit(Noun):
    """The hash-chained record of every change."""

    def list(
        self,
        *,
        limit: int | None = None,
        actor: str | None = None,
        subject: str | None = None,
        action: str | None = None,
        newest: bool = False,
    ) -> Iterator[Record]:
        """The entries that match, oldest first unless asked; `action` may end with a star: "labels.*"."""
        order = "newest" if newest else None
        return self._connection.pages("/audit", limit=limit, actor=actor, subject=subject, action=action, order=order)

    def export(
        self, path: str | Path, *, actor: str | None = None, subject: str | None = None, action: str | None = None
    ) -> Path:
        """The file written: the entries that match, oldest first, one JSON object a line."""
        return self._connection.save("/audit/export", path, actor=actor, subject=subject, action=action)

    def verify(self) -> Record:
        """Whether the chain is whole, and where it breaks."""
        return self._connection.post("/audit/verify")


class Webhooks(Noun):
    """Receivers of events, signed after Standard Webhooks."""

    def create(self, url: str, *, events: Sequence[str], name: str = "", key: str | None = None) -> Record:
        """The webhook with its `secret`, which is shown this once."""
        return self._connection.post("/webhooks", {"url": url, "events": list(events), "name": name}, key=key)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/webhooks")

    def delete(self, webhook: Reference) -> Record:
        return self._connection.delete(f"/webhooks/{part(webhook)}")

    def deliveries(self, *, webhook: Reference | None = None, state: str | None = None) -> Sequence[Record]:
        given = None if webhook is None else reference(webhook)
        return self._connection.items("/webhook-deliveries", webhook=given, state=state)

    def redeliver(self, delivery: Reference, *, key: str | None = None) -> Record:
        return self._connection.post(f"/webhook-deliveries/{part(delivery)}/redeliver", key=key)


class Keys(Noun):
    """API keys of the workspace."""

    def create(
        self, role: str, *, name: str = "", days: int | None = None, deployment: str = "", key: str | None = None
    ) -> Record:
        """The API key with its `secret`, which is shown this once. A predictor's key may be for one deployment."""
        body = {"role": role, "name": name or None, "days": days, "deployment": deployment or None}
        return self._connection.post("/keys", body, key=key)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/keys")

    def revoke(self, api_key: Reference) -> Record:
        return self._connection.delete(f"/keys/{part(api_key)}")


class Workspaces(Noun):
    """The tenants of the installation."""

    def create(self, name: str, *, key: str | None = None) -> Record:
        """The workspace with the `secret` of its first admin key, which is shown this once."""
        return self._connection.post("/workspaces", {"name": name}, key=key)

    def list(self) -> Sequence[Record]:
        return self._connection.items("/workspaces")


def follow(connection: Connection, *, after: int, follow: bool) -> Iterator[Record]:
    """Events in order (CloudEvents 1.0 with a `sequence`) as they happen; without `follow` those there are."""
    for line in connection.lines("/events", after=after, follow=follow):
        if line.startswith("data:"):
            yield Record(json.loads(line[5:]))
