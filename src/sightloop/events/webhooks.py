"""Webhooks: who wants to be told of which events, and what became of each delivery."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from sightloop.domain import Caller, now
from sightloop.errors import InvalidInput, Unavailable, not_found
from sightloop.events.egress import Egress
from sightloop.events.paging import read_page
from sightloop.events.sinks import Sinks, sink_name
from sightloop.events.tables import deliveries, webhooks
from sightloop.events.unit_of_work import Events
from sightloop.storage import Records, Stores, insert_once


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events. `event_types` are exact, end in ".*", or are "*".

    Attributes:
        url: where it is, or "sink:NAME" for a broker that the operator declared.
        pending: deliveries that still wait; dead: those given up; waiting_since: when the oldest that waits was made.
    """

    id: str
    name: str
    url: str
    event_types: tuple[str, ...]
    made_at: str
    pending: int = 0
    dead: int = 0
    waiting_since: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook: pending, delivered, or dead after the last attempt."""

    id: str
    webhook_id: str
    event_id: str
    event_sequence: int
    state: str
    attempts: int
    next_at: str
    status: int
    detail: str
    made_at: str
    ended_at: str


class Webhooks:
    """The webhooks of a workspace."""

    def __init__(
        self, records: Records, stores: Stores, events: Events, egress: Egress, sinks: Sinks | None = None
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._egress = egress
        self._sinks = sinks or Sinks()

    def create(self, caller: Caller, url: str, event_types: Sequence[str], name: str = "") -> tuple[Webhook, str]:
        """The webhook and its signing secret ("whsec_..."), which is shown this once; a sink has none.

        Args:
            url: an address, or "sink:NAME".

        Raises:
            Refused: the URL leads into a private network, or is public and not https.
            NotFound, Forbidden: the operator declared no such sink, or not for this workspace.
        """
        sink = sink_name(url)
        if sink is not None:
            self._sinks.require(caller.workspace, sink)
        else:
            with suppress(Unavailable):  # a name that does not resolve yet is checked again before each delivery
                self._egress.resolve(url)
        if not event_types or not all(kind == "*" or kind.startswith("sightloop.") for kind in event_types):
            raise InvalidInput(
                "A webhook names the event types it wants.", hint='Such as "sightloop.alert.raised", or "*" for all.'
            )
        webhook_id = caller.new_id("whk")
        secret = "" if sink is not None else "whsec_" + base64.b64encode(os.urandom(32)).decode()
        store = self._stores.workspace(caller.workspace)
        row = {
            "workspace_id": caller.workspace,
            "id": webhook_id,
            "name": name,
            "url": url,
            "event_types": list(event_types),
            "secret": store.seal(secret, webhook_id),
            "made_at": now().isoformat(),
        }
        with self._events.change(caller, "webhook.create", webhook_id) as change:
            insert_once(change.connection, webhooks, [row])
            stored = change.execute(
                sa.select(webhooks).where(webhooks.c.workspace_id == caller.workspace, webhooks.c.id == webhook_id)
            ).one()
            change.emit("sightloop.webhook.created", {"event_types": list(stored.event_types)})
        return _webhook(stored), store.unseal(stored.secret, webhook_id)

    def list(self, caller: Caller) -> list[Webhook]:
        """The workspace's webhooks, by id, with what waits and what was given up."""
        waits = deliveries.c.state == "pending"
        kept = sa.case((waits, deliveries.c.made_at))
        counted = (
            sa.select(
                deliveries.c.webhook_id,
                sa.func.count(sa.case((waits, 1))).label("pending"),
                sa.func.count(sa.case((deliveries.c.state == "dead", 1))).label("dead"),
                sa.func.coalesce(sa.func.min(kept), "").label("waiting_since"),
            )
            .where(deliveries.c.workspace_id == caller.workspace)
            .group_by(deliveries.c.webhook_id)
        )
        mine = sa.select(webhooks).where(webhooks.c.workspace_id == caller.workspace).order_by(webhooks.c.id)
        with self._records.read() as connection:
            counts = {row.webhook_id: row for row in connection.execute(counted)}
            found = [_webhook(row) for row in connection.execute(mine)]
        return [
            replace(one, pending=of.pending, dead=of.dead, waiting_since=of.waiting_since)
            if (of := counts.get(one.id))
            else one
            for one in found
        ]

    def delete(self, caller: Caller, webhook_id: str) -> None:
        """Returns once the webhook is gone; what it still waited for becomes a dead letter."""
        self._require(caller, webhook_id)
        mine = sa.and_(deliveries.c.workspace_id == caller.workspace, deliveries.c.webhook_id == webhook_id)
        with self._events.change(caller, "webhook.delete", webhook_id) as change:
            change.execute(
                sa.delete(webhooks).where(webhooks.c.workspace_id == caller.workspace, webhooks.c.id == webhook_id)
            )
            change.execute(
                sa.update(deliveries)
                .where(mine, deliveries.c.state == "pending")
                .values(state="dead", detail="the webhook was deleted", ended_at=now().isoformat())
            )
            change.emit("sightloop.webhook.deleted", {})

    def deliveries(
        self,
        caller: Caller,
        *,
        webhook: str | None = None,
        state: str | None = None,
        limit: int = 100,
        cursor: str = "",
    ) -> Sequence[Delivery]:
        """Deliveries, by event sequence and webhook. `cursor` is the id of the last one seen."""
        query = sa.select(deliveries).where(deliveries.c.workspace_id == caller.workspace)
        if webhook is not None:
            query = query.where(deliveries.c.webhook_id == webhook)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        order = (deliveries.c.event_sequence, deliveries.c.id)
        page = partial(read_page, workspace=caller.workspace, what="delivery", limit=limit, cursor=cursor)
        with self._records.read() as connection:
            return [_delivery(row) for row in page(connection, query, order)]

    def redeliver(self, caller: Caller, delivery_id: str) -> Delivery:
        """The delivery, due again at once, with all its attempts; the receiver sees the same webhook-id."""
        mine = sa.and_(deliveries.c.workspace_id == caller.workspace, deliveries.c.id == delivery_id)
        with self._records.read() as connection:
            found = connection.execute(sa.select(deliveries).where(mine)).first()
        if found is None:
            raise not_found("delivery", delivery_id, hint="List them: sightloop webhook deliveries")
        self._require(caller, found.webhook_id)
        with self._events.change(caller, "webhook.redeliver", delivery_id) as change:
            change.execute(
                sa.update(deliveries)
                .where(mine)
                .values(state="pending", attempts=0, next_at=now().isoformat(), ended_at="")
            )
            change.emit("sightloop.webhook.redelivered", {"webhook": found.webhook_id})
            return _delivery(change.execute(sa.select(deliveries).where(mine)).one())

    def retire(self, caller: Caller, before: datetime) -> int:
        """How many deliveries that succeeded before the moment are gone; pending and dead ones stay."""
        done = (deliveries.c.workspace_id == caller.workspace) & (deliveries.c.state == "delivered")
        with self._events.change(caller, "webhook.retire", caller.workspace) as change:
            count = change.execute(
                sa.delete(deliveries).where(done, deliveries.c.ended_at < before.isoformat())
            ).rowcount
            change.emit("sightloop.webhook.deliveries_retired", {"count": count})
        return int(count)

    def _require(self, caller: Caller, webhook_id: str) -> None:
        known = [hook.id for hook in self.list(caller)]
        if webhook_id not in known:
            raise not_found("webhook", webhook_id, known, hint="List them: sightloop webhook list")


def _webhook(row: sa.Row[tuple[object, ...]]) -> Webhook:
    return Webhook(id=row.id, name=row.name, url=row.url, event_types=tuple(row.event_types), made_at=row.made_at)


def _delivery(row: sa.Row[tuple[object, ...]]) -> Delivery:
    fields = dict(row._mapping)
    del fields["workspace_id"]
    return Delivery(**fields)
