"""What happened: the unit of work, the audit chain, the outbox, receipts, idempotency, webhooks and sinks."""

from sightloop.events.audit_chain import AuditEntry, AuditReport
from sightloop.events.delivery import Deliverer
from sightloop.events.egress import Egress
from sightloop.events.egress_gate import EgressGate
from sightloop.events.idempotency import Idempotency
from sightloop.events.paging import read_page
from sightloop.events.relay import Relay
from sightloop.events.sinks import Sinks
from sightloop.events.unit_of_work import Change, CloudEvent, Events
from sightloop.events.webhooks import Delivery, Webhook, Webhooks

__all__ = [
    "AuditEntry",
    "AuditReport",
    "Change",
    "CloudEvent",
    "Deliverer",
    "Delivery",
    "Egress",
    "EgressGate",
    "Events",
    "Idempotency",
    "Relay",
    "Sinks",
    "Webhook",
    "Webhooks",
    "read_page",
]
