"""What happened: runs, receipts, lineage, audit, events, webhooks and the check of the stored state."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from anyio import sleep
from anyio.to_thread import run_sync
from fastapi import Header, Query, Response
from fastapi.responses import StreamingResponse

from sightloop.domain import ArtifactLink, Permission, Receipt, Run
from sightloop.events import AuditEntry, AuditReport, CloudEvent, Delivery, Webhook
from sightloop.governance import FsckReport, Replayed, Standpoint
from sightloop.interfaces.api.answers import to_json
from sightloop.interfaces.api.parsing import Body, Cursor, Limit, Listed, Name, items_of, page_of
from sightloop.interfaces.api.routing import Ask, Asked, Routes

routes = Routes("traces")

_LOOK_S = 0.05
_QUIET_S = 15.0
_LINES = "application/jsonl"
_EXPORTED = 1000  # entries read at once

Action = Annotated[str | None, Query(description='The whole action, or its beginning with a star: "labels.*".')]


class NewWebhook(Body):
    url: str
    events: list[str]
    name: Name = ""


class Fsck(Body):
    deep: bool = False
    collect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMade(Webhook):
    """A new webhook; its signing secret is shown this once."""

    secret: str


@dataclass(frozen=True, slots=True)
class Share:
    """A share, 0 to 1."""

    share: float


@dataclass(frozen=True, slots=True)
class NewestEvents:
    """Events, newest first; `sequence` is that of the first, 0 where there is none."""

    sequence: int
    items: Sequence[CloudEvent]


@dataclass(frozen=True, slots=True)
class Gone:
    """The id of what is gone."""

    id: str


@routes.get("/runs", permission=Permission.READ)
def list_runs(ask: Ask, kind: str | None = None, limit: Limit = 100, cursor: Cursor = "") -> Listed[Run]:
    """Runs, newest first."""
    return page_of(ask.installation.runs.list(ask.caller, kind, limit, cursor), limit, lambda last: last.id)


@routes.get("/runs/{run}", permission=Permission.READ)
async def show_run(ask: Ask, run: str, wait_s: Annotated[float, Query(ge=0, le=30)] = 0.0) -> Run:
    """One run; with `wait_s`, as soon as it ends or the time is over."""
    until = time.monotonic() + wait_s
    while True:
        found = await run_sync(ask.installation.runs.get, ask.caller, run)
        if found.state.terminal or time.monotonic() >= until:
            return found
        await sleep(_LOOK_S)


@routes.get("/runs/{run}/links", permission=Permission.READ)
def list_run_links(ask: Ask, run: str) -> Listed[ArtifactLink]:
    """What the run used and made."""
    ask.installation.runs.get(ask.caller, run)
    return items_of(ask.installation.runs.links(ask.caller, run=run))


@routes.post("/runs/{run}/cancel", permission=Permission.RUN_CANCEL)
def cancel_run(ask: Ask, run: str) -> Run:
    """The run, cancelled; its work stops at its next step."""
    return ask.installation.runs.cancel(ask.caller, run)


@routes.get("/receipts", permission=Permission.READ)
def list_receipts(
    ask: Ask, kind: str | None = None, subject: str | None = None, limit: Limit = 100, cursor: Cursor = ""
) -> Listed[Receipt]:
    """Receipts, newest first."""
    found = ask.installation.events.receipts(ask.caller, kind=kind, subject=subject, limit=limit, cursor=cursor)
    return page_of(found, limit, lambda last: last.id)


@routes.get("/receipts/{receipt}", permission=Permission.READ)
def show_receipt(ask: Ask, receipt: str) -> Receipt:
    """One receipt."""
    return ask.installation.events.receipt(ask.caller, receipt)


@routes.post("/receipts/{receipt}/replay", permission=Permission.READ, kept=False)
def replay_receipt(ask: Ask, receipt: str) -> Replayed:
    """The decision computed again from its inputs."""
    return ask.installation.replay.replay(ask.caller, receipt)


@routes.get("/lineage/complete-share", permission=Permission.READ)
def show_complete_share(ask: Ask) -> Share:
    """The share of predictions that resolve all the way to labels."""
    return Share(ask.installation.lineage.complete_share(ask.caller))


@routes.get("/lineage/{thing}", permission=Permission.READ)
def show_lineage(ask: Ask, thing: str) -> Standpoint:
    """What a thing stands on, and what stands on it."""
    return ask.installation.lineage.show(ask.caller, thing)


@routes.get("/audit", permission=Permission.AUDIT_READ)
def list_audit(
    ask: Ask,
    limit: Limit = 100,
    cursor: Cursor = "",
    actor: str | None = None,
    subject: str | None = None,
    action: Action = None,
    order: Literal["oldest", "newest"] = "oldest",
) -> Listed[AuditEntry]:
    """Audit entries that match."""
    found = ask.installation.events.audit(
        ask.caller, limit, cursor, newest=order == "newest", actor=actor, subject=subject, action=action
    )
    return page_of(found, limit, lambda last: str(last.sequence))


@routes.get("/audit/export", permission=Permission.AUDIT_READ, gives=_LINES)
def export_audit(ask: Ask, actor: str | None = None, subject: str | None = None, action: Action = None) -> Response:
    """All audit entries that match, oldest first, one JSON object a line."""

    def lines() -> Iterator[bytes]:
        cursor = ""
        while found := ask.installation.events.audit(
            ask.caller, _EXPORTED, cursor, actor=actor, subject=subject, action=action
        ):
            yield b"".join(to_json(one) + b"\n" for one in found)
            cursor = str(found[-1].sequence)

    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(lines(), media_type=_LINES, headers=headers)


@routes.post("/audit/verify", permission=Permission.AUDIT_READ, kept=False)
def verify_audit(ask: Ask) -> AuditReport:
    """Whether the chain is whole, and where it breaks."""
    return ask.installation.events.audit_verify(ask.caller.workspace)


@routes.get("/events", permission=Permission.READ, gives="text/event-stream")
def stream_events(
    ask: Ask,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    follow: bool = True,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
) -> Response:
    """Events after a sequence, as server-sent events; the stream stays open unless `follow` is false."""
    start = after if last_event_id is None else last_event_id
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(ask, start, follow), media_type="text/event-stream", headers=headers)


@routes.get("/events/newest", permission=Permission.READ)
def list_newest_events(ask: Ask, limit: Limit = 30) -> NewestEvents:
    """The newest events, newest first, and the sequence that a stream of what comes goes on from."""
    found = ask.installation.events.newest(ask.caller.workspace, limit)
    return NewestEvents(found[0]["sequence"] if found else 0, found)


async def _stream(ask: Asked, after: int, follow: bool) -> AsyncIterator[bytes]:
    """Server-sent events (HTML Living Standard, section 9.2); a comment now and then keeps the way open."""
    quiet_since = time.monotonic()
    while True:
        timeout_s = 0.5 if follow else 0.0
        found = await run_sync(ask.installation.events.wait, ask.caller.workspace, after, timeout_s)
        for event in found:
            after = event["sequence"]
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (after, event["type"].encode(), to_json(event))
        if found:
            quiet_since = time.monotonic()
        elif not follow:
            return
        elif time.monotonic() - quiet_since > _QUIET_S:
            quiet_since = time.monotonic()
            yield b": still here\n\n"


@routes.post("/webhooks", permission=Permission.ADMIN, kept=False)
def create_webhook(ask: Ask, body: NewWebhook) -> WebhookMade:
    """The webhook with its signing secret, which is shown this once; "sink:NAME" as its url names a broker."""
    made, secret = ask.installation.webhooks.create(ask.caller, body.url, body.events, body.name)
    return WebhookMade(**asdict(made), secret=secret)


@routes.get("/webhooks", permission=Permission.READ)
def list_webhooks(ask: Ask) -> Listed[Webhook]:
    """The webhooks of the workspace, without their secrets, with what waits and what was given up."""
    return items_of(ask.installation.webhooks.list(ask.caller))


@routes.delete("/webhooks/{webhook}", permission=Permission.ADMIN)
def delete_webhook(ask: Ask, webhook: str) -> Gone:
    """The id of the webhook that is gone."""
    ask.installation.webhooks.delete(ask.caller, webhook)
    return Gone(webhook)


@routes.get("/webhook-deliveries", permission=Permission.READ)
def list_deliveries(
    ask: Ask, webhook: str | None = None, state: str | None = None, limit: Limit = 100, cursor: Cursor = ""
) -> Listed[Delivery]:
    """Deliveries in the order of their events."""
    found = ask.installation.webhooks.deliveries(ask.caller, webhook=webhook, state=state, limit=limit, cursor=cursor)
    return page_of(found, limit, lambda last: last.id)


@routes.post("/webhook-deliveries/{delivery}/redeliver", permission=Permission.ADMIN)
def redeliver(ask: Ask, delivery: str) -> Delivery:
    """The delivery, due again."""
    return ask.installation.webhooks.redeliver(ask.caller, delivery)


@routes.post("/fsck", permission=Permission.ADMIN, kept=False)
def fsck(ask: Ask, body: Fsck) -> FsckReport:
    """What is wrong with the stored state."""
    return ask.installation.fsck.run(ask.caller.workspace, deep=body.deep, collect=body.collect)
