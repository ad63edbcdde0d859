"""Delivers events to webhooks and sinks: at least once, in order about one thing, with patience and an end."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook as Signer

from sightloop.domain import now
from sightloop.errors import Refused, SightloopError
from sightloop.events.egress import Egress
from sightloop.events.sinks import Message, Sinks, sink_name
from sightloop.events.tables import deliveries, outbox, webhooks
from sightloop.events.unit_of_work import Events, cloud_event
from sightloop.storage import Records, Stores, faultpoint

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 24 * 3600.0
_BATCH = 32
_IDLE_S = 5.0


def backoff_s(attempt: int, jitter: float) -> float:
    """The pause after a failed attempt: 1, 4, 16 ... seconds up to a day, times a jitter in [0, 1) mapped to 0.5..1."""
    return min(4.0 ** (attempt - 1), LONGEST_PAUSE_S) * (0.5 + jitter / 2)


class Deliverer:
    """A background thread that sends what is due, following Standard Webhooks (https://www.standardwebhooks.com).

    The `webhook-id` is the event's id and stays the same over all attempts, so a receiver can act once. One webhook
    is served by one worker at a time: a slow one does not hold up the others. What is about one subject is sent in
    the order of its events: while one of them waits for its next attempt, the later ones wait too. Redirects are not
    followed; 2xx is success, 410 and a refused address end the delivery at once.

    Args:
        sinks: the brokers that webhooks may name.
        interval_s: longest pause between two looks while something is pending.
        attempts: after that many the delivery is a dead letter.
        backoff: pause in seconds after the nth failed attempt, given a random number in [0, 1).
    """

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        *,
        interval_s: float = 0.1,
        attempts: int = 12,
        egress: Egress,
        sinks: Sinks | None = None,
        timeout_s: float = 10.0,
        workers: int = 4,
        backoff: Callable[[int, float], float] = backoff_s,
        clock: Callable[[], datetime] = now,
        seed: int | None = None,
    ) -> None:
        self._records = records
        self._stores = stores
        self._interval_s = interval_s
        self._attempts = attempts
        self._egress = egress
        self._sinks = sinks or Sinks()
        self._timeout_s = timeout_s
        self._workers = workers
        self._backoff = backoff
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311  jitter, not a secret
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        events.on_commit(self._wake.set)

    def start(self) -> None:
        """Returns at once; from now on deliveries go out."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="deliverer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Returns when the delivery under way has ended; what is pending stays for the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def drain(self, timeout_s: float) -> bool:
        """Whether nothing was pending any more before the time was over. Waits; needs a started deliverer."""
        deadline = time.monotonic() + timeout_s
        while self._pending():
            if time.monotonic() >= deadline:
                return False
            self._wake.set()
            time.sleep(0.02)
        return True

    def _run(self) -> None:
        with ThreadPoolExecutor(self._workers, thread_name_prefix="delivery") as pool:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    for webhook_id, group in groupby(self._due(), key=lambda row: str(row.webhook_id)):
                        with self._lock:
                            self._busy.add(webhook_id)
                        pool.submit(self._serve, webhook_id, list(group))
                    pause_s = self._interval_s if self._pending() else _IDLE_S
                except (SightloopError, sa.exc.SQLAlchemyError):
                    log.exception("the outbox cannot be read; deliveries wait")
                    pause_s = _IDLE_S
                self._wake.wait(pause_s)

    def _serve(self, webhook_id: str, rows: Sequence[sa.Row[Any]]) -> None:
        try:
            for row in rows:
                if self._stopping.is_set() or not self._deliver(row):
                    break
        except Exception:
            log.exception("a delivery's result cannot be stored; it will be sent again")
        finally:
            with self._lock:
                self._busy.discard(webhook_id)
            self._wake.set()

    def _deliver(self, row: sa.Row[Any]) -> bool:
        final = False
        try:
            faultpoint("delivery.before_send")
            sink = sink_name(row.url)
            status = self._post(row) if sink is None else self._publish(sink, row)
            faultpoint("delivery.after_send")
            delivered = sink is not None or 200 <= status < 300
            final, detail = status == 410, f"answered {status}" if sink is None else "acknowledged"
        except Refused as error:
            delivered, status, final, detail = False, 0, True, error.message
        except (SightloopError, ValueError) as error:
            delivered, status = False, 0
            detail = error.message if isinstance(error, SightloopError) else type(error).__name__
        self._note(row, delivered, final or row.attempts + 1 >= self._attempts, status, detail)
        faultpoint("delivery.noted")
        return delivered

    def _publish(self, sink: str, row: sa.Row[Any]) -> int:
        """0, as a broker has no HTTP status, once it has acknowledged the event."""
        body = json.dumps(cloud_event(row), separators=(",", ":")).encode()
        self._sinks.send(sink, Message(row.id, row.workspace_id, row.type, row.subject, body))
        return 0

    def _post(self, row: sa.Row[Any]) -> int:
        secret = self._stores.workspace(row.workspace_id).unseal(row.secret, row.webhook_id)
        body = json.dumps(cloud_event(row), separators=(",", ":"))
        at = self._clock()
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": row.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Signer(secret).sign(row.id, at, body),
        }
        return self._egress.post(row.url, body.encode(), headers, timeout_s=self._timeout_s)

    def _note(self, row: sa.Row[Any], delivered: bool, final: bool, status: int, detail: str) -> None:
        at = self._clock()
        state = "delivered" if delivered else "dead" if final else "pending"
        pause = timedelta(seconds=self._backoff(row.attempts + 1, self._random.random()))
        with self._records.write() as connection:
            connection.execute(
                sa.update(deliveries)
                .where(
                    deliveries.c.workspace_id == row.workspace_id,
                    deliveries.c.id == row.delivery_id,
                    deliveries.c.state == "pending",
                )
                .values(
                    state=state,
                    attempts=row.attempts + 1,
                    status=status,
                    detail=detail[:400],
                    next_at=(at + pause).isoformat() if state == "pending" else row.next_at,
                    ended_at="" if state == "pending" else at.isoformat(),
                )
            )

    def _due(self) -> Sequence[sa.Row[Any]]:
        at = self._clock().isoformat()
        query = (
            sa.select(
                outbox,
                webhooks.c.url,
                webhooks.c.secret,
                deliveries.c.id.label("delivery_id"),
                deliveries.c.webhook_id,
                deliveries.c.attempts,
                deliveries.c.next_at,
            )
            .join_from(
                deliveries,
                outbox,
                sa.and_(
                    outbox.c.workspace_id == deliveries.c.workspace_id,
                    outbox.c.sequence == deliveries.c.event_sequence,
                ),
            )
            .join(
                webhooks,
                sa.and_(webhooks.c.workspace_id == deliveries.c.workspace_id, webhooks.c.id == deliveries.c.webhook_id),
            )
            .where(
                deliveries.c.state == "pending",
                deliveries.c.next_at <= at,
                sa.tuple_(deliveries.c.workspace_id, deliveries.c.webhook_id, outbox.c.subject).not_in(_held(at)),
            )
        )
        with self._lock:
            query = query.where(deliveries.c.webhook_id.not_in(sorted(self._busy)))
        order = (deliveries.c.webhook_id, deliveries.c.event_sequence)
        with self._records.read() as connection:
            return connection.execute(query.order_by(*order).limit(_BATCH)).all()

    def _pending(self) -> bool:
        query = sa.select(sa.literal(1)).where(deliveries.c.state == "pending").limit(1)
        with self._records.read() as connection:
            return connection.scalar(query) is not None


def _held(at: str) -> sa.Select[tuple[str, str, str]]:
    """Of which webhook and subject an event waits for its next attempt, so that later ones must not overtake it."""
    waiting, event = deliveries.alias("waiting"), outbox.alias("event")
    same = sa.and_(event.c.workspace_id == waiting.c.workspace_id, event.c.sequence == waiting.c.event_sequence)
    return (
        sa.select(waiting.c.workspace_id, waiting.c.webhook_id, event.c.subject)
        .join_from(waiting, event, same)
        .where(waiting.c.state == "pending", waiting.c.next_at > at)
    )
