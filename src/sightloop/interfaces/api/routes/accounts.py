"""Runs, receipts, lineage, audit, events, webhooks and the check of the stored state."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from anyio import sleep
from anyio.to_thread import run_sync
from fastapi import Header, Query, Response
from fastapi.responses import StreamingResponse

from sightloop.domain import Permission
from sightloop.interfaces.api.answers import to_json
from sightloop.interfaces.api.parsing import Body, Cursor, Limit, Name, items_of, page_of
from sightloop.interfaces.api.routing import Ask, Asked, Routes

routes = Routes("accounts")

_LOOK_S = 0.05
_QUIET_S = 15.0


class NewWebhook(Body):
    url: str
    events: list[str]
    name: Name = ""


class Fsck(Body):
    deep: bool = False
    collect: bool = False


@routes.get("/runs", permission=Permission.READ)
def runs(ask: Ask, kind: str | None = None, limit: Limit = 100, cursor: Cursor = "") -> Any:
    """Runs, newest first."""
    return page_of(ask.installation.runs.list(ask.caller, kind, limit, cursor), limit, lambda last: last.id)


@routes.get("/runs/{run}", permission=Permission.READ)
async def show_run(ask: Ask, run: str, wait_s: Annotated[float, Query(ge=0, le=30)] = 0.0) -> Any:
    """One run; with `wait_s`, as soon as it ends or the time is over."""
    until = time.monotonic() + wait_s
    while True:
        found = await run_sync(ask.installation.runs.get, ask.caller, run)
        if found.state.terminal or time.monotonic() >= until:
            return found
        await sleep(_LOOK_S)


@routes.get("/runs/{run}/links", permission=Permission.READ)
def links(ask: Ask, run: str) -> Any:
    """What the run used and made."""
    ask.installation.runs.get(ask.caller, run)
    return items_of(ask.installation.runs.links(ask.caller, run=run))


@routes.post("/runs/{run}/cancel", permission=Permission.RUN_CANCEL)
def cancel(ask: Ask, run: str) -> Any:
    """The run, cancelled; its work stops at its next step."""
    return ask.installation.runs.cancel(ask.caller, run)


@routes.get("/receipts", permission=Permission.READ)
def receipts(
    ask: Ask, kind: str | None = None, subject: str | None = None, limit: Limit = 100, cursor: Cursor = ""
) -> Any:
    """Receipts, newest first."""
    found = ask.installation.events.receipts(ask.caller, kind=kind, subject=subject, limit=limit, cursor=cursor)
    return page_of(found, limit, lambda last: last.id)


@routes.get("/receipts/{receipt}", permission=Permission.READ)
def show_receipt(ask: Ask, receipt: str) -> Any:
    """One receipt."""
    return ask.installation.events.receipt(ask.caller, receipt)


@routes.post("/receipts/{receipt}/replay", permission=Permission.READ, kept=False)
def replay(ask: Ask, receipt: str) -> Any:
    """The decision computed again from its inputs."""
    return ask.installation.replay.replay(ask.caller, receipt)


@routes.get("/lineage/complete-share", permission=Permission.READ)
def complete_share(ask: Ask) -> Any:
    """The share of predictions that resolve all the way to labels."""
    return {"share": ask.installation.lineage.complete_share(ask.caller)}


@routes.get("/lineage/{thing}", permission=Permission.READ)
def lineage(ask: Ask, thing: str) -> Any:
    """What a thing stands on, and what stands on it."""
    return ask.installation.lineage.show(ask.caller, thing)


@routes.get("/audit", permission=Permission.AUDIT_READ)
def audit(ask: Ask, limit: Limit = 100, cursor: Cursor = "") -> Any:
    """Audit entries, oldest first."""
    found = ask.installation.events.audit(ask.caller, limit, cursor)
    return page_of(found, limit, lambda last: str(last.sequence))


@routes.post("/audit/verify", permission=Permission.AUDIT_READ, kept=False)
def verify(ask: Ask) -> Any:
    """Whether the chain is whole, and where it breaks."""
    return ask.installation.events.audit_verify(ask.caller.workspace)


@routes.get("/events", permission=Permission.READ, gives="text/event-stream")
def events(
    ask: Ask,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    follow: bool = True,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
) -> Response:
    """Events after a sequence, as server-sent events; the stream stays open unless `follow` is false."""
    start = after if last_event_id is None else last_event_id
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(ask, start, follow), media_type="text/event-stream", headers=headers)


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
def create_webhook(ask: Ask, body: NewWebhook) -> Any:
    """The webhook with its signing secret, which is shown this once; "sink:NAME" as its url names a broker."""
    made, secret = ask.installation.webhooks.create(ask.caller, body.url, body.events, body.name)
    return {**asdict(made), "secret": secret}


@routes.get("/webhooks", permission=Permission.READ)
def webhooks(ask: Ask) -> Any:
    """The webhooks of the workspace, without their secrets, with what waits and what was given up."""
    return items_of(ask.installation.webhooks.list(ask.caller))


@routes.delete("/webhooks/{webhook}", permission=Permission.ADMIN)
def delete_webhook(ask: Ask, webhook: str) -> Any:
    """The id of the webhook that is gone."""
    ask.installation.webhooks.delete(ask.caller, webhook)
    return {"id": webhook}


@routes.get("/webhook-deliveries", permission=Permission.READ)
def deliveries(
    ask: Ask, webhook: str | None = None, state: str | None = None, limit: Limit = 100, cursor: Cursor = ""
) -> Any:
    """Deliveries in the order of their events."""
    found = ask.installation.webhooks.deliveries(ask.caller, webhook=webhook, state=state, limit=limit, cursor=cursor)
    return page_of(found, limit, lambda last: last.id)


@routes.post("/webhook-deliveries/{delivery}/redeliver", permission=Permission.ADMIN)
def redeliver(ask: Ask, delivery: str) -> Any:
    """The delivery, due again."""
    return ask.installation.webhooks.redeliver(ask.caller, delivery)


@routes.post("/fsck", permission=Permission.ADMIN, kept=False)
def fsck(ask: Ask, body: Fsck) -> Any:
    """What is wrong with the stored state."""
    return ask.installation.fsck.run(ask.caller.workspace, deep=body.deep, collect=body.collect)
